"""Rows of one person leave the files given at deploy, and what a version learned of them goes too.

Everything else of a file stays as it was written, byte for byte where it is text. A version cites the new
file; it notes what the old one was, so that whoever cites that can be told that rows of it were erased.
"""

import csv
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Set
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import msgspec

from konan.records.upload import TableFormat

if TYPE_CHECKING:
    import pyarrow as pa

Meant = Callable[[object], bool]
_decode = msgspec.json.Decoder(dict[str, object]).decode
_FLOAT = re.compile(r"\s*[+-]?[0-9.]+([eE][+-]?[0-9]+)?\s*")


def leave(path: Path, form: TableFormat, fresh: Path, names: Set[str], is_meant: Meant) -> int:
    """Write a file of rows again without the rows of a person; nothing is written if there are none.

    Args:
        path: of the file.
        form: how it is written.
        fresh: path of the new file.
        names: the columns that say whom a row is about.
        is_meant: whether a value in them means the person.

    Returns:
        How many rows left.
    """
    rewrite = {"csv": _csv, "jsonl": _jsonl, "parquet": _parquet}[form]
    gone = rewrite(path, fresh, names, is_meant)
    if not gone:
        fresh.unlink(missing_ok=True)
    return gone


def _csv(path: Path, fresh: Path, names: Set[str], is_meant: Meant) -> int:
    csv.field_size_limit(sys.maxsize)
    gone = 0
    with (
        path.open(encoding="utf-8", errors="surrogateescape", newline="") as file,
        fresh.open("w", encoding="utf-8", errors="surrogateescape", newline="") as out,
    ):
        lines = _Lines(file)
        places: list[int] | None = None
        for row in csv.reader(lines):
            text = lines.taken()
            if places is None:
                if row:
                    heads = [name.removeprefix("\ufeff") for name in row]
                    places = [place for place, name in enumerate(heads) if name in names]
            elif any(place < len(row) and _in_text(row[place], is_meant) for place in places):
                gone += 1
                continue
            out.write(text)
    return gone


def _in_text(cell: str, is_meant: Meant) -> bool:
    """Whether a cell of a CSV means the person, as text or as the number that it is read as."""
    if is_meant(cell) or is_meant(cell.strip()):
        return True
    return _FLOAT.fullmatch(cell) is not None and _number(cell, is_meant)


def _number(cell: str, is_meant: Meant) -> bool:
    try:
        return is_meant(float(cell))
    except ValueError:
        return False


class _Lines:
    """The lines of a file, and which of them were read since it was asked."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._read: list[str] = []

    def __iter__(self) -> Iterator[str]:
        for line in self._file:
            self._read.append(line)
            yield line

    def taken(self) -> str:
        read, self._read = self._read, []
        return "".join(read)


def _jsonl(path: Path, fresh: Path, names: Set[str], is_meant: Meant) -> int:
    gone = 0
    with path.open("rb") as file, fresh.open("wb") as out:
        for line in file:
            if line.strip() and _names_in(line, names, is_meant):
                gone += 1
            else:
                out.write(line)
    return gone


def _names_in(line: bytes, names: Set[str], is_meant: Meant) -> bool:
    try:
        row = _decode(line)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return True  # nobody can tell whom it is about
    return any(is_meant(row[name]) for name in names if name in row)


def _parquet(path: Path, fresh: Path, names: Set[str], is_meant: Meant) -> int:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    gone = 0
    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        wanted = [name for name in schema.names if name in names]
        if not wanted:
            return 0
        with pq.ParquetWriter(fresh, schema, compression="zstd") as writer:
            for index in range(file.num_row_groups):
                rows = file.read_row_group(index)
                stays = pa.array([not any(map(is_meant, cells)) for cells in _cells(rows, wanted)])
                gone += rows.num_rows - (pc.sum(stays).as_py() or 0)
                writer.write_table(rows.filter(stays))
    return gone


def _cells(rows: "pa.Table", names: Iterable[str]) -> Iterator[tuple[object, ...]]:
    return zip(*(rows[name].to_pylist() for name in names), strict=True)
