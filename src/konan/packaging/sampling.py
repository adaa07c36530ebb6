"""Some of the rows that a version was given at deploy, as its model takes them."""

import asyncio
import tempfile
from pathlib import Path
from typing import Literal

import msgspec

from konan.errors import KonanError
from konan.packaging import layout
from konan.packaging.building import Builder
from konan.packaging.golden import Row
from konan.packaging.learn import Request, Survey, survey
from konan.packaging.uploads import Upload
from konan.records.deployments import Version

Source = Literal["holdout", "data"]
_SECONDS = 60.0


async def given_rows(builder: Builder, version: Version, most: int) -> tuple[Source, list[Row]]:
    """Rows of a version's holdout, else of its data, evenly spread over the file.

    Args:
        builder: knows where things are.
        version: certified.
        most: so many at most.

    Returns:
        Whose rows they are, and those that the model can answer; none where none are kept or fit.
    """
    nothing: tuple[Source, list[Row]] = ("data", [])
    if version.schema is None or not any(file.kept for file in version.datasets):
        return nothing
    try:
        stored = await asyncio.to_thread(builder.blobs.read, version.upload)
        upload = msgspec.json.decode(stored, type=Upload)
        table = upload.manifest.holdout or upload.manifest.data
        if table is None:
            return nothing
        with tempfile.TemporaryDirectory(dir=builder.paths.uploads, prefix=layout.MAKING) as scratch:
            file = Path(scratch) / Path(table.path).name
            await asyncio.to_thread(builder.blobs.copy_to, upload.digest(table.path), file)
            limit = builder.settings.data_rows
            wanted = Request(path=str(file), format=table.format, most=limit, first=0, spread=most)
            shown = await survey(wanted, _SECONDS)
    except KonanError:  # they are gone, or cannot be read any more
        return nothing
    return "holdout" if upload.manifest.holdout else "data", _rows(version, shown)


def _rows(version: Version, shown: Survey) -> list[Row]:
    features = version.schema.features if version.schema else ()
    by_name = {column.name: column for column in shown.columns}
    if any(feature.name not in by_name for feature in features):
        return []
    rows = zip(*(by_name[feature.name].values for feature in features), strict=True)
    needed = [at for at, feature in enumerate(features) if not feature.nullable]
    return [row for row in rows if all(row[at] is not None for at in needed)]
