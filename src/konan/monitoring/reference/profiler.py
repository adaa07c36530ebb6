"""Makes the reference of a version at registration, from the rows that were given with it."""

import asyncio
import logging
import tempfile
from pathlib import Path

import msgspec

from konan.config import Paths, Settings
from konan.errors import KonanError
from konan.monitoring.reference.summary import Request, summarise
from konan.packaging import layout
from konan.packaging.uploads import Upload
from konan.ports import Blobs
from konan.records.deployments import Reference, Version

SECONDS = 600.0
_log = logging.getLogger(__name__)


class Profiler:
    """Makes references.

    Args:
        blobs: where files are kept.
        paths: where this server keeps its things.
        settings: of this server.
    """

    def __init__(self, blobs: Blobs, paths: Paths, settings: Settings) -> None:
        self._blobs = blobs
        self._paths = paths
        self._settings = settings

    async def __call__(self, version: Version, scored: Reference) -> Reference:
        """What a certified version says of its reference.

        Args:
            version: with its rows still there.
            scored: with the reference predictions, if there are any.

        Returns:
            The same with a profile; without one when no rows were given, or it failed.
        """
        stored = await asyncio.to_thread(self._blobs.read, version.upload)
        upload = msgspec.json.decode(stored, type=Upload)
        if version.schema is None or not (upload.manifest.data or upload.manifest.holdout):
            return scored
        try:
            with tempfile.TemporaryDirectory(dir=self._paths.uploads, prefix=layout.MAKING) as scratch:
                request = await asyncio.to_thread(self._laid_out, version, upload, scored, Path(scratch))
                made = await summarise(request, SECONDS)
            digest, _ = await asyncio.to_thread(self._blobs.put, iter([made.reference]))
        except KonanError as error:
            where = {"version": version.uuid, "code": error.code, "reason": error.message}
            _log.warning("a version has no reference profile", extra=where)
            return scored
        return msgspec.structs.replace(scored, profile=digest, inputs=made.rows)

    def _laid_out(self, version: Version, upload: Upload, scored: Reference, scratch: Path) -> Request:
        """What to summarise, with the files that it names."""
        table = upload.manifest.data or upload.manifest.holdout
        if version.schema is None or table is None:
            raise ValueError("There is nothing to summarise.")
        file = scratch / Path(table.path).name
        self._blobs.copy_to(upload.digest(table.path), file)
        predictions = scratch / ".predictions"
        if scored.predictions:
            self._blobs.copy_to(scored.predictions, predictions)
        return Request(
            schema=version.schema,
            path=str(file),
            format=table.format,
            most=self._settings.data_rows,
            source="data" if upload.manifest.data else "holdout",
            target=upload.manifest.target,
            predictions=str(predictions) if scored.predictions else "",
            scores="cross-fitted" if scored.source == "cross-fitted" else "holdout",
        )
