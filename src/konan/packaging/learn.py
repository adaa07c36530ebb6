"""What the rows given at deploy show: a type and some facts for each column, and rows to try a model on.

Reading strangers' files takes time and memory, so `survey` runs this module as a child process
(``python -m konan.packaging.learn``: a `Request` as JSON on standard input, an `Answer` on standard output)
and control stays responsive. Nothing but standard library and msgspec is imported on control's side.
"""

import logging
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from konan import ending
from konan.errors import DataInvalid
from konan.packaging.child import Limits, run
from konan.records.schema import LARGEST_INTEGER, FeatureType, Learned
from konan.records.upload import TableFormat

if TYPE_CHECKING:
    import pyarrow as pa

MOST_CATEGORIES = 100
MOST_DISTINCT = 1000
_LONGEST_CATEGORY = 200
_LARGEST_SAMPLE = 2_000_000
_MEMORY = 8 * 1024**3
_log = logging.getLogger(__name__)
ENVIRONMENT = {"ARROW_DEFAULT_MEMORY_POOL": "system", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
"""Environment variables of a process that reads strangers' rows."""

Value = float | int | bool | str | None


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What to learn from which file.

    Attributes:
        path: the file.
        format: how it is written.
        most: most rows to read.
        first: how many of the first rows to return.
        spread: how many of the rows after them to return, evenly spread.
    """

    path: str
    format: TableFormat
    most: int
    first: int = 200
    spread: int = 200


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One column of the data.

    Attributes:
        name: as in the header.
        type: its JSON type; None for a type that no JSON type stands for, as a list.
        dtype: numpy dtype as the model saw it, or what the type is called when it has no JSON type.
        learned: facts over all rows that were read.
        values: of the rows that were returned; date-times as RFC 3339 text.
    """

    name: str
    type: FeatureType | None
    dtype: str
    learned: Learned
    values: tuple[Value, ...]


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """What a file of rows shows.

    Attributes:
        rows: how many rows were read.
        cut: whether the file has more.
        columns: its columns in order.
        sample: positions of the returned rows in the file, from 0, increasing. Rows with an infinite
            number are left out, because no request can hold one.
    """

    rows: int
    cut: bool
    columns: tuple[Column, ...]
    sample: tuple[int, ...]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the child process says: a survey, or why there is none."""

    survey: Survey | None = None
    message: str = ""
    hint: str = ""


async def survey(request: Request, within: float) -> Survey:
    """Read a file of rows in a process of its own.

    Args:
        request: what to learn.
        within: seconds it may take.

    Raises:
        DataInvalid: the rows cannot be read; the message says where and what to do.
        DeadlineExceeded: it took too long.
    """
    limits = Limits(within, memory=_MEMORY, processor=math.ceil(within))
    command = [sys.executable, "-P", "-m", "konan.packaging.learn"]
    done = await run(
        command,
        limits,
        environment=ENVIRONMENT,
        directory=Path(request.path).parent,
        data=msgspec.json.encode(request),
    )
    if done.status:
        last = (done.talk.strip().splitlines() or [""])[-1].partition(":")[0]
        _log.warning("rows could not be read", extra={"status": done.status, "error": last})
        raise DataInvalid(
            "The data cannot be read with the memory and time that it may use.",
            hint="Give fewer rows: a sample of some 100,000 is enough to learn from.",
        )
    answer = msgspec.json.decode(done.output, type=Answer)
    if answer.survey is None:
        raise DataInvalid(answer.message, hint=answer.hint)
    return answer.survey


def learn(request: Request) -> Survey:
    """Read a file of rows in this process.

    Raises:
        DataInvalid: the rows cannot be read.
    """
    from konan.packaging.tables import read_table

    table, cut = read_table(Path(request.path), request.format, request.most)
    spread = min(request.spread, _LARGEST_SAMPLE // max(1, table.num_columns))
    sample = _finite(table, spread_positions(table.num_rows, request.first, spread))
    columns = [_column(name, table.column(name), sample) for name in table.column_names]
    return Survey(rows=table.num_rows, cut=cut, columns=tuple(columns), sample=tuple(sample))


def spread_positions(rows: int, first: int, spread: int) -> list[int]:
    """Positions of the first rows and of some evenly spread over the rest.

    >>> spread_positions(10, 2, 4)
    [0, 1, 2, 4, 6, 8]
    >>> spread_positions(3, 5, 5)
    [0, 1, 2]
    """
    first = min(first, rows)
    rest = rows - first
    count = min(spread, rest)
    return [*range(first), *(first + step * rest // count for step in range(count))]


def _finite(table: "pa.Table", positions: list[int]) -> list[int]:
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = table.take(positions)
    keep = [True] * len(positions)
    for column in rows.columns:
        if pa.types.is_floating(column.type):
            infinite = pc.fill_null(pc.is_inf(column), fill_value=False).to_pylist()
            keep = [was and not bad for was, bad in zip(keep, infinite, strict=True)]
    return [position for position, good in zip(positions, keep, strict=True) if good]


def _column(name: str, column: "pa.ChunkedArray", sample: list[int]) -> Column:
    import pyarrow as pa
    import pyarrow.compute as pc

    dtype = ""
    if pa.types.is_dictionary(column.type):
        dtype, column = "category", pc.cast(column, column.type.value_type)
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), None, column)
    missing = column.null_count
    kind, plain = _described(column.type, gaps=missing > 0)
    if kind is None:
        empty = Learned(missing=missing / len(column))
        return Column(name=name, type=None, dtype=plain, learned=empty, values=(None,) * len(sample))
    if kind == "datetime":
        column = pc.cast(column, pa.timestamp("us", "UTC"), safe=False)
    elif pa.types.is_null(column.type):
        column = pc.cast(column, pa.float64())
    values = _values(column.take(sample))
    learned = _facts(column, kind, missing / len(column))
    return Column(name=name, type=kind, dtype=dtype or plain, learned=learned, values=values)


def _described(kind: "pa.DataType", *, gaps: bool) -> tuple[FeatureType | None, str]:
    """JSON type and numpy dtype that pandas gives to a column of an Arrow type."""
    import pyarrow as pa

    found: tuple[FeatureType | None, str] = (None, str(kind))
    if pa.types.is_integer(kind):
        found = ("number", "float64") if gaps else ("integer", str(kind))
    elif pa.types.is_null(kind):
        found = ("number", "float64")
    elif pa.types.is_floating(kind):
        found = ("number", f"float{kind.bit_width}")
    elif pa.types.is_boolean(kind):
        found = ("boolean", "object" if gaps else "bool")
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        found = ("string", "object")
    elif pa.types.is_timestamp(kind):
        zone = f", {kind.tz}" if kind.tz else ""
        found = ("datetime", f"datetime64[{kind.unit}{zone}]")
    return found


def _values(column: "pa.ChunkedArray") -> tuple[Value, ...]:
    found: list[Any] = column.to_pylist()
    if "timestamp" in str(column.type):
        return tuple(None if value is None else _instant(value) for value in found)
    return tuple(found)


def _instant(value: Any) -> str:
    return str(value.isoformat()).replace("+00:00", "Z")


def _facts(column: "pa.ChunkedArray", kind: FeatureType, missing: float) -> Learned:
    import pyarrow.compute as pc

    distinct = min(MOST_DISTINCT, pc.count_distinct(column).as_py())
    if kind in ("string", "boolean"):
        counts = pc.value_counts(column.combine_chunks().drop_null()).to_pylist()
        counts.sort(key=lambda pair: (-pair["counts"], str(pair["values"])))
        texts = [str(pair["values"]) for pair in counts if len(str(pair["values"])) <= _LONGEST_CATEGORY]
        if kind == "boolean":
            texts = [text.lower() for text in texts]
        return Learned(categories=tuple(texts[:MOST_CATEGORIES]), distinct=distinct, missing=missing)
    if kind == "number":
        column = column.filter(pc.is_finite(column))
    ends = pc.min_max(column)
    least, most = (ends["min"].as_py(), ends["max"].as_py())
    if kind == "datetime" and least is not None:
        least, most = _instant(least), _instant(most)
    return Learned(minimum=least, maximum=most, distinct=distinct, missing=missing)


def beyond_exact(column: Column) -> bool:
    """Whether a column holds integers that JSON numbers cannot carry exactly (RFC 8259, section 6)."""
    ends = (column.learned.minimum, column.learned.maximum)
    numbers = [end for end in ends if isinstance(end, (int, float))]
    return column.type == "integer" and any(abs(end) > LARGEST_INTEGER for end in numbers)


def without_pandas() -> None:
    """Hide pandas from Arrow, which loads it if there is one; that takes longer than all the rest."""
    sys.meta_path.insert(0, _WithoutPandas())


class _WithoutPandas:
    """Finds no pandas."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        """Refuse pandas, and leave all else to the other finders."""
        del path, target
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname)


def main() -> None:
    """Answer the request on standard input."""
    without_pandas()
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=Request)
    try:
        answer = Answer(survey=learn(request))
    except DataInvalid as error:
        answer = Answer(message=error.message, hint=error.hint)
    sys.stdout.buffer.write(msgspec.json.encode(answer))


if __name__ == "__main__":
    main()
    ending.at_once()
