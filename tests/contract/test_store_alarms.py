"""What every store promises about alarms, their events, and incidents."""

from collections.abc import Callable

import msgspec
import pytest

from konan import ids
from konan.adapters.sql import SqlStore, open_store
from konan.errors import Conflict, NotFound
from konan.records.access import Principal
from konan.records.alarms import Alarm, AlarmEvent, AlarmRule, Grounds, Incident
from konan.records.notifications import Delivery, Receiver

AT = "2026-11-23T12:00:00.000000Z"


def who(project: str = "p1", *deployments: str) -> Principal:
    return Principal(
        project=project, key_id="maker", scopes=frozenset({"admin"}), deployments=frozenset(deployments)
    )


def made(number: int, deployment: str = "bikes", name: str = "", project: str = "p1") -> Alarm:
    return Alarm(
        id=f"0190000{number}-0000-7000-8000-000000000000",
        project=project,
        deployment=deployment,
        name=name or f"drift-{number}",
        rule=AlarmRule(kind="drift", columns=("features.temp",)),
        created_at=AT,
        since=AT,
        memory={"features.temp": (0.1, 1 / 3, 1e-17)},
        grounds=Grounds(rows=10, evidence=1.5, threshold=4.5, effect=0.2),
    )


def event(alarm: Alarm, number: int) -> AlarmEvent:
    return AlarmEvent(
        alarm=alarm.id,
        number=number,
        name=alarm.name,
        deployment=alarm.deployment,
        version=1,
        at=AT,
        before="ok",
        after="firing",
        why="It rains.",
    )


def incident(number: int, deployment: str = "bikes", closed: str | None = None) -> Incident:
    return Incident(
        id=f"0190000{number}-0000-7000-8000-00000000000a",
        project="p1",
        deployment=deployment,
        opened_at=AT,
        joined_at=AT,
        closed_at=closed,
    )


@pytest.fixture
def filled(store: SqlStore) -> SqlStore:
    for project, name in (("p1", "bikes"), ("p1", "churn"), ("p2", "bikes")):
        store.ensure_deployment(who(project), name, ids.new_uuid(), AT)
    return store


def test_an_alarm_is_kept_as_it_was_made(filled: SqlStore, store_url: str) -> None:
    filled.add_alarm(who(), made(1))
    again = open_store(store_url)
    assert again.alarm(who(), made(1).id) == made(1)
    assert again.platform_alarms() == [made(1)]
    again.close()


def test_a_list_leaves_out_what_detectors_remember(filled: SqlStore) -> None:
    filled.add_alarm(who(), made(1))
    assert filled.list_alarms(who(), 10) == [msgspec.structs.replace(made(1), memory={})]


def test_pages_are_by_id_and_of_one_deployment_if_asked(filled: SqlStore) -> None:
    for number, name in ((3, "bikes"), (1, "churn"), (2, "bikes")):
        filled.add_alarm(who(), made(number, name))
    first = filled.list_alarms(who(), 2)
    rest = filled.list_alarms(who(), 2, after=first[-1].id)
    assert [one.id[7] for one in first + rest] == list("123")
    assert [one.id[7] for one in filled.list_alarms(who(), 10, deployment="bikes")] == list("23")


def test_names_are_unique_in_a_deployment(filled: SqlStore) -> None:
    filled.add_alarm(who(), made(1, name="drift"))
    filled.add_alarm(who(), made(2, "churn", name="drift"))
    with pytest.raises(Conflict):
        filled.add_alarm(who(), made(3, name="drift"))
    with pytest.raises(NotFound):
        filled.add_alarm(who(), made(4, "nothing"))


@pytest.mark.parametrize(
    "act",
    [
        lambda store, caller, which: store.alarm(caller, which),
        lambda store, caller, which: store.remove_alarm(caller, which),
        lambda store, caller, which: store.list_alarm_events(caller, which, 10),
    ],
)
def test_what_a_caller_does_not_see_does_not_exist(
    filled: SqlStore, act: Callable[[SqlStore, Principal, str], object]
) -> None:
    filled.add_alarm(who(), made(1))
    for stranger in (who("p2"), who("p1", "churn")):
        with pytest.raises(NotFound):
            act(filled, stranger, made(1).id)
        assert filled.list_alarms(stranger, 10) == []
    act(filled, who("p1", "bikes"), made(1).id)


def test_a_change_is_kept_once(filled: SqlStore) -> None:
    filled.add_alarm(who(), made(1))
    read = filled.alarm(who(), made(1).id)
    fired = msgspec.structs.replace(read, state="firing", events=1, memory={"a": (2.5,)})
    filled.platform_keep([fired], [event(read, 1)])
    assert filled.alarm(who(), read.id) == msgspec.structs.replace(fired, revision=1)
    with pytest.raises(Conflict):
        filled.platform_keep([fired])
    assert [one.number for one in filled.list_alarm_events(who(), read.id, 10)] == [1]


def test_what_happens_in_a_window_is_kept_whole_or_not_at_all(filled: SqlStore) -> None:
    filled.add_alarm(who(), made(1))
    filled.add_alarm(who(), made(2))
    read = filled.platform_alarms()
    stale = msgspec.structs.replace(read[1], revision=7)
    with pytest.raises(Conflict):
        filled.platform_keep([read[0], stale], [event(read[0], 1)], [incident(1)])
    assert filled.platform_alarms() == read
    assert filled.list_alarm_events(who(), read[0].id, 10) == []
    assert filled.list_incidents(who(), 10) == []


def test_events_come_newest_first(filled: SqlStore) -> None:
    filled.add_alarm(who(), made(1))
    filled.platform_keep([], [event(made(1), number) for number in (2, 1, 3)])
    assert [one.number for one in filled.list_alarm_events(who(), made(1).id, 2)] == [3, 2]
    assert [one.number for one in filled.list_alarm_events(who(), made(1).id, 2, before=2)] == [1]


def test_an_alarm_that_is_removed_takes_its_events_along(filled: SqlStore) -> None:
    filled.add_alarm(who(), made(1))
    filled.platform_keep([], [event(made(1), 1)])
    assert filled.remove_alarm(who(), made(1).id) == made(1)
    filled.add_alarm(who(), made(1))
    assert filled.list_alarm_events(who(), made(1).id, 10) == []


def test_incidents_are_kept_as_they_are_now(filled: SqlStore) -> None:
    filled.platform_keep([], incidents=[incident(1), incident(2, "churn")])
    assert filled.list_incidents(who(), 10) == [incident(2, "churn"), incident(1)]
    filled.platform_keep([], incidents=[incident(1, closed=AT)])
    assert filled.list_incidents(who(), 10) == [incident(2, "churn"), incident(1, closed=AT)]
    assert filled.list_incidents(who(), 10, before=incident(2).id) == [incident(1, closed=AT)]
    assert filled.list_incidents(who(), 10, deployment="churn") == [incident(2, "churn")]
    assert filled.list_incidents(who("p2"), 10) == []
    assert filled.list_incidents(who("p1", "bikes"), 10) == [incident(1, closed=AT)]


def test_messages_are_kept_with_what_they_are_about(filled: SqlStore) -> None:
    receiver = Receiver(id="r", project="p1", name="chat", kind="webhook", url="https://x", created_at=AT)
    filled.add_receiver(who(), receiver)
    known = Delivery(
        id="d1", project="p1", receiver="r", deployment="bikes", created_at=AT, title="", text="", body="{}"
    )
    for_nobody = msgspec.structs.replace(known, id="d2", receiver="gone")
    filled.platform_keep([], deliveries=[known, for_nobody])
    assert filled.platform_deliveries() == [known]
