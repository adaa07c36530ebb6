"""Performance, decisions and metrics in the SDK: blocking and awaited."""

import asyncio

import pytest
from tests.unit.client.conftest import Script

from konan.client import AsyncClient, Client
from konan.errors import Invalid
from konan.records.measures import CustomMetric, Decision
from konan.records.performance import PerformanceReport

METRIC = {"name": "regret", "code": "x", "better": "lower"}
WINDOW = b'{"version":1,"segment":null,"from":"a","to":"b","rows":0,"state":"no rows"}'
REPORT = b'{"deployment":"churn","headline":"mae","windows":[%b]}' % WINDOW


def lay_out(server: Script) -> None:
    server.answer(REPORT)
    server.answer({"threshold": 0.3})
    server.answer({"threshold": 0.3})
    server.answer({"metrics": [METRIC]})
    server.answer(METRIC, 201)
    server.answer(METRIC)


def check(server: Script, found: list[object]) -> None:
    report, shown, declared, listed, made, removed = found
    assert isinstance(report, PerformanceReport)
    assert (report.windows[0].state, report.windows[0].metric("mae")) == ("no rows", None)
    assert shown == declared == Decision(threshold=0.3)
    assert listed == [made] == [removed] == [CustomMetric(name="regret", code="x", better="lower")]
    assert [(one.method, one.target.partition("?")[0].rpartition("/")[2]) for one in server.asked] == [
        ("GET", "performance"),
        ("GET", "decision"),
        ("PUT", "decision"),
        ("GET", "metrics"),
        ("POST", "metrics"),
        ("DELETE", "regret"),
    ]
    assert server.asked[0].target.endswith("?by=version&metric=mae")


def test_a_client_asks_and_declares(server: Script) -> None:
    lay_out(server)
    with Client(server.url, "kn_key") as client:
        found: list[object] = [
            client.performance("churn", by="version", metric="mae"),
            client.measures.decision("churn"),
            client.measures.decide("churn", Decision(threshold=0.3)),
            client.measures.list("churn"),
            client.measures.create("churn", "regret", "x", "lower"),
            client.measures.remove("churn", "regret"),
        ]
    check(server, found)


def test_so_does_one_that_is_awaited(server: Script) -> None:
    async def ask() -> list[object]:
        async with AsyncClient(server.url, "kn_key") as client:
            return [
                await client.performance("churn", by="version", metric="mae"),
                await client.measures.decision("churn"),
                await client.measures.decide("churn", Decision(threshold=0.3)),
                await client.measures.list("churn"),
                await client.measures.create("churn", "regret", "x", "lower"),
                await client.measures.remove("churn", "regret"),
            ]

    lay_out(server)
    check(server, asyncio.run(ask()))


def test_a_name_that_is_none_is_refused_here(server: Script) -> None:
    with Client(server.url, "kn_key") as client, pytest.raises(Invalid):
        client.measures.decision("..")
