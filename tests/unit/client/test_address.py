"""The server and the key are found in the stated order, and a profile's key stays with its origin."""

import pytest

from konan import profile
from konan.client.address import find
from konan.errors import Unreachable, Usage


def test_nothing_known_is_unreachable_with_a_way_out() -> None:
    with pytest.raises(Unreachable) as caught:
        find()
    assert "konan up" in caught.value.hint


def test_the_profile_gives_address_and_key() -> None:
    profile.write(profile.Profile(url="http://127.0.0.1:8000", key="kn_profile"))
    found = find()
    assert (found.url, found.key) == ("http://127.0.0.1:8000", "kn_profile")


def test_the_environment_wins_over_the_profile_and_an_argument_over_both(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    profile.write(profile.Profile(url="http://127.0.0.1:8000", key="kn_profile"))
    monkeypatch.setenv("KONAN_URL", "http://127.0.0.1:9000")
    monkeypatch.setenv("KONAN_API_KEY", "kn_environment")
    assert (find().url, find().key) == ("http://127.0.0.1:9000", "kn_environment")
    found = find("http://127.0.0.1:9999", "kn_argument")
    assert (found.url, found.key) == ("http://127.0.0.1:9999", "kn_argument")


@pytest.mark.parametrize(
    "other",
    ["http://127.0.0.1:8001", "https://127.0.0.1:8000", "http://localhost:8000", "http://example.org:8000"],
)
def test_the_profiles_key_is_not_sent_to_another_origin(other: str) -> None:
    profile.write(profile.Profile(url="http://127.0.0.1:8000", key="kn_profile"))
    assert find(other).key == ""


def test_the_same_origin_is_known_however_it_is_written() -> None:
    profile.write(profile.Profile(url="http://example.org", key="kn_profile"))
    assert find("HTTP://EXAMPLE.org:80/").key == "kn_profile"


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8000", "ftp://x", "http://", "http://h:99999", "http://h/api", "http://h?x=1"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(Usage, match="address"):
        find(url)


@pytest.mark.parametrize("key", ["kn_a\r\nX-Evil: 1", "kn_é", "kn a"])
def test_what_is_no_key_is_refused_before_it_is_sent(key: str) -> None:
    with pytest.raises(Usage, match="key"):
        find("http://127.0.0.1:8000", key)


def test_a_key_is_not_shown() -> None:
    assert "kn_secret" not in repr(find("http://127.0.0.1:8000", "kn_secret"))


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:1", True),
        ("http://[::1]:1", True),
        ("http://localhost:1", True),
        ("http://example.org", False),
    ],
)
def test_loopback_is_known(url: str, *, loopback: bool) -> None:
    assert find(url).loopback is loopback
