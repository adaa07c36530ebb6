"""Reads the newest rows without a truth, and tells which of them to label next."""

from datetime import UTC
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from konan.monitoring.estimation.estimator import Estimator
from konan.monitoring.labels.queue import Group, chosen, reason
from konan.monitoring.profiles.cells import Cells
from konan.monitoring.profiles.log_rows import Logged
from konan.monitoring.profiles.profile import LABEL, SCORE, VALUE, Layout, Profile
from konan.monitoring.profiles.sparse import Ints
from konan.monitoring.reports.selection import Selected, Selection
from konan.predictions.filters import SHOWN_ROLES, Filters, Want
from konan.predictions.log import Predictions
from konan.records.labels import LabelQueue, QueuedLabel

MOST = 20_000
"""So many of the newest rows without a truth are looked at."""

_MICRO = 1_000_000
_LEAST = 0.05
"""A group counts as at least so uncertain: what the reference says of it may be old."""

_WORDS = {SCORE: "score", VALUE: "answer", LABEL: "answer"}


class _Grouped(NamedTuple):
    """Rows by the cell of one column.

    Attributes:
        of_row: the group of each row.
        groups: all of them.
    """

    of_row: Ints
    groups: list[Group]


def queue(
    selecting: Selection, selected: Selected, predictions: Predictions, name: str, most: int
) -> LabelQueue:
    """The rows to label next.

    Args:
        selecting: which rows; one window.
        selected: of the version.
        predictions: the log.
        name: of the deployment.
        most: so many at most.
    """
    asked, version, uuid = selecting.asked, selected.version, selecting.uuid
    filters = Filters(
        since=asked.start * _MICRO, until=asked.end * _MICRO, version=version.version, roles=SHOWN_ROLES
    )
    keep = predictions.truths.keep(uuid, known=False)
    rows = predictions.log.page(uuid, Want(filters, most=MOST, keep=keep), MOST)
    if not rows.num_rows:
        return LabelQueue(deployment=name, version=version.version, unlabelled=0, labels=())
    layout = selecting.read.layout(uuid, version.version)
    (labelled,) = selecting.labelled(version.version, (asked.start, asked.end), asked.end - asked.start)
    estimator = selected.reference.estimator if selected.reference else None
    grouped = _grouped(Logged(layout, version.schema)(rows), layout, labelled, estimator)
    sizes = np.bincount(grouped.of_row, minlength=len(grouped.groups)).tolist()
    ids = rows["id"].to_pylist()
    found = chosen(ids, grouped.of_row.tolist(), grouped.groups, most)
    shown = rows.take([one.place for one in found]).select(["id", "at", "output"]).to_pylist()
    return LabelQueue(
        deployment=name,
        version=version.version,
        unlabelled=rows.num_rows,
        labels=tuple(
            QueuedLabel(
                prediction_id=row["id"],
                at=row["at"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                output=msgspec.json.decode(row["output"]),
                group=grouped.groups[one.group].name,
                reason=reason(grouped.groups[one.group], sizes[one.group]),
            )
            for one, row in zip(found, shown, strict=True)
        ),
    )


def _grouped(rows: pa.Table, layout: Layout, labelled: Profile, estimator: Estimator | None) -> _Grouped:
    """Rows by their score, else by what was answered; all in one where neither is counted."""
    name = next((one for one in (SCORE, VALUE, LABEL) if one in layout.positions), "")
    if not name or name not in rows.column_names:
        return _Grouped(np.zeros(rows.num_rows, np.int64), [Group("all rows", labelled.rows, 1.0, "")])
    at = layout.positions[name]
    cells, counts = layout.columns[at], labelled.counts[at].tolist()
    told = _told(cells, name, estimator)
    groups = [
        Group(f"{_WORDS[name]} {_within(label)}", count, *one)
        for label, count, one in zip(cells.labels, counts, told, strict=True)
    ]
    return _Grouped(cells.assign(rows[name]).astype(np.int64), groups)


def _told(cells: Cells, name: str, estimator: Estimator | None) -> list[tuple[float, str]]:
    """Of each cell how uncertain the loss of its rows is, and what is known of it in words."""
    if estimator is None or name not in estimator.columns:
        return [(1.0, "")] * len(cells.labels)
    start = sum(estimator.sizes[: estimator.columns.index(name)])
    model = estimator.models[0]
    quantity = estimator.positions["hit" if estimator.classes else "abs"]
    usual = estimator.usual[quantity]
    if len(estimator.columns) == 1:
        values = model[start : start + len(cells.labels), quantity] + model[-1, quantity]
    else:  # the other columns are as they are on average
        values = model[start : start + len(cells.labels), quantity] + usual
    if not estimator.classes:
        return [(max(one, _LEAST * usual), f"they are off by about {one:.3g}") for one in values.tolist()]
    shares = np.clip(values, 0.0, 1.0).tolist()
    return [
        (max((one * (1 - one)) ** 0.5, _LEAST), f"about {100 * one:.0f} % of such answers are right")
        for one in shares
    ]


def _within(label: str) -> str:
    return f"in {label}" if label[:1] in "[(" else label
