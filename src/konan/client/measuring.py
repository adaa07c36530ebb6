"""The calls about performance, decisions and people's own metrics, as steps (see `konan.client.steps`)."""

from typing import Literal
from urllib.parse import quote

import msgspec

from konan.client.answers import decode
from konan.client.monitored import Windowing, windowed
from konan.client.steps import JSON, Request, Steps, ask
from konan.errors import Invalid
from konan.records.measures import CustomMetric, Decision
from konan.records.performance import PerformanceReport


class Performing(Windowing, total=False):
    """Which rows are looked at, how they are parted, and what is told of them.

    Attributes:
        metric: only this one, as ``mae``; also one that somebody wrote, which otherwise stand beside single
            windows only.
    """

    metric: str | None


def performance(name: str, performing: Performing) -> Steps[PerformanceReport]:
    """The performance of a deployment."""
    return decode((yield from ask(windowed(name, "performance", performing))), PerformanceReport)


def decision(name: str) -> Steps[Decision]:
    """What is declared of a deployment's answers."""
    return decode((yield from ask(Request("GET", _path(name, "decision")))), Decision)


def decide(name: str, declared: Decision) -> Steps[Decision]:
    """Declare what a deployment's answers are worth."""
    return decode((yield from ask(_sent("PUT", _path(name, "decision"), declared))), Decision)


def metrics(name: str) -> Steps[list[CustomMetric]]:
    """All metrics that people wrote for a deployment."""
    response = yield from ask(Request("GET", _path(name, "metrics")))
    return decode(response, dict[str, list[CustomMetric]])["metrics"]


def create_metric(
    name: str, metric: str, code: str, better: Literal["higher", "lower"]
) -> Steps[CustomMetric]:
    """Make a metric."""
    body = {"name": metric, "code": code, "better": better}
    return decode((yield from ask(_sent("POST", _path(name, "metrics"), body))), CustomMetric)


def remove_metric(name: str, metric: str) -> Steps[CustomMetric]:
    """Remove a metric."""
    path = f"{_path(name, 'metrics')}/{quote(metric, safe='')}"
    return decode((yield from ask(Request("DELETE", path))), CustomMetric)


def _path(name: str, what: str) -> str:
    if not name or name in {".", ".."}:
        raise Invalid("A deployment's name cannot be empty.")
    return f"/v1/deployments/{quote(name, safe='')}/{what}"


def _sent(method: str, path: str, body: object) -> Request:
    return Request(method, path, body=msgspec.json.encode(body), media_type=JSON)
