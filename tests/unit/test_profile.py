"""The profile is private, whole, and named when it is broken."""

from pathlib import Path

import pytest

from konan import profile
from konan.errors import Invalid
from konan.profile import Profile

ONE = Profile(url="http://127.0.0.1:8000", key="kn_live_a_b")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KONAN_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_what_is_written_is_read(home: Path) -> None:
    assert profile.read() is None
    assert profile.write(ONE) == home / "profile.json"
    assert profile.read() == ONE
    two = Profile(url="http://127.0.0.1:9000", key="other")
    profile.write(two)
    assert profile.read() == two
    assert [path.name for path in home.iterdir()] == ["profile.json"]


def test_only_its_owner_can_read_it(home: Path) -> None:
    path = profile.write(ONE)
    assert path.stat().st_mode & 0o777 == 0o600
    assert home.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"url": 1, "key": "x"}'])
def test_a_broken_profile_is_named(text: str) -> None:
    profile.write(ONE).write_text(text)
    with pytest.raises(Invalid, match="profile"):
        profile.read()
