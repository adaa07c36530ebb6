"""Every error has an exit code, and every exit code a meaning."""

import pytest

from konan import errors
from konan.cli.exits import EXITS, MEANINGS, exit_code


def test_every_error_has_its_own_entry() -> None:
    assert set(EXITS) == {kind for kind in errors.all_errors() if kind.__module__ == errors.__name__}


def test_a_more_special_error_exits_as_its_parent() -> None:
    class Special(errors.GateFailed):
        """A subclass that the table does not know."""

    assert exit_code(Special("")) == 7


def test_every_code_has_a_meaning() -> None:
    assert set(EXITS.values()) | {0, 130} == set(MEANINGS)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.KonanError, 1),
        (errors.Usage, 2),
        (errors.NotFound, 3),
        (errors.NotAllowed, 4),
        (errors.Unauthenticated, 4),
        (errors.Conflict, 5),
        (errors.Unreachable, 6),
        (errors.GateFailed, 7),
    ],
)
def test_the_contract_is_kept(error: type[errors.KonanError], code: int) -> None:
    assert exit_code(error("")) == code
