"""The calls about running a server, as steps (see `konan.client.steps`)."""

from collections.abc import Mapping, Sequence
from typing import TypedDict
from urllib.parse import quote

import msgspec

from konan.client.answers import decode
from konan.client.steps import JSON, Request, Steps, ask
from konan.errors import Invalid
from konan.records.kpis import KpiList, KpiReport, KpiStored
from konan.records.operations import ResourceReport, TrafficReport


class TrafficWindowing(TypedDict, total=False):
    """Which requests, and how they are parted; what is left out takes the newest day, as a whole.

    Attributes:
        since: earliest time, RFC 3339; hours are whole, so it counts from the start of its hour.
        until: the time before which they came, likewise, to the end of its hour.
        by: ``version`` parts them so.
        window: length of a window, as ``1h`` or ``1d``; else everything is one.
        version: number of the version; else all.
    """

    since: str | None
    until: str | None
    by: str | None
    window: str | None
    version: int | None


class ResourceWindowing(TypedDict, total=False):
    """Whose use of resources, and how it is parted; what is left out takes the last hour, as a whole.

    Attributes:
        since: earliest time, RFC 3339; minutes are whole, after a day hours.
        until: the time before which it lies.
        window: length of a window, as ``5m`` or ``1h``; else everything is one.
        deployment: name of the deployment whose workers alone are wanted.
    """

    since: str | None
    until: str | None
    window: str | None
    deployment: str | None


def traffic(name: str, windowing: TrafficWindowing) -> Steps[TrafficReport]:
    """The requests of a deployment."""
    request = Request("GET", f"{at(name)}/traffic", query=_query(dict(windowing)))
    return decode((yield from ask(request)), TrafficReport)


def resources(windowing: ResourceWindowing) -> Steps[ResourceReport]:
    """What the server uses."""
    request = Request("GET", "/v1/resources", query=_query(dict(windowing)))
    return decode((yield from ask(request)), ResourceReport)


def at(name: str) -> str:
    """The path of a deployment.

    Raises:
        Invalid: that is no name.
    """
    if not name or name in {".", ".."}:
        raise Invalid("A deployment's name cannot be empty.")
    return f"/v1/deployments/{quote(name, safe='')}"


def _query(given: dict[str, object]) -> dict[str, str | int]:
    return {
        {"since": "from", "until": "to"}.get(name, name): value
        for name, value in given.items()
        if isinstance(value, str | int)
    }


def send_kpis(name: str, points: Sequence[Mapping[str, object]]) -> Steps[KpiStored]:
    """Keep values of KPIs, at most 1,000 at once."""
    body = msgspec.json.encode({"kpis": list(points)})
    request = Request("POST", f"{at(name)}/kpis", body=body, media_type=JSON)
    return decode((yield from ask(request)), KpiStored)


def kpis(name: str) -> Steps[KpiList]:
    """All KPIs of a deployment."""
    return decode((yield from ask(Request("GET", f"{at(name)}/kpis"))), KpiList)


def kpi(name: str, kpi_name: str, windowing: TrafficWindowing) -> Steps[KpiReport]:
    """A KPI over time."""
    path = f"{at(name)}/kpis/{quote(kpi_name, safe='')}"
    return decode((yield from ask(Request("GET", path, query=_query(dict(windowing))))), KpiReport)
