"""Reads truths with who sent them, beside the answers that they are about: the newest ones of a window."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from konan.groundtruth.revisions import SUFFIX
from konan.groundtruth.tables import counting
from konan.monitoring.labels.checks import Sender
from konan.predictions import table
from konan.predictions.filters import SHOWN_ROLES

MOST = 200_000
"""So many of the newest labelled rows are looked at."""

_DAY = 86_400
_READ = ("id", "version", "role", "mirrors", "label", "value")


class Truths(NamedTuple):
    """What was found.

    Attributes:
        rows: labelled rows that were looked at.
        exact: those whose truth is exactly the answer.
        changed: those whose truth was changed after it had come.
        senders: by key, those with most rows first.
    """

    rows: int
    exact: int
    changed: int
    senders: tuple[Sender, ...]


def truths_of(directory: Path, deployment: str, version: int, span: tuple[int, int]) -> Truths:
    """The newest truths of a window.

    Args:
        directory: where the logs are.
        deployment: uuid.
        version: number of the version.
        span: start and end, seconds since 1970-01-01 UTC.
    """
    first, last = span[0] // _DAY, (span[1] - 1) // _DAY
    files = [one for one in table.snapshot(directory / deployment).files if first <= one.day <= last]
    parts: list[pa.Table] = []
    changed = 0
    for day in sorted({one.day for one in files}, reverse=True):
        known = counting(directory / (deployment + SUFFIX), day - 1, day)
        if not known.num_rows:
            continue
        rows = [_joined(one.path, version, span, known) for one in files if one.day == day]
        parts += rows
        changed += _changed(directory / (deployment + SUFFIX), day, pa.concat_tables(rows)["id"])
        if sum(part.num_rows for part in parts) >= MOST:
            break
    if not parts:
        return Truths(0, 0, 0, ())
    return _told(pa.concat_tables(parts), changed)


def _joined(path: str, version: int, span: tuple[int, int], known: pa.Table) -> pa.Table:
    """The rows of a file that callers got and that have a truth, with it."""
    rows = pq.ParquetFile(path).read(columns=list(_READ), use_threads=False)
    wanted = pc.and_(pc.equal(rows["version"], version), pc.is_in(rows["role"], pa.array(SHOWN_ROLES)))
    timely = pc.and_(
        pc.greater_equal(rows["id"], _first_id(span[0])), pc.less(rows["id"], _first_id(span[1]))
    )
    rows = rows.filter(pc.and_(wanted, timely))
    places = pc.index_in(rows["id"], value_set=known["id"].combine_chunks())
    there = pc.is_valid(places)
    rows, places = rows.filter(there), places.filter(there)
    truth = known.take(places)
    return pa.table(
        {
            "id": rows["id"],
            "key_id": truth["key_id"],
            "exact": _exact(rows, truth),
            "far": pc.abs(pc.subtract(rows["value"], truth["value"])),
        }
    )


def _exact(rows: pa.Table, truth: pa.Table) -> pa.ChunkedArray:
    """Whether truth and answer are the same; null where they cannot be compared."""
    return pc.coalesce(pc.equal(rows["label"], truth["label"]), pc.equal(rows["value"], truth["value"]))


def _changed(place: Path, day: int, ids: pa.ChunkedArray) -> int:
    """How many of some predictions have truths that differ."""
    files = [one for one in table.snapshot(place).files if day - 1 <= one.day <= day]
    parts = [pq.ParquetFile(one.path).read(columns=["id", "target"], use_threads=False) for one in files]
    if not parts:
        return 0
    rows = pa.concat_tables(parts)
    rows = rows.filter(pc.is_in(rows["id"], value_set=ids.combine_chunks()))
    counted = rows.group_by("id").aggregate([("target", "count_distinct")])
    return int(pc.sum(pc.greater(counted["target_count_distinct"], 1)).as_py() or 0)


def _told(rows: pa.Table, changed: int) -> Truths:
    rows = rows.filter(pc.is_valid(rows["exact"]))
    exact = rows["exact"].to_numpy(zero_copy_only=False).astype(bool)
    far = rows["far"].to_numpy(zero_copy_only=False).astype(float)
    agrees = far <= np.nanmedian(far) if np.isfinite(far).any() else exact
    keys = rows["key_id"].to_pylist()
    counts, hits = Counter(keys), Counter(key for key, agree in zip(keys, agrees, strict=True) if agree)
    senders = (Sender(key or "", count, hits[key]) for key, count in counts.most_common())
    return Truths(rows.num_rows, int(exact.sum()), changed, tuple(senders))


def _first_id(seconds: int) -> str:
    """What the ids of a moment or later are not less than."""
    digits = f"{seconds * 1000:012x}"
    return f"{digits[:8]}-{digits[8:]}"
