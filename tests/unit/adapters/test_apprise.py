"""What is refused before Apprise is asked, and what is said where it is not installed."""

import asyncio
import sys

import pytest

from konan.adapters.apprise import Apprise
from konan.errors import Invalid, MissingExtra
from konan.records.notifications import Delivery, Receiver

SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/"


def send(url: str, services: tuple[str, ...] = ("slack",)) -> str:
    receiver = Receiver(id="r", project="p", name="x", kind="apprise", url=url, created_at="")
    delivery = Delivery(
        id="m", project="p", receiver="r", deployment="b", created_at="", title="T", text="t", body="{}"
    )
    sent = asyncio.run(Apprise(services).send(receiver, delivery))
    assert not sent.delivered
    return sent.detail


@pytest.mark.parametrize(
    "url", ["json://127.0.0.1/", "mailto://u:p@h", "file:///etc/passwd", "", "slack", "SLACK+x://a"]
)
def test_services_that_are_not_named_are_refused(url: str) -> None:
    with pytest.raises(Invalid) as refusal:
        asyncio.run(Apprise(["slack"]).check(url))
    assert send(url) == refusal.value.message
    assert "slack" in refusal.value.message


def test_verification_cannot_be_switched_off() -> None:
    for query in ("?verify=no", "?a=b&VERIFY=0", "?verify"):
        with pytest.raises(Invalid):
            asyncio.run(Apprise(["slack"]).check(SLACK + query))


def test_without_the_library_the_way_to_get_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(MissingExtra) as missing:
        asyncio.run(Apprise(["slack"]).check(SLACK))
    assert "notify" in missing.value.hint
    assert send(SLACK) == missing.value.message
