"""Counts the truth of a day's rows, which comes later than they and may be revised.

New truths of known rows, and all truths of new rows, are added; where truths were revised or went, those of
the whole day are counted anew. A truth is one of a prediction, and counts for the copies that challengers
answered too. Counted are the cells of the truth, the answer beside it (`konan.monitoring.performance`), and
the profile of the rows that have a truth, for they may be others than those without.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from konan.monitoring.profiles.cells import NumericCells
from konan.monitoring.profiles.counting import Counting, name_of
from konan.monitoring.profiles.days import Day, Key
from konan.monitoring.profiles.grouping import Coded
from konan.monitoring.profiles.log_rows import milliseconds_of
from konan.monitoring.profiles.profile import TARGET
from konan.monitoring.profiles.truths import Truths
from konan.predictions.table import File


def count(counting: Counting, day: int, files: Sequence[File], truths: Sequence[File], into: Day) -> int:
    """Have the targets of all rows of a day counted that have one.

    Args:
        counting: knows what is counted.
        day: days since 1970-01-01 UTC.
        files: of the log, of that day.
        truths: of the truths' table, of that day and of the day before.
        into: the profiles of that day.

    Returns:
        How many rows were looked at.
    """
    known, names = {name_of(one.path) for one in truths}, {name_of(one.path) for one in files}
    old, new = (
        Truths([one for one in truths if (name_of(one.path) in into.truths) is is_old])
        for is_old in (True, False)
    )
    if not (into.truths <= known and into.seen <= names) or (into.seen and new and old.has_any(new)):
        into.seen = set()
        into.measured.clear()
        for key in [one for one in into.found if one.of_truth or one.labelled]:
            del into.found[key]
    everything, looked = Truths(truths), 0
    for file in files:
        some = new if name_of(file.path) in into.seen else everything
        if some:
            looked += file.rows
            _count_file(counting, day, file, some, into)
    into.truths, into.seen = known, names if truths else set()
    return looked


def _count_file(counting: Counting, day: int, file: File, truths: Truths, into: Day) -> None:
    known = truths.of(pa.chunked_array([[]], pa.string()))

    def choose(rows: pa.Table) -> pa.BooleanArray | None:
        nonlocal known
        about = _about(rows)
        known = truths.of(about)
        return pc.is_in(about, value_set=known["id"].combine_chunks()) if known.num_rows else None

    for version, rows in counting.chosen(file.path, choose):
        if rows.num_rows:
            mine = known.take(pc.index_in(_about(rows), value_set=known["id"].combine_chunks()))
            _count_rows(counting, day, version, rows, mine, into)


def _about(rows: pa.Table) -> pa.ChunkedArray:
    """The predictions that truths of some rows are of."""
    copies = rows["mirrors"]
    return rows["id"] if copies.null_count == len(copies) else pc.coalesce(copies, rows["id"])


def _count_rows(
    counting: Counting, day: int, version: int, rows: pa.Table, truths: pa.Table, into: Day
) -> None:
    """Count rows of a version, each with its truth."""
    layout, logged = counting.version(version)
    answers = counting.answers(version)
    coded = Coded(layout, logged(rows))
    delays = truths["first"].to_numpy() / 1e9 - milliseconds_of(_about(rows)) / 1e3
    pairs = answers.pairs(rows, truths, delays)
    codes, size = np.zeros(0, np.int64), 0
    if TARGET in layout.positions:
        cells = layout.cells(TARGET)
        column = truths["value" if isinstance(cells, NumericCells) else "label"]
        codes, size = cells.assign(column).astype(np.int64), len(cells.labels)
    for segment, values, groups in counting.groups(version, rows, day):
        if not segment and layout.columns:
            vectors = coded.counted(groups, len(values))
            for (role, hour, _), vector in zip(values, vectors, strict=True):
                into.add(Key(version, role, labelled=True), hour, vector)
        for (role, hour, value), numbers in zip(values, pairs.counted(groups, len(values)), strict=True):
            into.measure(Key(version, role, segment, value), hour, numbers)
        if size:
            counts = np.bincount(groups * size + codes, minlength=len(values) * size)
            for (role, hour, value), vector in zip(values, counts.reshape(-1, size), strict=True):
                into.add(Key(version, role, segment, value, of_truth=True), hour, vector)
