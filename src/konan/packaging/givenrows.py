"""The rows given at deploy go again when the version they were given for has private columns.

They were needed to certify the version and to make what monitoring compares with. Kept for ever, they would
hold in clear what the log is told never to have.
"""

from collections.abc import Iterable

import msgspec

from konan.errors import KonanError
from konan.packaging.uploads import Upload
from konan.ports import Blobs
from konan.records.deployments import Version
from konan.records.upload import Table, UploadManifest


def is_private(version: Version) -> bool:
    """Whether a version has a private column."""
    return any(privacy != "keep" for privacy in version.privacy.values())


def is_due(version: Version) -> bool:
    """Whether rows of a version are kept that are not to be kept."""
    kept = bool(version.upload) if version.state == "failed" else any(f.kept for f in version.datasets)
    return is_private(version) and kept


def forget(blobs: Blobs, version: Version, others: Iterable[Version]) -> Version:
    """Remove the rows of a version, unless another version that may keep them has the same.

    Args:
        blobs: where they are.
        version: whose.
        others: all versions that are not failed; it may be among them.

    Returns:
        The version with a note of what is gone.
    """
    needed = {
        digest
        for other in others
        if other.uuid != version.uuid
        for digest in (_of_upload(blobs, other) if other.state == "building" else _of_datasets(other))
    }
    for digest in _of_upload(blobs, version) - needed:
        blobs.remove(digest)
    gone = tuple(msgspec.structs.replace(file, kept=False) for file in version.datasets)
    upload = "" if version.state == "failed" else version.upload
    return msgspec.structs.replace(version, datasets=gone, upload=upload)


def _of_datasets(version: Version) -> set[str]:
    return {file.sha256 for file in version.datasets if file.kept}


def _of_upload(blobs: Blobs, version: Version) -> set[str]:
    """Digests of the rows that were sent for a version; none if nobody knows any more what was sent."""
    try:
        upload = msgspec.json.decode(blobs.read(version.upload), type=Upload)
    except KonanError:
        return set()
    return {upload.digest(table.path) for table in _tables(upload.manifest)}


def _tables(manifest: UploadManifest) -> list[Table]:
    return [table for table in (manifest.data, manifest.holdout) if table is not None]
