"""A trained model and its rows become the archive that `konan deploy` uploads (the client's side).

The names of the archive's members are ours, never the user's, except inside the folder of a Python class.
"""

import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict, Unpack

import msgspec

from konan.errors import DataInvalid, Usage
from konan.packaging import archive, imports, private
from konan.packaging.detect import detect
from konan.packaging.flavors import Flavor
from konan.packaging.provenance import provenance
from konan.packaging.reading import Reading
from konan.packaging.requirements import Pins, given, pinned
from konan.records.deployments import Durability, Rollout
from konan.records.schema import Constraint, Privacy
from konan.records.upload import Table, TableFormat, UploadManifest

Fitted = Any
"""A path of a file or folder, or a fitted model of any library."""

_EXPECTED = "data/expected.jsonl"
_FORMATS: dict[str, TableFormat] = {
    ".csv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}


class Said(TypedDict, total=False):
    """What a user may say of a version.

    Attributes:
        data: rows that the model was fitted on: a path (CSV, Parquet, JSON lines) or a table.
        holdout: rows that it was not fitted on, likewise.
        expected: outputs for the first rows of ``data``: a file of JSON lines, or a list; computed from a
            model in memory where it is not given.
        target: the column with the true value.
        key: the column with the caller's own business key.
        subject: the column with the person a row is about.
        segments: columns with slices.
        constraints: declared limits of features by name.
        mask: columns of whose values the log only says that there was one.
        hash: columns of whose values the log has keyed hashes.
        drop: columns that the log never has.
        keep: columns that are no longer masked, hashed or dropped as an earlier version declared.
        retention_days: days that the deployment's rows are kept while the version is live, 0 for ever; as
            the version before said by default.
        requirements: what to install: a list, or a requirements file; read off the model by default.
        python: minor version of Python to run it, as ``3.11``; the one that runs this by default.
        rollout: how the version takes traffic.
        durability: what its answers promise, ``durable`` (the default) or ``buffered``.
        flavor: name of the flavor; detected by default.
        options: what the flavor needs; detected by default.
    """

    data: Any
    holdout: Any
    expected: str | Path | Sequence[Any] | None
    target: str
    key: str
    subject: str
    segments: Sequence[str]
    constraints: Mapping[str, Constraint]
    mask: Sequence[str]
    hash: Sequence[str]
    drop: Sequence[str]
    keep: Sequence[str]
    retention_days: int
    requirements: Sequence[str] | str | Path | None
    python: str
    rollout: Rollout
    durability: Durability
    flavor: str
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Model:
    """A model on disk and what is known of it."""

    flavor: Flavor
    options: dict[str, Any]
    files: dict[str, Path]
    pins: Pins


@dataclass(frozen=True, slots=True)
class _Rows:
    table: Table
    file: Path


def pack(model: Fitted, out: Path, **said: Unpack[Said]) -> Path:
    """Write the archive of a new version.

    Args:
        model: path of a file or folder, or a fitted model in memory.
        out: file to write; its folder must exist, the file must not.
        said: see `Said`.

    Returns:
        ``out``.

    Raises:
        Usage: a file does not exist, or the model needs something that no package index has.
        ModelFileInvalid: the model's file is not one that any flavor knows.
        DataInvalid: the rows cannot be used.
        MissingExtra: packing a model in memory takes a package that is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="konan-", dir=out.parent) as name:
        folder = Path(name)
        found = _model(_model_path(model, folder), said)
        data = _rows(said.get("data"), "data", folder)
        holdout = _rows(said.get("holdout"), "holdout", folder)
        lines = _expected(model, data, said)
        manifest = _manifest(found, data, holdout, said, expected=_EXPECTED if lines else "")
        members: dict[str, Path | bytes] = dict(found.files)
        members |= {rows.table.path: rows.file for rows in (data, holdout) if rows is not None}
        members |= {_EXPECTED: lines} if lines else {}
        archive.write(out, manifest, members)
    return out


def _manifest(
    found: _Model, data: _Rows | None, holdout: _Rows | None, said: Said, *, expected: str
) -> UploadManifest:
    return UploadManifest(
        flavor=found.flavor.name,
        model=tuple(found.files),
        options=found.options,
        requirements=found.pins.requirements,
        python=said.get("python") or f"{sys.version_info.major}.{sys.version_info.minor}",
        data=data.table if data else None,
        holdout=holdout.table if holdout else None,
        expected=expected,
        target=said.get("target", ""),
        key=said.get("key", ""),
        subject=said.get("subject", ""),
        segments=tuple(said.get("segments", ())),
        constraints=dict(said.get("constraints", {})),
        privacy=_privacy(said),
        retention_days=said.get("retention_days"),
        rollout=said.get("rollout", "instant"),
        durability=said.get("durability", "durable"),
        provenance=provenance(found.pins.requirements, found.pins.notices, Path.cwd()),
    )


def _privacy(said: Said) -> dict[str, Privacy]:
    """What was said of columns, refused here already when it could never be taken."""
    lists: dict[Privacy, Sequence[str]] = {
        "mask": said.get("mask", ()),
        "hash": said.get("hash", ()),
        "drop": said.get("drop", ()),
    }
    covered = private.stated(lists)
    private.declared({}, covered, key=said.get("key", ""), subject=said.get("subject", ""))
    return private.stated({**lists, "keep": said.get("keep", ())})


def _model(path: Path, said: Said) -> _Model:
    flavor = detect(path, said.get("flavor", ""))
    reading = imports.read(path)
    files = flavor.files(path)
    options = dict(said.get("options") or flavor.options(path, reading))
    flavor.check(options, tuple(files), lambda member: _first(files[member]))
    return _Model(flavor, options, files, _pins(path, flavor.needs(options, reading), reading, said))


def _model_path(model: Fitted, folder: Path) -> Path:
    if isinstance(model, str | Path):
        return Path(model)
    from konan.packaging.inmemory import save_model

    return save_model(model, folder)


def _first(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(4096)


def _pins(path: Path, needs: tuple[str, ...], reading: Reading, said: Said) -> Pins:
    """What to install: as the user says, else as the model's own file says, else as its bytes show."""
    requirements = said.get("requirements")
    if requirements is not None:
        return given(requirements)
    own = path / "requirements.txt"
    return given(own) if own.is_file() else pinned(reading, needs)


def _rows(data: object, role: str, folder: Path) -> _Rows | None:
    if data is None:
        return None
    if not isinstance(data, str | Path):
        from konan.packaging.inmemory import save_table

        file, form = save_table(data, role, folder)
        return _Rows(Table(path=f"data/{role}.{form}", format=form), file)
    file = Path(data)
    if not file.is_file():
        raise Usage(f"There is no file {file}.", hint=f"Check the path of the {role}.")
    known = _FORMATS.get(file.suffix.lower())
    if known is None:
        hint = "Give a .csv, .parquet or .jsonl file."
        raise DataInvalid(f"{file.name} is of no known kind of table.", hint=hint)
    return _Rows(Table(path=f"data/{role}.{known}", format=known), file)


def _expected(model: Fitted, rows: _Rows | None, said: Said) -> bytes:
    """The expected outputs as JSON lines; empty when there are none."""
    expected = said.get("expected")
    if isinstance(expected, str | Path):
        return _expected_file(Path(expected))
    if expected is not None:
        return b"".join(msgspec.json.encode(output) + b"\n" for output in expected)
    if isinstance(model, str | Path) or rows is None:
        return b""
    from konan.packaging.inmemory import expected_outputs, first_rows

    data = said["data"]
    table = first_rows(rows.file if isinstance(data, str | Path) else data, rows.table.format)
    columns = (said.get("target"), said.get("key"), said.get("subject"), *said.get("segments", ()))
    return expected_outputs(model, table, [column for column in columns if column])


def _expected_file(path: Path) -> bytes:
    if not path.is_file():
        raise Usage(f"There is no file {path}.", hint="Check the path of the expected outputs.")
    lines = path.read_bytes()
    try:
        msgspec.json.Decoder().decode_lines(lines)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataInvalid(f"{path.name} is not a file of JSON lines: {error}") from error
    return lines
