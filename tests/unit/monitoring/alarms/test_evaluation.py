"""Alarms look at real profiles of a real log: live windows and a replay tell the same."""

import asyncio
import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from tests.unit.monitoring.counted import START, Counted, at
from tests.unit.predictions.logs import BIKES, SCHEMA, rejected

from konan import clock
from konan.adapters.disk import DiskBlobs
from konan.adapters.sql import SqlStore, open_store, sqlite_url
from konan.journal.entry import Entry
from konan.monitoring.alarms import evaluation
from konan.monitoring.alarms.evaluation import Looked, Task, looked
from konan.monitoring.alarms.monitor import AlarmMonitor
from konan.monitoring.alarms.notifications import Notifications
from konan.monitoring.profiles.completeness import Settled
from konan.monitoring.reference.reference import Reference, inputs_of
from konan.records import deployments
from konan.records.access import SCOPES, Principal
from konan.records.alarms import HOUR, Alarm, AlarmEvent
from konan.records.deployments import Version
from konan.records.notifications import Receiver

BREAK, MENDED, HOURS, EVERY = 48, 60, 80, 16
ROWS = 40
OWNER = Principal(project="p1", key_id="o", scopes=frozenset(SCOPES))
DEADLINE = 30.0


def row(chance: random.Random, *, broken: bool) -> dict[str, Any]:
    """What somebody asks; broken, most temperatures are lost."""
    return {
        "Temp (C)": None if broken and chance.random() < 0.6 else chance.gauss(15, 5),
        "hour": chance.randrange(24),
        "open": chance.random() < 0.9,
        "city": chance.choice(["Bern", "Rome", "Oslo"]),
        "when": "2026-11-23T12:00:00+02:00",
        "order": 1,
    }


def written(hour: int) -> list[Entry]:
    """What is journalled in an hour: some answers, and a request that was refused."""
    chance = random.Random(hour)
    broken = BREAK <= hour < MENDED
    found = []
    for part in range(2):
        moment = START + hour * HOUR + part * 1200
        body = json.dumps([row(chance, broken=broken) for _ in range(ROWS // 2)]).encode()
        found.append(at(moment, ROWS // 2, body=body))
    moment = START + hour * HOUR + 1800
    refused = at(moment)
    return [*found, rejected(0, request_id=refused.ids[0], at_ns=int(moment * 1e9))]


def reference() -> Reference:
    chance = random.Random(0)
    rows = [row(chance, broken=False) for _ in range(4000)]
    names = [feature.name for feature in SCHEMA.features if feature.name != "when"]
    table = pa.table({f"features.{name}": [one[name] for one in rows] for name in names})
    return Reference(inputs=inputs_of(SCHEMA, table, "data", timed=False))


class Server:
    """The parts of a server that alarms need, at a moment that a test says."""

    def __init__(self, world: Counted, place: Path) -> None:
        self.now = float(START)
        place.mkdir(parents=True)
        (place / "blobs").mkdir()
        self.world = world
        self.blobs = DiskBlobs(place / "blobs")
        self.store: SqlStore = open_store(sqlite_url(place / "konan.db"))
        self.store.ensure_project("p1", "now")
        self.store.ensure_deployment(OWNER, "bikes", BIKES, "now")
        digest, _ = self.blobs.put(iter([reference().to_bytes()]))
        kept = deployments.Reference(profile=digest)
        self.store.add_version(
            OWNER,
            Version(
                uuid="v1",
                deployment="bikes",
                version=1,
                state="disabled",
                created_at="now",
                flavor="python",
                reference=kept,
            ),
        )
        self.store.set_live(OWNER, "bikes", 1)
        receiver = Receiver(
            id="r", project="p1", name="hook", kind="webhook", url="https://a.example", created_at="now"
        )
        self.store.add_receiver(OWNER, receiver)
        self.watching()

    def watching(self) -> AlarmMonitor:
        """A service that knows only what is stored."""
        settled = Settled(self.world.flusher, DEADLINE)
        notifications = Notifications(self.store, {})
        return AlarmMonitor(self.store, self.blobs, self.world.directory, settled, notifications)

    def look(self, hours: float) -> int:
        """Restart at an hour, and let all alarms look."""
        self.now = START + hours * HOUR
        return asyncio.run(self.watching().step())

    def alarms(self) -> dict[str, Alarm]:
        return {one.name: one for one in self.store.platform_alarms()}

    def events(self) -> dict[str, list[AlarmEvent]]:
        return {
            name: self.store.list_alarm_events(OWNER, one.id, 100)[::-1]
            for name, one in self.alarms().items()
        }


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Counted, str], Server]]:
    made: list[Server] = []

    def now() -> datetime:
        return datetime.fromtimestamp(made[-1].now if made else START, UTC)

    monkeypatch.setattr(clock, "now", now)
    monkeypatch.setattr(clock, "now_ns", lambda: int(now().timestamp() * 1e9))

    def one(world: Counted, name: str) -> Server:
        made.append(Server(world, tmp_path / name))
        return made[-1]

    yield one
    for server in made:
        server.store.close()


@pytest.fixture
def world(tmp_path: Path) -> Counted:
    found = Counted(tmp_path / "log")
    found.lay({1: reference().layout})
    return found


async def here(task: Task, _: float) -> tuple[Looked, ...]:
    """Look in this process, which spares starting a hundred others."""
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(task), type=Task)
    return looked(again)


def _as(kept: Alarm, _: Alarm, __: str) -> Alarm:
    return kept


def plain(events: list[AlarmEvent]) -> list[tuple[Any, ...]]:
    return [(one.at, one.before, one.after, one.why, one.grounds) for one in events]


def lived(server: Server, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[AlarmEvent]]:
    """Let a server live through all hours, restarting every few of them."""
    with monkeypatch.context() as patched:
        patched.setattr(evaluation, "look", here)
        asyncio.run(server.watching().ensure_first())
        for hour in range(0, HOURS, EVERY):
            server.now = START + (hour + EVERY) * HOUR - 1
            server.world.write(*(entry for one in range(hour, hour + EVERY) for entry in written(one)))
            server.world.flusher.flush()
            server.look(hour + EVERY + 0.1)
            assert server.look(hour + EVERY + 0.1) == 0  # what was looked at is not looked at again
    return server.events()


def check(told: dict[str, list[AlarmEvent]]) -> None:
    """Whether what was told is what happened."""
    moments = {(one.before, one.after): one.at for one in told["data-fault"]}
    assert moments["ok", "firing"] == evaluation.moment(START + (BREAK + 1) * HOUR)
    assert moments["firing", "resolved"] == evaluation.moment(START + (MENDED + 3) * HOUR)
    (fired,) = [one for one in told["data-fault"] if one.after == "firing"]
    assert fired.why.startswith("Version 1: features.Temp (C) missing: ")
    assert fired.grounds is not None
    assert [one.column for one in fired.grounds.columns if one.guilty] == ["features.Temp (C)"]
    assert [one.after for one in told["errors"]] == ["ok"]
    assert [one.after for one in told["volume"]] == []
    assert "firing" in [one.after for one in told["drift"]]


def test_a_replay_of_the_live_period_tells_what_was_told(
    make: Callable[[Counted, str], Server], world: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = make(world, "live")
    told = lived(live, monkeypatch)
    check(told)
    (incident,) = live.store.list_incidents(OWNER, 10)
    assert (set(incident.alarms), incident.cause) == ({"data-fault", "drift"}, "data fault")
    for name, alarm in live.alarms().items():
        span = START, START + HOURS * HOUR
        replayed = asyncio.run(live.watching().replay(OWNER, "bikes", alarm.rule, span))
        assert plain(list(replayed.events)) == plain(told[name])
        assert (replayed.state, replayed.grounds) == (alarm.state, alarm.grounds)
        assert replayed.windows == HOURS * HOUR // alarm.rule.window
    late = make(world, "late")
    asyncio.run(late.watching().ensure_first())
    monkeypatch.setattr(evaluation, "look", here)
    late.look(HOURS + 0.1)
    assert {name: plain(events) for name, events in late.events().items()} == {
        name: plain(events) for name, events in told.items()
    }
    messages = [one.title for one in live.store.platform_deliveries()]
    assert [one.title for one in late.store.platform_deliveries()] == messages


def test_rows_that_wait_for_their_table_hold_a_window_back(
    make: Callable[[Counted, str], Server], world: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = make(world, "one")
    monkeypatch.setattr(evaluation, "look", here)
    asyncio.run(server.watching().ensure_first())
    world.write(*written(0), *written(1))
    assert server.look(2.1) == 0
    world.flusher.flush()
    assert server.look(2.1) == 2 * 3  # of three alarms by the hour
    assert {one.until for one in server.alarms().values() if one.rule.window == HOUR} == {
        evaluation.moment(START + 2 * HOUR)
    }


def test_without_a_reference_alarms_learn(
    make: Callable[[Counted, str], Server], world: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = make(world, "one")
    monkeypatch.setattr(evaluation, "look", here)
    known = server.store.version(OWNER, "bikes", 1)
    server.store.put_version(OWNER, msgspec.structs.replace(known, reference=deployments.Reference()))
    asyncio.run(server.watching().ensure_first())
    world.write(*written(0))
    world.flusher.flush()
    server.look(1.1)
    faults = server.alarms()["data-fault"]
    assert (faults.state, faults.looks) == ("learning", 0)
    assert faults.why.startswith("There is no valid reference yet")
    assert server.store.platform_deliveries() == []


def test_a_person_who_was_faster_is_not_overruled(
    make: Callable[[Counted, str], Server], world: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = make(world, "one")
    asyncio.run(server.watching().ensure_first())
    world.write(*written(0))
    world.flusher.flush()

    async def slow(task: Task, within: float) -> tuple[Looked, ...]:
        for alarm in server.alarms().values():
            silenced = msgspec.structs.replace(alarm, silenced_until="2999-01-01T00:00:00.000000Z")
            await server.watching().change(OWNER, alarm.id, partial(_as, silenced))
        return await here(task, within)

    monkeypatch.setattr(evaluation, "look", slow)
    server.look(1.1)
    assert {one.until for one in server.alarms().values()} == {None}
    monkeypatch.setattr(evaluation, "look", here)
    server.look(1.1)
    faults = server.alarms()["data-fault"]
    assert faults.until == evaluation.moment(START + HOUR)
    assert faults.silenced_until is not None
