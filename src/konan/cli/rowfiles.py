"""Reads files of rows part by part and gives each value the type that the deployment asks for.

CSV holds only text, so the schema decides; what pandas takes for a missing value is missing here too.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from konan.errors import DataInvalid, MissingExtra, Usage
from konan.records.schema import FeatureType, Schema

MISSING = frozenset(
    {"", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A"}
    | {"NA", "NULL", "NaN", "None", "n/a", "nan", "null"}
)
_TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}

Row = Mapping[str, Any]


def read(path: Path) -> Iterator[Row]:
    """The rows of a CSV, Parquet or JSON lines file, told apart by its suffix.

    Raises:
        Usage: the suffix is another.
        DataInvalid: the file is not what its suffix says.
        MissingExtra: it is Parquet and pyarrow is not installed.
    """
    readers: dict[str, Callable[[Path], Iterator[Row]]] = {
        ".csv": _csv,
        ".jsonl": _jsonl,
        ".ndjson": _jsonl,
        ".parquet": _parquet,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise Usage(f"{path.name} has no known suffix.", hint="Name it .csv, .parquet or .jsonl.")
    return reader(path)


def count(path: Path) -> int | None:
    """About how many rows a file holds, for a progress bar; ``None`` when that would cost too much."""
    if path.suffix.lower() == ".parquet":
        return None
    with path.open("rb") as file:
        lines = sum(part.count(b"\n") for part in iter(lambda: file.read(1 << 20), b""))
    return lines - (path.suffix.lower() == ".csv")


def types_of(schema: Schema) -> dict[str, FeatureType]:
    """The type of each column that a version takes."""
    extra: dict[str, FeatureType] = dict.fromkeys(schema.extra, "string")
    return extra | {feature.name: feature.type for feature in schema.features}


def types_in(document: Mapping[str, Any]) -> dict[str, FeatureType]:
    """The type of each column that a deployment takes, from its OpenAPI document.

    >>> row = {"hour": {"type": ["integer", "null"]}, "weather": {"type": "string"}}
    >>> types_in({"components": {"schemas": {"Row": {"properties": row}}}})
    {'hour': 'integer', 'weather': 'string'}
    """
    properties = document["components"]["schemas"]["Row"]["properties"]
    return {
        name: described["type"][0] if isinstance(described["type"], list) else described["type"]
        for name, described in properties.items()
    }


def shaped(
    rows: Iterable[Row], types: Mapping[str, FeatureType], ignored: Callable[[list[str]], None]
) -> Iterator[Row]:
    """Rows with the known columns only, text turned into the type of its column.

    Args:
        rows: as `read` gives them.
        types: the type of each column that the deployment takes.
        ignored: told once the names of columns that it does not know.

    Raises:
        DataInvalid: a text is not of its feature's type.
    """
    for number, row in enumerate(rows, start=1):
        if number == 1 and (unknown := [name for name in row if name not in types]):
            ignored(unknown)
        yield {name: typed(value, types[name], name, number) for name, value in row.items() if name in types}


def typed(value: Any, kind: FeatureType, name: str, number: int) -> Any:
    """A value as its feature's type; only text is turned, anything else is left to the server.

    >>> typed("8.0", "integer", "hour", 1), typed("", "number", "hour", 1), typed("true", "boolean", "h", 1)
    (8, None, True)

    Raises:
        DataInvalid: the text is not of that type; the message names row and column.
    """
    if not isinstance(value, str):
        return value
    if value in MISSING:
        return None
    try:
        return _OF_TEXT[kind](value)
    except (ValueError, KeyError, OverflowError):
        raise DataInvalid(
            f"Row {number} has a text in column {name} that is no {kind}.",
            hint=f"`konan version show` lists the types; mend column {name}.",
        ) from None


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        number = float(text)
        if not number.is_integer():
            raise
        return int(number)


_OF_TEXT: dict[FeatureType, Callable[[str], Any]] = {
    "number": float,
    "integer": _integer,
    "boolean": _TRUTH.__getitem__,
    "string": str,
    "datetime": str,
}


def _csv(path: Path) -> Iterator[Row]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        try:
            rows = csv.reader(file)
            header = next(filter(None, rows), [])
            if len(header) == 1 and any(mark in header[0] for mark in ";\t|"):
                raise DataInvalid(
                    f"{path.name} is separated by something else than commas.",
                    hint="Save the file as CSV with commas.",
                )
            width = len(header)
            for number, row in enumerate(filter(None, rows), start=1):
                if len(row) > width:
                    raise DataInvalid(
                        f"Row {number} of {path.name} has more values than the header has columns."
                    )
                cells: Sequence[str | None] = (
                    row if len(row) == width else [*row, *[None] * (width - len(row))]
                )
                yield dict(zip(header, cells, strict=True))
        except (csv.Error, UnicodeDecodeError) as error:
            raise DataInvalid(f"{path.name} is not CSV in UTF-8: {error}.") from None


def _jsonl(path: Path) -> Iterator[Row]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                try:
                    yield msgspec.json.decode(line, type=dict[str, Any])
                except (msgspec.DecodeError, UnicodeDecodeError):
                    raise DataInvalid(f"Line {number} of {path.name} is not a JSON object.") from None


def _parquet(path: Path) -> Iterator[Row]:
    parquet = arrow("pyarrow.parquet")
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=5000):
                yield from batch.to_pylist()
    except (ValueError, OSError) as error:  # Arrow's own errors are subclasses
        raise DataInvalid(f"{path.name} is not a Parquet file: {error}.") from None


def arrow(module: str) -> Any:
    """A module of pyarrow.

    Raises:
        MissingExtra: pyarrow is not installed.
    """
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError:
        raise MissingExtra(
            "Parquet needs the package pyarrow.", hint="pip install 'konan-mlops[server]'"
        ) from None
