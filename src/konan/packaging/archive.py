"""The archive that a client uploads: written plainly, and read by the server without any trust.

It is a zip of the plainest kind (see `konan.packaging.entries`) whose first member, the manifest, names
all others. Nothing is ever extracted to a path: the server walks the members and streams their bytes to
wherever it keeps them.
"""

import os
import stat
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from konan.errors import ModelFileInvalid
from konan.packaging.entries import CHUNK, UNIX, Limits, listed, member_fault, shown, unpacked
from konan.records.upload import MANIFEST_NAME, UploadManifest

__all__ = ["Limits", "ReadArchive", "named_members", "read", "write"]


def named_members(manifest: UploadManifest) -> tuple[str, ...]:
    """The members that a manifest names, in its order.

    Raises:
        ModelFileInvalid: it names no model, a file in the wrong folder, or one file twice.
    """
    data = [table.path for table in (manifest.data, manifest.holdout) if table is not None]
    data += [manifest.expected] if manifest.expected else []
    if not manifest.model:
        raise ModelFileInvalid("the manifest names no file of a model")
    for folder, names in (("model/", manifest.model), ("data/", data)):
        for name in names:
            fault = member_fault(name) or ("" if name.startswith(folder) else f"it is not below {folder}")
            if fault:
                raise ModelFileInvalid(f"the manifest names {shown(name)}: {fault}")
    named = (*manifest.model, *data)
    if len({name.lower() for name in named}) != len(named):
        raise ModelFileInvalid("the manifest names a file twice (upper and lower case count as one)")
    return named


def write(path: Path, manifest: UploadManifest, members: Mapping[str, Path | bytes]) -> None:
    """Write an archive: the manifest first, then its members in the manifest's order, uncompressed.

    Equal content makes equal bytes: no times and no users are stored.

    Args:
        path: where; the file must not exist yet.
        manifest: names every member.
        members: what each holds, by the name of the member.

    Raises:
        ModelFileInvalid: manifest and members do not name the same files, or a member is too large.
    """
    names = named_members(manifest)
    _same_names(set(names), set(members))
    with zipfile.ZipFile(path, "x", allowZip64=False) as archive:
        archive.writestr(_plain(MANIFEST_NAME), msgspec.json.encode(manifest))
        for name in names:
            content = members[name]
            try:
                _write_member(archive, _plain(name), content)
            except (zipfile.LargeZipFile, RuntimeError) as error:
                raise ModelFileInvalid(f"{name} is too large for an archive (about 2 GiB)") from error


def _write_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, content: Path | bytes) -> None:
    if isinstance(content, bytes):
        archive.writestr(info, content)
        return
    info.file_size = content.stat().st_size
    with content.open("rb") as source, archive.open(info, "w") as sink:
        while chunk := source.read(CHUNK):
            sink.write(chunk)


def _plain(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    info.external_attr = (stat.S_IFREG | 0o600) << 16
    info.create_system = UNIX
    return info


class ReadArchive:
    """An uploaded archive whose structure has been checked; its members are checked as they are read.

    Use it in a ``with`` statement, or close it.

    Attributes:
        manifest: what the client says about the members.
    """

    def __init__(self, descriptor: int, limits: Limits) -> None:
        self._descriptor = descriptor
        self._members = {member.name: member for member in listed(descriptor, limits)}
        self.manifest = self._read_manifest()
        del self._members[MANIFEST_NAME]
        _same_names(set(named_members(self.manifest)), set(self._members))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def members(self) -> list[tuple[str, int]]:
        """Name and size in bytes of each member but the manifest, in the archive's order."""
        return [(member.name, member.size) for member in self._members.values()]

    def chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of a member, in pieces of at most 1 MiB.

        Size and checksum are known to be right only when the iteration has ended without an error.

        Raises:
            ModelFileInvalid: the bytes are damaged, or are not as many as declared.
            KeyError: there is no such member.
        """
        return unpacked(self._descriptor, self._members[name])

    def first(self, name: str) -> bytes:
        """The first bytes of a member, at most 1 MiB; enough to tell what it is."""
        return next(self.chunks(name), b"")

    def _read_manifest(self) -> UploadManifest:
        text = b"".join(self.chunks(MANIFEST_NAME))
        try:
            return msgspec.json.decode(text, type=UploadManifest)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise ModelFileInvalid(f"{MANIFEST_NAME} is not a valid manifest: {error}") from error


def read(path: Path, limits: Limits | None = None) -> ReadArchive:
    """Open an uploaded archive and check its structure.

    Args:
        path: the file.
        limits: how much it may hold.

    Raises:
        MediaTypeUnsupported: the file is not a zip.
        BodyTooLarge: it holds more than the limits allow.
        ModelFileInvalid: it is a zip, but not as `write` makes it; the message names the member.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return ReadArchive(descriptor, limits or Limits())
    except BaseException:
        os.close(descriptor)
        raise


def _same_names(named: set[str], present: set[str]) -> None:
    for name in sorted(named - present):
        raise ModelFileInvalid(f"the manifest names {shown(name)}, which is not in the archive")
    for name in sorted(present - named):
        raise ModelFileInvalid(f"the archive holds {shown(name)}, which the manifest does not name")
