"""An uploaded archive is checked whole, then kept as blobs; a refused one leaves nothing behind."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from konan.errors import ModelFileInvalid, NotAllowed
from konan.packaging import archive, flavors, private, requirements
from konan.packaging.archive import ReadArchive
from konan.packaging.entries import Limits
from konan.ports import Blobs
from konan.records.access import Principal
from konan.records.deployments import FileDigest
from konan.records.schema import Privacy
from konan.records.upload import UploadManifest

_LARGEST_PROVENANCE = 256 * 1024
_LONGEST_COLUMN = 200
_MOST_SEGMENTS = 20
_MOST_PRIVATE = 10_000


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """What a client sent, kept as a blob, so that a build can begin again after a crash.

    Attributes:
        manifest: what the client says, with its requirements written anew.
        files: every member of the archive.
    """

    manifest: UploadManifest
    files: tuple[FileDigest, ...]

    def digest(self, member: str) -> str:
        """The digest of a member."""
        return next(file.sha256 for file in self.files if file.path == member)

    def model_files(self) -> tuple[FileDigest, ...]:
        """The files of the model, in the manifest's order."""
        by_path = {file.path: file for file in self.files}
        return tuple(by_path[name] for name in self.manifest.model)


def keep(
    caller: Principal, path: Path, blobs: Blobs, largest: int, before: Mapping[str, Privacy]
) -> tuple[Upload, str]:
    """Check an archive, then keep its members.

    Args:
        caller: who uploads.
        path: the archive.
        blobs: where members are kept.
        largest: most bytes of the archive, packed and unpacked.
        before: what the version before declared private.

    Returns:
        What was sent, and the digest of the blob that says so.

    Raises:
        MediaTypeUnsupported: the file is not a zip.
        BodyTooLarge: it holds too much.
        ModelFileInvalid: it is not what it says it is.
        Invalid: columns are declared private that cannot be.
        NotAllowed: loading it runs code, and the caller may not upload code.
        StorageFull: there is no room.
    """
    with archive.read(path, Limits(total=largest)) as opened:
        manifest = _checked(caller, opened)
        private.declared(before, manifest.privacy, key=manifest.key, subject=manifest.subject)
        for name, _ in opened.members():
            for _chunk in opened.chunks(name):
                pass  # reading to the end checks size and checksum before anything is kept
        files = tuple(_kept(opened, name, blobs) for name, _ in opened.members())
    upload = Upload(manifest=manifest, files=files)
    digest, _ = blobs.put(iter([msgspec.json.encode(upload)]))
    return upload, digest


def _kept(opened: ReadArchive, name: str, blobs: Blobs) -> FileDigest:
    digest, size = blobs.put(opened.chunks(name))
    return FileDigest(path=name, sha256=digest, size=size)


def _checked(caller: Principal, opened: ReadArchive) -> UploadManifest:
    manifest = opened.manifest
    flavor = flavors.named(manifest.flavor)
    flavor.check(manifest.options, manifest.model, lambda name: _first(opened.chunks(name)))
    if flavor.runs_code(manifest.options) and not caller.may("model:upload-code"):
        raise NotAllowed(
            "Loading this kind of model runs code, which takes the scope model:upload-code.",
            hint="Use a key with that scope, or save the model with skops, which runs none.",
        )
    columns = [manifest.target, manifest.key, manifest.subject, *manifest.segments]
    if len(manifest.privacy) > _MOST_PRIVATE or max(map(len, manifest.privacy), default=0) > _LONGEST_COLUMN:
        raise ModelFileInvalid("The manifest declares too many private columns, or one with too long a name.")
    if len(columns) > _MOST_SEGMENTS or max(map(len, columns)) > _LONGEST_COLUMN:
        raise ModelFileInvalid("The manifest declares too many columns, or one with too long a name.")
    if len(msgspec.json.encode(manifest.provenance)) > _LARGEST_PROVENANCE:
        raise ModelFileInvalid("The manifest says too much about where the model comes from.")
    if manifest.expected and manifest.data is None:
        raise ModelFileInvalid("There are expected outputs, but no rows that they belong to.")
    return msgspec.structs.replace(manifest, requirements=requirements.checked(manifest.requirements))


def _first(chunks: Iterator[bytes]) -> bytes:
    return next(chunks, b"")
