"""Routes as they are served: who finds what, and what lives on through a new snapshot."""

import asyncio
import socket
from collections.abc import Callable

import msgspec
import pytest

from konan.config import Settings
from konan.errors import KonanError, NotFound, NotReady
from konan.records.access import Principal
from konan.records.routes import Route, RouteVersion, Snapshot
from konan.records.schema import Feature, Output, Schema
from konan.serving.metrics import Metrics
from konan.serving.table import Table

SCHEMA = Schema(features=(Feature(name="x", type="number"),), output=Output(kind="regressor"))
CALLER = Principal(project="default", key_id="k", scopes=frozenset({"predict"}))


def version(number: int, uuid: str = "") -> RouteVersion:
    return RouteVersion(
        uuid=uuid or f"v{number}", number=number, schema=SCHEMA, batch_rows=8, deadline=1.0, queue_rows=10
    )


def snapshot(*versions: RouteVersion, live: int | None = 1, name: str = "bikes") -> Snapshot:
    route = Route(project="default", name=name, deployment="d", live=live, versions=versions)
    return Snapshot(generation=1, keys=(), routes=(route,))


def with_table(test: Callable[[Table], None]) -> None:
    """Run a test of a table in an event loop."""

    async def run() -> None:
        table = Table(Settings(), Metrics(), lambda _uuid, _worker: None, b"s" * 32)
        test(table)
        table.close()

    asyncio.run(run())


def test_versions_are_found_by_number_or_as_the_live_one() -> None:
    def test(table: Table) -> None:
        table.take(snapshot(version(1), version(2), live=2))
        assert table.find(CALLER, "bikes", None).number == 2
        assert table.find(CALLER, "bikes", 1).number == 1
        with pytest.raises(NotFound):
            table.find(CALLER, "bikes", 3)

    with_table(test)


@pytest.mark.parametrize(
    "caller",
    [
        msgspec.structs.replace(CALLER, project="other"),
        msgspec.structs.replace(CALLER, deployments=frozenset({"trees"})),
    ],
)
def test_what_is_not_the_callers_does_not_exist(caller: Principal) -> None:
    def test(table: Table) -> None:
        table.take(snapshot(version(1)))
        messages = []
        for name, number in (("bikes", None), ("bikes", 1), ("bikes", 7), ("none", None)):
            with pytest.raises(NotFound) as refused:
                table.find(caller, name, number)
            messages.append(refused.value.message)
        assert len(set(messages)) == 1

    with_table(test)


@pytest.mark.parametrize("live", [None, 9])
def test_without_a_live_version_nothing_is_ready(live: int | None) -> None:
    def test(table: Table) -> None:
        table.take(snapshot(version(1), live=live))
        with pytest.raises(NotReady):
            table.find(CALLER, "bikes", None)

    with_table(test)


def test_an_unchanged_version_keeps_its_queue_and_links() -> None:
    def test(table: Table) -> None:
        ours, theirs = socket.socketpair()
        table.add_link("v1", 1, ours)
        table.take(snapshot(version(1)))
        first = table.find(CALLER, "bikes", None)
        table.take(snapshot(version(1), version(2)))
        assert table.find(CALLER, "bikes", None) is first
        assert first.dispatcher.workers == 1
        changed = msgspec.structs.replace(version(1), deadline=9.0)
        table.take(snapshot(changed))
        second = table.find(CALLER, "bikes", None)
        assert (second.deadline, second.dispatcher is first.dispatcher) == (9.0, True)
        theirs.close()

    with_table(test)


def test_a_link_that_nobody_wanted_is_closed() -> None:
    def test(table: Table) -> None:
        ends = [socket.socketpair() for _ in range(3)]
        table.add_link("unknown", 1, ends[0][0])
        table.add_link("unknown", 1, ends[1][0])
        assert ends[0][1].recv(1) == b""
        table.remove_link("unknown", 1)
        assert ends[1][1].recv(1) == b""
        table.add_link("unknown", 1, ends[2][0])
        table.close()
        assert ends[2][1].recv(1) == b""
        for _, theirs in ends:
            theirs.close()

    with_table(test)


def test_a_version_that_cannot_be_compiled_harms_no_other() -> None:
    def test(table: Table) -> None:
        output = Output(kind="classifier", classes=(1, "1"), probabilities=True)
        broken = msgspec.structs.replace(version(2), schema=msgspec.structs.replace(SCHEMA, output=output))
        table.take(snapshot(version(1), broken))
        assert table.find(CALLER, "bikes", None).number == 1
        with pytest.raises(KonanError):
            table.find(CALLER, "bikes", 2)

    with_table(test)
