"""Messages reach receivers at least once, in order, and are given up after a day."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.unit.adapters.receiving import server

from konan import clock
from konan.adapters.sql import SqlStore, open_store, sqlite_url
from konan.adapters.webhook import Webhooks
from konan.monitoring.alarms.notifications import PAUSES, Notifications, after_attempt
from konan.records.access import Principal
from konan.records.notifications import Delivery, Receiver, Sent

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
OWNER = Principal(project="p1", key_id="o", scopes=frozenset({"admin"}))


def message(number: int, deployment: str = "bikes", receiver: str = "r1") -> Delivery:
    return Delivery(
        id=f"m{number}",
        project="p1",
        receiver=receiver,
        deployment=deployment,
        created_at=clock.rfc3339(NOON),
        title="It fires",
        text="It fires.",
        body=f'{{"number":{number}}}',
        next_at=clock.rfc3339(NOON),
    )


def test_pauses_grow_to_a_day_together() -> None:
    assert sum(PAUSES) <= 24 * 3600 < sum(PAUSES) * 1.01
    assert list(PAUSES[:-1]) == sorted(PAUSES[:-1])


def test_an_attempt_that_failed_is_made_again_until_it_is_given_up() -> None:
    failed = Sent(delivered=False, detail="It answered 500.")
    waits = message(1)
    for attempt, pause in enumerate(PAUSES, 1):
        waits = after_attempt(waits, failed, NOON)
        assert (waits.state, waits.attempts) == ("waiting", attempt)
        assert waits.next_at == clock.rfc3339(NOON + timedelta(seconds=pause))
    assert after_attempt(waits, failed, NOON).state == "dead"


def test_a_receiver_may_ask_to_wait_longer_or_be_gone() -> None:
    later = after_attempt(message(1), Sent(delivered=False, detail="", after=100.0), NOON)
    assert later.next_at == clock.rfc3339(NOON + timedelta(seconds=100))
    gone = after_attempt(message(1), Sent(delivered=False, detail="", again=False), NOON)
    assert gone.state == "dead"
    taken = after_attempt(later, Sent(delivered=True, detail="ok"), NOON)
    assert (taken.state, taken.attempts, taken.delivered_at) == ("delivered", 2, clock.rfc3339(NOON))


def service(store: SqlStore) -> Notifications:
    from konan.adapters.addresses import networks

    return Notifications(store, {"webhook": Webhooks(b"s" * 32, networks("127.0.0.0/8"))})


def test_messages_about_one_deployment_arrive_in_order_through_failures_and_restarts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [NOON]
    monkeypatch.setattr(clock, "now", lambda: now[0])
    store = open_store(sqlite_url(tmp_path / "konan.db"))
    store.ensure_project("p1", "now")
    with server() as hook:
        url = f"http://127.0.0.1:{hook.port}/"
        store.add_receiver(
            OWNER, Receiver(id="r1", project="p1", name="x", kind="webhook", url=url, created_at="")
        )
        made = [message(1), message(2), replace(message(3), deployment="churn")]
        store.platform_keep([], deliveries=made)
        hook.status = 500
        asyncio.run(service(store).step())
        assert {taken.body for taken in hook.taken} == {b'{"number":1}', b'{"number":3}'}
        hook.status = 200
        assert asyncio.run(service(store).step()) == pytest.approx(5)
        assert len(hook.taken) == 2
        now[0] += timedelta(seconds=6)
        for _ in range(2):
            asyncio.run(service(store).step())
        arrived = [taken.body for taken in hook.taken[2:]]
        assert arrived.index(b'{"number":1}') < arrived.index(b'{"number":2}')
        assert sorted(arrived) == [b'{"number":1}', b'{"number":2}', b'{"number":3}']
        again = [taken for taken in hook.taken if taken.body == b'{"number":1}']
        assert {taken.headers["webhook-id"] for taken in again} == {"m1"}
    assert store.platform_deliveries() == []
    assert {one.state for one in store.list_deliveries(OWNER, 10)} == {"delivered"}
    store.close()
