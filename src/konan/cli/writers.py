"""Writes predictions as they come: as a table for people, CSV, JSON lines or Parquet for programs."""

import csv
import io
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TextIO

import msgspec

from konan.cli.rowfiles import arrow
from konan.cli.screen import aligned
from konan.errors import Usage
from konan.records.predictions import Prediction

Form = Literal["table", "csv", "jsonl", "parquet"]
FORMS: tuple[Form, ...] = ("table", "csv", "jsonl", "parquet")
Write = Callable[[Sequence[Prediction]], None]


def form_of(path: Path | None, named: str | None, *, json: bool) -> Form:
    """The form to write in: the one that is named, else by the file's suffix, else a table for a terminal.

    Raises:
        Usage: nothing says how to write the file.
    """
    suffixes: dict[str, Form] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
    for form in FORMS:
        if form == named:
            return form
    if path is not None:
        if path.suffix.lower() not in suffixes:
            raise Usage(f"{path.name} has no known suffix.", hint="Say how to write it with --output.")
        return suffixes[path.suffix.lower()]
    return "table" if sys.stdout.isatty() and not json else "jsonl"


def flat(prediction: Prediction) -> dict[str, Any]:
    """A prediction as one level of columns.

    >>> output = {"label": "x", "probabilities": {"x": 0.9}}
    >>> flat(Prediction(id="a", deployment="d", version=1, output=output))
    {'id': 'a', 'version': 1, 'label': 'x', 'probability x': 0.9}
    """
    columns: dict[str, Any] = {"id": prediction.id, "version": prediction.version}
    output = prediction.output if isinstance(prediction.output, dict) else {"output": prediction.output}
    for name, value in output.items():
        if name == "probabilities" and isinstance(value, dict):
            columns |= {f"probability {label}": share for label, share in value.items()}
        else:
            columns[name] = value if isinstance(value, str | int | float | None) else _json(value)
    return columns


@contextmanager
def writing(form: Form, path: Path | None) -> Iterator[Write]:
    """Open where predictions go; yields the function that takes each part of them.

    A file appears when all of it is written; when something goes wrong, what was there before stays.

    Args:
        form: how to write.
        path: the file, or ``None`` for standard output.

    Raises:
        Usage: Parquet would go to a terminal.
        MissingExtra: Parquet is wanted and pyarrow is not installed.
    """
    if path is None:
        with _writing(form, None) as write:
            yield write
        return
    part = path.with_name(f".{path.name}.part")
    try:
        with _writing(form, part) as write:
            yield write
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _writing(form: Form, path: Path | None) -> Iterator[Write]:
    makers: dict[str, Callable[[TextIO], Write]] = {"table": _table, "csv": _csv, "jsonl": _jsonl}
    if form == "parquet":
        with _parquet(path) as write:
            yield write
    elif path is None:
        yield makers[form](sys.stdout)
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            yield makers[form](file)


def _jsonl(stream: TextIO) -> Write:
    def write(part: Sequence[Prediction]) -> None:
        stream.writelines(msgspec.json.encode(one).decode() + "\n" for one in part)

    return write


def _csv(stream: TextIO) -> Write:
    writers: list[csv.DictWriter[str]] = []

    def write(part: Sequence[Prediction]) -> None:
        rows = [flat(one) for one in part]
        if not writers:
            writers.append(csv.DictWriter(stream, list(rows[0]), lineterminator="\n"))
            writers[0].writeheader()
        writers[0].writerows(rows)

    return write


def _table(stream: TextIO) -> Write:
    headed = False

    def write(part: Sequence[Prediction]) -> None:
        nonlocal headed
        rows = [flat(one) for one in part]
        lines = aligned([list(rows[0]), *[list(row.values()) for row in rows]])
        stream.writelines(line + "\n" for line in lines[int(headed) :])
        headed = True

    return write


@contextmanager
def _parquet(path: Path | None) -> Iterator[Write]:
    arrow_table, parquet = arrow("pyarrow").Table, arrow("pyarrow.parquet")
    if path is None and sys.stdout.isatty():
        raise Usage("Parquet is not for a terminal.", hint="Name a file with --to.")
    held: list[Any] = []
    target = io.BytesIO() if path is None else path

    def write(part: Sequence[Prediction]) -> None:
        table = arrow_table.from_pylist([flat(one) for one in part])
        if not held:
            held.append(parquet.ParquetWriter(target, table.schema))
        held[0].write_table(table.cast(held[0].schema))

    try:
        yield write
    finally:
        for writer in held:
            writer.close()
    if isinstance(target, io.BytesIO):
        sys.stdout.buffer.write(target.getvalue())


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
