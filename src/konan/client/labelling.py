"""The calls about ground truth itself, as steps (see `konan.client.steps`)."""

from typing import TypedDict

from konan.client.answers import decode
from konan.client.monitored import windowed
from konan.client.steps import Steps, ask
from konan.records.labels import LabelQueue, LabelReport


class LabelWindow(TypedDict, total=False):
    """Which rows are looked at; what is left out takes the last 30 days of the live version.

    Attributes:
        since: earliest time, RFC 3339; hours are whole, so it counts from the start of its hour.
        until: the time before which they lie, likewise, to the end of its hour.
        version: number of the version.
    """

    since: str | None
    until: str | None
    version: int | None


def health(name: str, window: LabelWindow) -> Steps[LabelReport]:
    """How sound the ground truth of a deployment is."""
    return decode((yield from ask(windowed(name, "labels", window))), LabelReport)


def queue(name: str, limit: int, window: LabelWindow) -> Steps[LabelQueue]:
    """Which rows to label next."""
    request = windowed(name, "labels/queue", {**window, "limit": limit})
    return decode((yield from ask(request)), LabelQueue)
