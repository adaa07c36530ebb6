"""The chain of a ledger, and what was live when."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from konan.records.ledger import Checked, LedgerEntry, Share
from konan.rollout import ledger


def written(*versions: int) -> list[LedgerEntry]:
    """A ledger, oldest first, with an entry for each hour."""
    entries: list[LedgerEntry] = []
    for hour, version in enumerate(versions):
        entry = LedgerEntry(
            number=0,
            deployment="d",
            at=f"2026-11-20T{hour:02d}:00:00.000000Z",
            action="promote",
            live=(Share(version=version, share=1.0),),
            by="k",
        )
        entries.append(ledger.sealed(entry, entries[-1] if entries else None))
    return entries


def test_a_ledger_that_was_only_added_to_is_whole() -> None:
    entries = written(1, 2, 1)
    assert [entry.number for entry in entries] == [1, 2, 3]
    assert ledger.checked(entries) == Checked(entries=3, broken=None, hash=entries[-1].hash)
    assert ledger.checked([]) == Checked(entries=0, broken=None, hash="")


CHANGES: dict[str, Any] = {
    "number": 7,
    "deployment": "another",
    "at": "2026-11-20T00:00:00.000001Z",
    "action": "rollback",
    "live": (Share(version=1, share=0.5), Share(version=9, share=0.5)),
    "by": "somebody",
    "why": "no reason",
    "previous": "0" * 64,
    "hash": "f" * 64,
}


@given(place=st.integers(0, 4), field=st.sampled_from(sorted(CHANGES)))
def test_a_changed_entry_is_named(place: int, field: str) -> None:
    entries = written(1, 2, 3, 4, 5)
    entries[place] = msgspec.structs.replace(entries[place], **{field: CHANGES[field]})
    assert ledger.checked(entries).broken == entries[place].number


@given(place=st.integers(0, 3))
def test_an_entry_that_was_left_out_is_missed(place: int) -> None:
    entries = written(1, 2, 3, 4, 5)
    del entries[place]
    assert ledger.checked(entries).broken == entries[place].number


def test_an_entry_sealed_anew_breaks_the_one_after_it() -> None:
    entries = written(1, 2, 3)
    forged = msgspec.structs.replace(entries[1], why="forged")
    entries[1] = ledger.sealed(forged, entries[0])
    assert ledger.checked(entries).broken == 3


@pytest.mark.parametrize(
    ("versions", "found"), [((), None), ((1,), None), ((1, 2), 1), ((1, 2, 2), 1), ((1, 2, 1), 2)]
)
def test_the_version_before_is_the_last_other_one(versions: tuple[int, ...], found: int | None) -> None:
    assert ledger.before(written(*versions)[::-1]) == found


def test_what_was_live_at_a_moment() -> None:
    entries = written(1, 2, 3)[::-1]
    assert ledger.live_at(entries, "2026-11-19T23:59:59.999999Z") is None
    assert ledger.live_at(entries, "2026-11-20T00:00:00.000000Z") == 1
    assert ledger.live_at(entries, "2026-11-20T01:59:59.000000Z") == 2
    assert ledger.live_at(entries, "2030-01-01T00:00:00.000000Z") == 3
