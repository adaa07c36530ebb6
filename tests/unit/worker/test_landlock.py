import pytest

from konan.worker import landlock


@pytest.mark.parametrize(
    ("version", "rights"), [(1, 0x1FFF), (2, 0x3FFF), (3, 0x7FFF), (4, 0x7FFF), (5, 0xFFFF), (9, 0xFFFF)]
)
def test_every_right_that_a_version_knows_is_handled(version: int, rights: int) -> None:
    assert landlock.handled_rights(version) == rights


def test_the_version_is_a_number() -> None:
    assert landlock.version() >= 0
