"""The calls about drift and quality, as steps (see `konan.client.steps`)."""

from collections.abc import Mapping
from typing import Any, TypedDict
from urllib.parse import quote

from konan.client.answers import decode
from konan.client.steps import Request, Steps, ask
from konan.errors import Invalid
from konan.records.monitoring import DriftReport, MultivariateDrift, QualityReport


class Windowing(TypedDict, total=False):
    """Which rows are looked at, and how they are parted; what is left out takes the newest day, as a whole.

    Attributes:
        since: earliest time, RFC 3339; hours are whole, so it counts from the start of its hour.
        until: the time before which they lie, likewise, to the end of its hour.
        by: ``version``, or ``segment:COLUMN`` with a declared segment column.
        window: length of a window, as ``1h`` or ``1d``; else everything is one.
        version: number of the version; else the live one, or all ``by`` version.
        segment: a slice, as ``COLUMN=VALUE``.
    """

    since: str | None
    until: str | None
    by: str | None
    window: str | None
    version: int | None
    segment: str | None


class DriftWindowing(Windowing, total=False):
    """The same, and a second thing to compare with.

    Attributes:
        season: length, as ``7d``: windows are also compared with live rows of so long before.
    """

    season: str | None


class OneWindow(TypedDict, total=False):
    """Which rows are looked at, as a whole; what is left out takes the newest day. Keys as in `Windowing`."""

    since: str | None
    until: str | None
    version: int | None
    segment: str | None


def drift(name: str, windowing: DriftWindowing) -> Steps[DriftReport]:
    """The drift of a deployment."""
    return decode((yield from ask(windowed(name, "drift", windowing))), DriftReport)


def multivariate_drift(name: str, windowing: OneWindow) -> Steps[MultivariateDrift]:
    """Whether a classifier can tell live rows from those given at deploy."""
    request = windowed(name, "drift/multivariate", windowing)
    return decode((yield from ask(request)), MultivariateDrift)


def quality(name: str, windowing: Windowing) -> Steps[QualityReport]:
    """The quality of what a deployment is sent."""
    return decode((yield from ask(windowed(name, "quality", windowing))), QualityReport)


def windowed(name: str, what: str, windowing: Mapping[str, Any]) -> Request:
    """The request for something of a deployment that comes in windows.

    Args:
        name: of the deployment.
        what: the last word of the path, as ``drift``.
        windowing: see `Windowing`; there may be more in it.

    Raises:
        Invalid: the name is empty.
    """
    if not name or name in {".", ".."}:
        raise Invalid("A deployment's name cannot be empty.")
    given = {key: _plain(value) for key, value in windowing.items() if value is not None}
    query = {{"since": "from", "until": "to"}.get(key, key): value for key, value in given.items()}
    return Request("GET", f"/v1/deployments/{quote(name, safe='')}/{what}", query=query)


def _plain(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value
