"""Finds the rows of one person in the tables, and takes them out."""

from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from konan.erasure.subjects import Subject
from konan.predictions import lookup, table
from konan.predictions.columns import column_of

_FIXED = ("id", "request_id", "mirrors", "at", "latency_us", "row")


@dataclass(slots=True)
class Found:
    """Rows of one table.

    Attributes:
        ids: of the predictions or rejected requests.
        requests: ids of the requests that they came with.
        originals: ids under which ground truth is kept of them.
    """

    ids: list[str] = field(default_factory=list)
    requests: set[str] = field(default_factory=set)
    originals: set[str] = field(default_factory=set)


def predictions(directory: Path, names: Set[str], subject: Subject, until: int) -> Found:
    """The predictions about a person that are in a table.

    Args:
        directory: of the log.
        names: the columns that say whom a row is about.
        subject: the person.
        until: only what was answered by then, microseconds since 1970-01-01 UTC.
    """
    found = Found()
    for rows in _groups(directory, lambda name: name in _FIXED or _is_one_of(name, names)):
        tests = {name: subject.is_meant for name in rows.column_names if name not in _FIXED}
        mine = _meant(rows, tests | {"row": subject.is_named_in}, until)
        ids, mirrors = mine["id"].to_pylist(), mine["mirrors"].to_pylist()
        found.ids += ids
        found.requests.update(mine["request_id"].to_pylist())
        found.originals.update(mirrored or own for own, mirrored in zip(ids, mirrors, strict=True))
    return found


def rejected(directory: Path, subject: Subject, until: int) -> Found:
    """The rejected requests that name a person, or may; arguments as of `predictions`."""
    found = Found()
    for rows in _groups(directory, {"id", "at", "latency_us", "body"}.__contains__):
        found.ids += _meant(rows, {"body": subject.is_named_in}, until)["id"].to_pylist()
    return found


def truths(directory: Path, originals: Set[str]) -> Found:
    """The predictions among some of which a table of ground truth has revisions, each as often as it has."""
    found = Found()
    for rows in lookup.rows_of(table.snapshot(directory).files, originals, ["id"]):
        found.ids += rows["id"].to_pylist()
    return found


def _is_one_of(physical: str, names: Set[str]) -> bool:
    column = column_of(physical)
    return column is not None and column.name in names


def _groups(directory: Path, wanted: Callable[[str], bool]) -> Iterator[pa.Table]:
    """The rows of a table, part by part."""
    for file in table.snapshot(directory).files:
        reader = pq.ParquetFile(file.path)
        names = [name for name in reader.schema_arrow.names if wanted(name)]
        for index in range(reader.num_row_groups):
            yield reader.read_row_group(index, columns=names)


def _meant(rows: pa.Table, tests: dict[str, Callable[[str], bool]], until: int) -> pa.Table:
    mask = pa.repeat(pa.scalar(value=False), rows.num_rows)
    for name, test in tests.items():
        if name in rows.column_names:
            known = pc.unique(rows[name].combine_chunks())
            meant = [cell for cell in known.drop_null().to_pylist() if test(cell)]
            if meant:
                mask = pc.or_(mask, pc.is_in(rows[name], pa.array(meant, known.type)))
    answered = pc.add(rows["at"].cast(pa.int64()), rows["latency_us"])
    return rows.filter(pc.and_(mask, pc.less_equal(answered, until)))
