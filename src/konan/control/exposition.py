"""Metrics as Prometheus reads them (text exposition format 0.0.4; pure)."""

import math
from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import Any

MEDIA_TYPE = "text/plain; version=0.0.4"

_GATEWAY = (
    ("connections", "gauge", "konan_connections", "Open connections."),
    ("accepted", "counter", "konan_connections_accepted_total", "Connections opened."),
    (
        "refused",
        "counter",
        "konan_connections_refused_total",
        "Connections closed because too many were open.",
    ),
    ("in_flight", "gauge", "konan_predictions_in_flight", "Predictions that wait for their answer."),
    ("proxied", "counter", "konan_proxied_requests_total", "Requests passed to the control plane."),
    ("journal_bytes", "counter", "konan_journal_bytes_total", "Bytes given to the journal."),
    ("journal_entries", "counter", "konan_journal_entries_total", "Entries given to the journal."),
)


class Exposition:
    r"""Collects families of samples, and writes them down.

    >>> page = Exposition()
    >>> page.family("konan_up", "gauge", "Whether it runs.", [({"name": 'a"b'}, 1)])
    >>> print(page.text(), end="")
    # HELP konan_up Whether it runs.
    # TYPE konan_up gauge
    konan_up{name="a\"b"} 1
    """

    def __init__(self) -> None:
        self._lines: list[str] = []

    def family(
        self, name: str, kind: str, meaning: str, samples: Iterable[tuple[Mapping[str, object], float]]
    ) -> None:
        """Add a family: its samples with their labels; a family without samples is left out."""
        lines = [f"{name}{_labels(labels)} {_number(value)}" for labels, value in samples]
        if lines:
            self._lines += [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}", *lines]

    def histogram(
        self,
        name: str,
        meaning: str,
        cells: Iterable[tuple[Mapping[str, object], list[Any], Mapping[str, Any]]],
    ) -> None:
        """Add a family of histograms: labels, bounds, and ``{"counts", "sum"}`` of each."""
        lines = []
        for labels, bounds, cell in cells:
            totals = list(accumulate(cell["counts"]))
            for bound, total in zip([*bounds, math.inf], totals, strict=True):
                lines.append(f"{name}_bucket{_labels({**labels, 'le': _number(bound)})} {total}")
            lines.append(f"{name}_sum{_labels(labels)} {_number(cell['sum'])}")
            lines.append(f"{name}_count{_labels(labels)} {totals[-1]}")
        if lines:
            self._lines += [f"# HELP {name} {meaning}", f"# TYPE {name} histogram", *lines]

    def gateways(self, stats: Mapping[int, Mapping[str, Any]]) -> None:
        """Add what gateways count beside predictions (see `konan.serving.metrics`)."""
        for field, kind, name, meaning in _GATEWAY:
            samples = [({"gateway": at}, counted[field]) for at, counted in stats.items() if field in counted]
            self.family(name, kind, meaning, samples)
        refused = [
            ({"gateway": at, "code": code}, count)
            for at, counted in stats.items()
            for code, count in counted.get("rejected", {}).items()
        ]
        meaning = "Requests that ended before a model had a say, by error code."
        self.family("konan_requests_rejected_total", "counter", meaning, refused)

    def text(self) -> str:
        """The page."""
        return "".join(f"{line}\n" for line in self._lines)


def _labels(labels: Mapping[str, object]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(str(value))}"' for name, value in labels.items()) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(value)
