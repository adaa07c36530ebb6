"""A log as a file, made while it is read: JSON lines, CSV or Parquet."""

from collections.abc import Callable, Iterator

import msgspec
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from konan.predictions import table
from konan.predictions.columns import SYSTEM, TYPES, labels, shown
from konan.predictions.filters import Want
from konan.predictions.log import Predictions
from konan.predictions.rows import originals

_ROWS = 8192
_LEFT_OUT = ("day", "row")
_encode = msgspec.json.Encoder().encode
_Parts = Iterator[pa.Table]


def parts(log: Predictions, deployment: str, want: Want, form: str) -> Iterator[bytes]:
    """A file in parts of some thousand rows.

    What waits is put into the table first, so that all columns are known when the file begins.

    Args:
        log: the log.
        deployment: uuid.
        want: which rows.
        form: a key of `konan.predictions.log.MEDIA_TYPES`.

    Raises:
        Invalid: no version has a feature that is filtered by; told with the first part.
    """
    log.flusher.flush(deployment)
    rows = (
        part.slice(start, _ROWS)
        for part in log.log.batches(deployment, want)
        for start in range(0, part.num_rows, _ROWS)
    )
    yield from _FORMS[form](log, deployment, rows)


def _jsonl(log: Predictions, deployment: str, rows: _Parts) -> Iterator[bytes]:
    for part in rows:
        yield b"".join(_encode(record) + b"\n" for record in log.records(deployment, part))


def _csv(log: Predictions, deployment: str, rows: _Parts) -> Iterator[bytes]:
    pipe = _Pipe()
    names, schema = _flat_schema(log, deployment)
    with pacsv.CSVWriter(pa.PythonFile(pipe, "w"), schema) as writer:
        for part in rows:
            writer.write_table(_flat(log, deployment, part, names, schema))
            yield pipe.drain()
    yield pipe.drain()


def _parquet(log: Predictions, deployment: str, rows: _Parts) -> Iterator[bytes]:
    pipe = _Pipe()
    names, schema = _flat_schema(log, deployment)
    with pq.ParquetWriter(pa.PythonFile(pipe, "w"), schema, compression="zstd") as writer:
        for part in rows:
            writer.write_table(_flat(log, deployment, part, names, schema))
            yield pipe.drain()
    yield pipe.drain()


_FORMS: dict[str, Callable[[Predictions, str, _Parts], Iterator[bytes]]] = {
    "jsonl": _jsonl,
    "csv": _csv,
    "parquet": _parquet,
}


class _Pipe:
    """A file whose content is taken away as it is written."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._position = 0

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        self._position += len(data)
        return len(data)

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        self.closed = True

    def drain(self) -> bytes:
        """What was written since the last time."""
        data = b"".join(self._parts)
        self._parts.clear()
        return data


def _flat_schema(log: Predictions, deployment: str) -> tuple[list[str], pa.Schema]:
    """The table's columns that are written, and their types under the names that people know."""
    columns = table.snapshot(log.directory / deployment).columns
    known = shown(columns)
    physical = [name for name in SYSTEM.names if name not in _LEFT_OUT] + list(known)
    label = labels(columns)
    fields = [
        pa.field(
            label.get(name, name), TYPES[known[name].letter] if name in known else SYSTEM.field(name).type
        )
        for name in physical
    ]
    return physical, pa.schema([*fields, pa.field("ground_truth", pa.string())])


def _flat(log: Predictions, deployment: str, rows: pa.Table, names: list[str], schema: pa.Schema) -> pa.Table:
    """Rows with the columns of a file; ground truth is JSON."""
    told_of = originals(rows)
    truths = log.truths.of(deployment, told_of)
    found = [
        rows[name].cast(schema.field(index).type)
        if name in rows.column_names
        else pa.nulls(rows.num_rows, schema.field(index).type)
        for index, name in enumerate(names)
    ]
    texts = [_encode(truths[one]).decode() if one in truths else None for one in told_of]
    return pa.table([*found, pa.array(texts, pa.string())], schema=schema)
