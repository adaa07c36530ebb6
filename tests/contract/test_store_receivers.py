"""What every store promises about receivers and the messages for them."""

import msgspec
import pytest

from konan.adapters.sql import SqlStore, open_store
from konan.errors import Conflict, NotFound
from konan.records.access import Principal
from konan.records.notifications import Delivery, Receiver

AT = "2026-11-23T12:00:00.000000Z"


def who(project: str = "p1") -> Principal:
    return Principal(project=project, key_id="maker", scopes=frozenset({"admin"}))


def made(number: int, project: str = "p1") -> Receiver:
    return Receiver(
        id=f"0190000{number}-0000-7000-8000-000000000000",
        project=project,
        name="chat",
        kind="webhook",
        url="https://hooks.example.com/x",
        deployments=("bikes",),
        states=("firing",),
        created_at=AT,
    )


def message(number: int, receiver: Receiver) -> Delivery:
    return Delivery(
        id=f"0190000{number}-0000-7000-8000-00000000000d",
        project=receiver.project,
        receiver=receiver.id,
        deployment="bikes",
        created_at=AT,
        title="It fires",
        text="It fires.",
        body='{"type":"alarm.firing"}',
        next_at=AT,
    )


def test_a_receiver_is_kept_in_the_project_of_its_maker(store: SqlStore, store_url: str) -> None:
    store.add_receiver(who(), made(1, project="p2"))
    again = open_store(store_url)
    assert again.receiver(who(), made(1).id) == made(1)
    assert again.platform_receivers() == [made(1)]
    again.close()
    assert store.list_receivers(who("p2"), 10) == []
    with pytest.raises(NotFound):
        store.receiver(who("p2"), made(1).id)
    with pytest.raises(NotFound):
        store.remove_receiver(who("p2"), made(1).id)


def test_a_taken_id_or_an_unknown_project_is_refused(store: SqlStore) -> None:
    store.add_receiver(who(), made(1))
    with pytest.raises(Conflict):
        store.add_receiver(who("p2"), made(1))
    with pytest.raises(Conflict):
        store.add_receiver(who("p9"), made(2))


def test_pages_are_by_id(store: SqlStore) -> None:
    for number in (3, 1, 2):
        store.add_receiver(who(), made(number))
    first = store.list_receivers(who(), 2)
    assert [one.id[7] for one in first + store.list_receivers(who(), 2, after=first[-1].id)] == list("123")


def test_messages_wait_until_they_are_settled(store: SqlStore) -> None:
    store.add_receiver(who(), made(1))
    store.platform_keep([], deliveries=[message(number, made(1)) for number in (2, 1, 3)])
    assert [one.id[7] for one in store.platform_deliveries()] == list("123")
    taken = msgspec.structs.replace(message(1, made(1)), state="delivered", attempts=1, delivered_at=AT)
    later = msgspec.structs.replace(message(2, made(1)), attempts=1, next_at="2026-11-23T12:00:05.000000Z")
    dead = msgspec.structs.replace(message(3, made(1)), state="dead")
    for one in (taken, later, dead):
        store.platform_put_delivery(one)
    assert store.platform_deliveries() == [later]
    assert store.list_deliveries(who(), 10) == [dead, later, taken]
    assert store.list_deliveries(who(), 1, before=dead.id) == [later]
    assert store.list_deliveries(who("p2"), 10) == []


def test_a_receiver_that_is_removed_takes_its_messages_along(store: SqlStore) -> None:
    store.add_receiver(who(), made(1))
    store.platform_keep([], deliveries=[message(1, made(1))])
    assert store.remove_receiver(who(), made(1).id) == made(1)
    store.platform_put_delivery(msgspec.structs.replace(message(1, made(1)), state="dead"))
    assert store.platform_deliveries() == store.list_deliveries(who(), 10) == []
