"""Runs metrics of users, locked in: their programs see the rows they are given, and nothing else.

Reads an `Order` on standard input, writes an `Answer` on standard output. All rows are read before the
process locks itself in; then it can open Python's own library, and no other file. What a program prints goes
to standard error.
"""

import math
import os
import sys
import sysconfig
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.abc import InspectLoader
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import msgspec
import numpy as np
import pyarrow as pa
from typing_extensions import override

from konan import ending, priority
from konan.monitoring.custom_metrics import ranking
from konan.monitoring.custom_metrics.evaluation import valued
from konan.monitoring.custom_metrics.joined_rows import TRUE_LABEL, TRUE_VALUE, TRUTH, joined
from konan.monitoring.custom_metrics.rows import Column, Rows
from konan.monitoring.custom_metrics.running import MEMORY, Answer, Order, Valued
from konan.packaging.learn import without_pandas
from konan.predictions.columns import columns
from konan.records.measures import CustomMetric
from konan.records.schema import Schema, class_text
from konan.worker import kernel, sandbox

Result = TypeVar("Result")
_DESCRIPTORS = 64
_ENTRY = "metric"
_LONGEST = 500
_NO_SANDBOX = (
    "This machine cannot lock metrics in. --unsafe-models runs models and metrics without a sandbox."
)
_SYSTEM = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo")


class NotAMetric(Exception):
    """A program that defines no metric; the message says why."""


def main() -> int:
    """Do the order on standard input; returns the exit code."""
    priority.give_way()
    kernel.die_with_parent()
    without_pandas()
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    output = os.dup(1)
    os.dup2(2, 1)
    rows = [_rows(order, at) for at in range(len(order.parts))]
    try:
        lock_in(unsafe=order.unsafe)
        answer = Answer(values=_values(order, rows))
    except NotAMetric as reason:
        answer = Answer(refused=str(reason))
    except sandbox.Refused:
        answer = Answer(refused=_NO_SANDBOX)
    os.write(output, msgspec.json.encode(answer))
    return 0


def lock_in(*, unsafe: bool) -> None:
    """Let this process open nothing but Python's own library from now on, and reach nobody.

    Args:
        unsafe: go on where the system has no sandbox.

    Raises:
        sandbox.Refused: it has none.
    """
    np.random.default_rng(0).permutation(2)
    np.linalg.norm(np.ones(2))
    readable = [sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib")]
    numpy = Path(np.__file__).parent
    readable += [str(numpy), str(numpy.with_name("numpy.libs")), *_SYSTEM]
    sandbox.lock_in(
        sandbox.Reach(readable, [], []), sandbox.Limits(MEMORY, _DESCRIPTORS, 0), [], unsafe=unsafe
    )


def _values(order: Order, rows: list[Rows | None]) -> tuple[tuple[Valued, ...], ...]:
    metrics = [_loaded(metric) if metric.code else ranking.ranking(metric.name) for metric in order.metrics]
    own = [bool(metric.code) for metric in order.metrics]
    return tuple(
        tuple(
            _valued(metric, one if mine else _ranked(one), order.rows)
            for metric, mine in zip(metrics, own, strict=True)
        )
        for one in rows
    )


def _ranked(rows: Rows | None) -> Rows | None:
    found = None if rows is None else ranking.ranked(rows)
    return found if found is not None and len(found) else None


class _Program(InspectLoader):
    """Loads a module from its text."""

    def __init__(self, text: str) -> None:
        self._text = text

    @override
    def get_source(self, fullname: str) -> str:
        return self._text


def _loaded(metric: CustomMetric) -> Callable[[Rows], Any]:
    """The function that a program defines.

    Raises:
        NotAMetric: it defines none.
    """
    module = ModuleType(metric.name)
    reason = _attempt(lambda: _Program(metric.code).exec_module(module)).exception()
    if reason is not None:
        raise NotAMetric(f"The program of {metric.name} fails: {_last(reason)}")
    found: Callable[[Rows], Any] | None = getattr(module, _ENTRY, None)
    if not callable(found):
        raise NotAMetric(f"The program of {metric.name} defines no function {_ENTRY}(rows).")
    return found


def _valued(metric: Callable[[Rows], Any], rows: Rows | None, most: int) -> Valued:
    if rows is None:
        return Valued(None, note="No truth that it can be told by is known of these rows.")
    asked = _attempt(lambda: valued(metric, rows))
    reason = asked.exception()
    if reason is not None:
        return Valued(None, rows=len(rows), note=f"The metric failed: {_last(reason)}")
    found = asked.result()
    if len(rows) == most and not found.note:
        return msgspec.structs.replace(found, note=f"Of the newest {most:,} labelled rows.")
    return found


def _attempt(act: Callable[[], Result]) -> "Future[Result]":
    """Call a stranger's program; whatever it raises, also an exit, is in what comes back."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(act)


def _last(reason: BaseException) -> str:
    frames = traceback.extract_tb(reason.__traceback__)
    line = f" (line {frames[-1].lineno} of {Path(frames[-1].filename).name})" if frames else ""
    return f"{type(reason).__name__}: {reason}"[:_LONGEST] + line


def _rows(order: Order, at: int) -> Rows | None:
    part = order.parts[at]
    schema = order.schemas[str(part.version)]
    table = joined(Path(order.directory), order.deployment, schema, part, order.rows)
    return rows_of(table, schema) if table.num_rows else None


def rows_of(table: pa.Table, schema: Schema) -> Rows:
    """Rows as a metric's program is given them.

    Args:
        table: as `konan.monitoring.custom_metrics.joined_rows.joined` gives it, with at least one row.
        schema: of the version that answered them.
    """
    output = schema.output
    truth, answer = TRUTH, "output"
    if output.kind == "classifier":
        truth, answer = TRUE_LABEL, "label"
    elif output.kind == "regressor" and output.values == 1:
        truth, answer = TRUE_VALUE, "value"
    probabilities: dict[str, Column] = {}
    if output.probabilities:
        answered = msgspec.json.decode(f"[{','.join(table['output'].to_pylist())}]")
        for name in map(class_text, output.classes):
            each = (one.get("probabilities", {}).get(name, math.nan) for one in answered)
            probabilities[name] = np.fromiter(each, np.float64, table.num_rows)
    features = {one.name: _column(table[one.physical]) for one in columns(schema)}
    parsed = output.kind == "other" or output.values > 1
    truths, answers = ((_parsed if parsed else _column)(table[name]) for name in (truth, answer))
    return Rows(truths, answers, probabilities, features)


def _column(column: pa.ChunkedArray) -> Column:
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        return np.asarray(column.cast(pa.float64()).to_numpy(), np.float64)
    found = np.empty(len(column), object)
    found[:] = column.to_pylist()
    return found


def _parsed(column: pa.ChunkedArray) -> Column:
    found = np.empty(len(column), object)
    for at, text in enumerate(column.to_pylist()):
        found[at] = msgspec.json.decode(text)
    return found


if __name__ == "__main__":
    ending.at_once(main())
