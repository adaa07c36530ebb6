"""Names of features survive their way into a table and back."""

from hypothesis import given
from hypothesis import strategies as st

from konan.predictions.columns import SYSTEM, TYPES, Column, column_of, labels

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(st.sampled_from(sorted(TYPES)), NAMES)
def test_a_name_is_read_back(letter: str, name: str) -> None:
    column = Column(letter, name)
    assert column_of(column.physical) == column
    assert not set(column.physical) & set(" ,;{}()\n\t=")


@given(st.lists(NAMES, unique=True, max_size=8))
def test_different_names_differ_in_more_than_case(names: list[str]) -> None:
    physical = [Column("n", name).physical for name in names]
    assert len({one.lower() for one in physical}) == len(names)
    shown = labels([*SYSTEM.names, *physical])
    assert len({one.lower() for one in shown.values()}) == len(SYSTEM.names) + len(names)


def test_columns_of_every_log_are_no_features() -> None:
    assert [column_of(name) for name in SYSTEM.names] == [None] * len(SYSTEM.names)
