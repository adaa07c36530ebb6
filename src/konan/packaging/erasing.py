"""What a version has of a person apart from its model: rows it was given, what they showed, what compares.

A version that had any gets files without them, learns again from what is left, and is compared with nothing
until that is made anew. It notes the digests of all that was, so that what is cut off can be done again.
"""

import asyncio
import tempfile
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from konan.errors import DataInvalid, NotFound
from konan.packaging import layout, mlmodel
from konan.packaging.building import Builder, contents
from konan.packaging.learn import Request, Survey, Value, survey
from konan.packaging.leaving import Meant, leave
from konan.packaging.private import blank
from konan.packaging.uploads import Upload
from konan.ports import Blobs
from konan.records.deployments import DatasetFile, ErasedRows, FileDigest, Reference, Version
from konan.records.schema import Feature, Schema
from konan.records.upload import Table

Role = Literal["data", "holdout"]
_CHUNK = 1024 * 1024
_KINDS: dict[str, tuple[type, ...]] = {
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "string": (str,),
    "datetime": (str,),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Whom to look for in files.

    Attributes:
        erasure: id of the erasure.
        at: the present, RFC 3339.
        names: the columns that say whom a row is about.
        is_meant: whether a value in them means the person.
    """

    erasure: str
    at: str
    names: Set[str]
    is_meant: Meant


class _Left(NamedTuple):
    """A file that rows have left."""

    table: Table
    was: str
    now: FileDigest
    rows: int
    survey: Survey | None


_AllLeft = dict[Role, _Left]


async def without(builder: Builder, version: Version, person: Person) -> Version:
    """A version without a person; the blobs of what was are there until `remove`.

    Args:
        builder: knows where things are.
        version: not ``building``.
        person: who.

    Returns:
        The version, to be kept; the same if there was nothing of the person.
    """
    try:
        upload = msgspec.json.decode(await asyncio.to_thread(builder.blobs.read, version.upload), type=Upload)
    except NotFound:
        return version
    left: _AllLeft = {}
    with tempfile.TemporaryDirectory(dir=builder.paths.uploads, prefix=layout.MAKING) as scratch:
        for role, table in _tables(upload):
            if table is not None:
                found = await _left(builder, upload, table, person, Path(scratch))
                if found is not None:
                    left[role] = found
    if not left:
        return version
    return await asyncio.to_thread(_written, builder, version, upload, left, person)


def remove(blobs: Blobs, versions: Iterable[Version], erasure: str) -> None:
    """Remove what held the rows that an erasure took out, unless a version still has it."""
    every = list(versions)
    was = {
        digest
        for version in every
        for file in version.datasets
        for one in file.erased
        if one.erasure == erasure
        for digest in one.was
    }
    if was:
        for digest in was - {digest for version in every for digest in _cited(blobs, version)}:
            blobs.remove(digest)


def rows_erased(versions: Iterable[Version], erasure: str) -> int:
    """How many rows an erasure took out of files."""
    noted = (one for version in versions for file in version.datasets for one in file.erased)
    return sum(one.rows for one in noted if one.erasure == erasure)


async def _left(
    builder: Builder, upload: Upload, table: Table, person: Person, scratch: Path
) -> _Left | None:
    was = upload.digest(table.path)
    old, fresh = scratch / "was", scratch / "now"
    old.unlink(missing_ok=True)
    try:
        await asyncio.to_thread(builder.blobs.copy_to, was, old)
    except NotFound:  # not kept
        return None
    rows = await asyncio.to_thread(leave, old, table.format, fresh, person.names, person.is_meant)
    if not rows:
        return None
    digest, size = await asyncio.to_thread(builder.blobs.put, _chunks(fresh))
    request = Request(path=str(fresh), format=table.format, most=builder.settings.data_rows)
    try:
        shown = await survey(request, builder.settings.certify_timeout)
    except DataInvalid:  # no row is left
        shown = None
    return _Left(table, was, FileDigest(path=table.path, sha256=digest, size=size), rows, shown)


def _written(builder: Builder, version: Version, upload: Upload, left: _AllLeft, person: Person) -> Version:
    """Keep the new files, and what is learned from them."""
    changed = _upload(upload, left)
    digest, _ = builder.blobs.put(iter([msgspec.json.encode(changed)]))
    schema = version.schema
    if schema is not None and "data" in left:
        schema = relearned(schema, left["data"].survey)
    fresh = msgspec.structs.replace(version, upload=digest, schema=schema, reference=Reference())
    if version.package:
        lock = builder.blobs.read(version.lock).decode()
        made = builder.kept(builder.place(version), mlmodel.texts(contents(changed, lock, fresh)))
        about = next(file for file in made if file.path == "konan.json")
        files = (*changed.model_files(), *made)
        fresh = msgspec.structs.replace(fresh, package=about.sha256, files=files)
    gone = _digests(version, upload) - _digests(fresh, changed)
    return msgspec.structs.replace(fresh, datasets=_noted(version, left, gone, person))


def _upload(upload: Upload, left: _AllLeft) -> Upload:
    """What was sent, with the new files; outputs that belonged to the first rows of the old one are gone."""
    manifest = upload.manifest
    files = {file.path: file for file in upload.files}
    if "data" in left and manifest.expected:
        del files[manifest.expected]
        manifest = msgspec.structs.replace(manifest, expected="")
    files |= {one.now.path: one.now for one in left.values()}
    return Upload(manifest=manifest, files=tuple(files.values()))


def _noted(version: Version, left: _AllLeft, gone: Set[str], person: Person) -> tuple[DatasetFile, ...]:
    """The files given with a version as they are now; a version that failed had not noted any."""
    known = {file.role: file for file in version.datasets}
    for role, one in left.items():
        columns = tuple(column.name for column in one.survey.columns) if one.survey else ()
        file = known.get(role) or DatasetFile(role=role, sha256="", rows=0, columns=columns)
        was = (one.was, *sorted(gone - {each.was for each in left.values()}))
        note = ErasedRows(erasure=person.erasure, at=person.at, rows=one.rows, was=was)
        known[file.role] = msgspec.structs.replace(
            file,
            sha256=one.now.sha256,
            rows=one.survey.rows if one.survey else 0,
            erased=(*file.erased, note),
        )
    return tuple(known.values())


def relearned(schema: Schema, shown: Survey | None) -> Schema:
    """A schema that shows only what the rows that are left show; of private columns it shows what it did.

    Args:
        schema: of a version.
        shown: what its data shows now; None if no row is left.
    """
    columns = {column.name: column for column in shown.columns} if shown else {}
    features, example = [], dict(schema.example)
    for feature in schema.features:
        if feature.privacy == "keep":
            column = columns.get(feature.name)
            features.append(msgspec.structs.replace(feature, learned=column.learned if column else None))
            if feature.name in example:
                example[feature.name] = _example(feature, column.values[:1] if column else ())
        else:
            features.append(feature)
    return msgspec.structs.replace(schema, features=tuple(features), example=example)


def _example(feature: Feature, values: tuple[Value, ...]) -> Value:
    """The first value if the feature can have it, else one that is nobody's."""
    for value in values:
        kinds = _KINDS[feature.type]
        if value is None and feature.nullable:
            return None
        if isinstance(value, kinds) and (feature.type == "boolean" or not isinstance(value, bool)):
            return value
    return None if feature.nullable else blank(feature)


def _digests(version: Version, upload: Upload) -> set[str]:
    """All blobs that are a version's."""
    reference = version.reference
    own = {version.upload, version.package, reference.predictions, reference.profile}
    return (own | {file.sha256 for file in (*version.files, *upload.files)}) - {""}


def _cited(blobs: Blobs, version: Version) -> set[str]:
    """The blobs that a version still needs; of what was sent for one that is built, only what it keeps."""
    files: tuple[FileDigest, ...] = version.files
    if version.state == "building":
        files += msgspec.json.decode(blobs.read(version.upload), type=Upload).files
    reference = version.reference
    own = {version.upload, version.package, version.lock, reference.predictions, reference.profile}
    rows = {file.sha256 for file in version.datasets if file.kept}
    return own | rows | {file.sha256 for file in files}


def _tables(upload: Upload) -> tuple[tuple[Role, Table | None], ...]:
    return (("data", upload.manifest.data), ("holdout", upload.manifest.holdout))


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
