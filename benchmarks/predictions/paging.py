"""How long a page takes out of many rows, by what is filtered."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.predictions import feeding
from konan.groundtruth.labelled import Labelled
from konan.groundtruth.revisions import Revision, cells_of
from konan.ids import IdSource
from konan.predictions import table
from konan.predictions.columns import SYSTEM
from konan.predictions.filters import Filters, Range, Want
from konan.predictions.flusher import Flusher
from konan.predictions.reading import PredictionLog
from konan.predictions.rows import by_day, table_of
from konan.predictions.table import File, LogTable

_COMMIT = 50_000
_FILES = 20


def fill(directory: Path, rows: int) -> list[str]:
    """A log of so many rows, written in commits of the usual size and merged as usual; all its ids."""
    log, source = LogTable(directory), IdSource()
    begin = time.time_ns() - rows * 100_000
    template = table_of(
        [feeding.entry(source, n, directory.name, begin) for n in range(_COMMIT)], feeding.schemas
    )
    generator = np.random.default_rng(7)
    kept: list[str] = []
    for number in range(rows // _COMMIT):
        ids = source.take(_COMMIT)
        order = template.take(pa.array(generator.permutation(_COMMIT)))
        at = pa.array(begin // 1000 + (number * _COMMIT + np.arange(_COMMIT)) * 100, pa.int64())
        part = _with(order, "id", pa.array(ids))
        part = _with(part, "at", at.cast(SYSTEM.field("at").type))
        rare = pa.array(np.where(generator.random(_COMMIT) < 1e-6 * 50, "rare", "city 1"))
        log.append(_with(part, "s_city", rare), {0: number + 1})
        kept += ids[:: _COMMIT // 10]
        if number % _FILES == _FILES - 1:
            log.compact(table.snapshot(directory).files[0].day)
    return kept


def measure(root: Path, rows: int, rounds: int) -> list[str]:
    """The median and the slowest of some rounds, for each kind of page."""
    directory = root / "predictions" / "pages"
    directory.mkdir(parents=True)
    ids = fill(directory, rows)
    flusher = Flusher(root / "journal", root / "predictions", feeding.schemas)
    log = PredictionLog(root / "predictions", flusher, feeding.schemas)
    lines = [f"{rows:,} rows in {len(table.snapshot(directory).files)} files, pages of 100"]
    truths = _truths(root / "predictions" / "pages-truth", ids[: len(ids) // 2])
    for name, want in _kinds(ids, truths).items():
        lines.append(f"{name}: {_timed(lambda want=want: log.page('pages', want, 101), rounds)}")  # type: ignore[misc]
    lines.append(f"one by its id: {_timed(lambda: log.one('pages', ids[len(ids) // 3]), rounds)}")
    return lines


def _truths(directory: Path, ids: list[str]) -> tuple[File, ...]:
    """A table with the truth of some predictions."""
    revisions = [Revision(one, number, number, "1", None, 1.0, None, "k") for number, one in enumerate(ids)]
    LogTable(directory).append(by_day(cells_of(revisions)), {0: 1})
    return table.snapshot(directory).files


def _kinds(ids: list[str], truths: tuple[File, ...]) -> dict[str, Want]:
    """Pages by what is asked for; the log's ids say where its middle is."""
    city, third = "city", "number 3"
    return {
        "newest": Want(),
        "deep in the middle": Want(before=ids[len(ids) // 2]),
        "label": Want(Filters(label="yes")),
        "a label that is nowhere": Want(Filters(label="maybe")),
        "a status that is nowhere": Want(Filters(status=500)),
        "another version": Want(Filters(version=2)),
        "range of a feature, half of the rows": Want(Filters(features={"number 1": Range(60, None)})),
        "range of a feature, 1 % of the rows": Want(Filters(features={third: Range(123.75, None)})),
        "range of a feature, one of 25,000 rows": Want(Filters(features={third: Range(124.995, None)})),
        "range of a feature, nowhere": Want(Filters(features={third: Range(62.0001, 62.0002)})),
        "the slowest 3 %": Want(Filters(latency=Range(690, None))),
        "a latency that is nowhere": Want(Filters(latency=Range(5000, None))),
        "a text in one of 20,000 rows": Want(Filters(features={city: Range("rare", "rare")})),
        "a text that is nowhere": Want(Filters(features={city: Range("none", "none")})),
        "with a truth, which one of 5,000 rows of the older half has": Want(
            keep=Labelled(truths, [], wanted=True)
        ),
        "without a truth": Want(keep=Labelled(truths, [], wanted=False)),
    }


def _timed(call: Callable[[], object], rounds: int) -> str:
    took, processor = [], []
    for _ in range(rounds):
        begin, used = time.perf_counter(), time.process_time()
        call()
        took.append((time.perf_counter() - begin) * 1000)
        processor.append((time.process_time() - used) * 1000)
    return (
        f"median {statistics.median(took):.0f} ms, slowest {max(took):.0f} ms; "
        f"processor: median {statistics.median(processor):.0f} ms"
    )


def _with(rows: pa.Table, name: str, cells: pa.Array) -> pa.Table:
    return rows.set_column(rows.schema.get_field_index(name), name, cells)
