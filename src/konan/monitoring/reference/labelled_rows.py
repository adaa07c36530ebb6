"""Reads the rows of a version that have their ground truth, oldest first, out of the tables."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from konan.groundtruth.revisions import SUFFIX
from konan.groundtruth.tables import counting
from konan.monitoring.profiles.cells import PresenceCells
from konan.monitoring.profiles.log_rows import Logged
from konan.monitoring.profiles.profile import FEATURES, LABEL, SCORE, TARGET, VALUE, Layout
from konan.predictions import table
from konan.records.schema import Output, Schema

_FIXED = ("id", "version", "mirrors")


def labelled(directory: Path, deployment: str, version: int, schema: Schema, most: int) -> pa.Table:
    """The first rows of a version that have a truth.

    Args:
        directory: where the logs are.
        deployment: uuid.
        version: number of the version.
        schema: of the version.
        most: how many are wanted.

    Returns:
        Up to so many rows in the order of their ids, with ``features.NAME``, what was answered, and `TARGET`.
    """
    logged = Logged(_everything(schema), schema)
    truth = "label" if schema.output.kind == "classifier" else "value"
    files = sorted(table.snapshot(directory / deployment).files, key=lambda file: (file.day, file.first))
    parts: list[pa.Table] = []
    for day in sorted({file.day for file in files}):
        known = counting(directory / (deployment + SUFFIX), day - 1, day)
        if not known.num_rows or sum(part.num_rows for part in parts) >= most:
            continue
        truths = known["id"].combine_chunks(), known[truth].combine_chunks()
        for file in files:
            if file.day == day:
                parts += [_told(rows, logged, truths) for rows in _rows(file.path, version, logged)]
    if not parts:
        return pa.table({})
    return pa.concat_tables(parts).sort_by("id").slice(0, most).drop_columns(["id"])


def _everything(schema: Schema) -> Layout:
    """A layout with all columns that rows can have."""
    names = [FEATURES + feature.name for feature in schema.features]
    return Layout(tuple(PresenceCells(name) for name in (*names, *_answered(schema.output))))


def _answered(output: Output) -> tuple[str, ...]:
    if output.kind == "classifier":
        return (LABEL, SCORE) if output.probabilities else (LABEL,)
    return (VALUE,) if output.kind == "regressor" and output.values == 1 else ()


def _rows(path: str, version: int, logged: Logged) -> Iterator[pa.Table]:
    """The rows of a version in a file, with what is needed of them."""
    reader = pq.ParquetFile(path)
    there = set(reader.schema_arrow.names)
    names = [name for name in (*_FIXED, *sorted(logged.needed)) if name in there]
    for group in range(reader.num_row_groups):
        rows = reader.read_row_group(group, columns=names, use_threads=False)
        rows = rows.filter(pc.equal(rows["version"], version))
        if rows.num_rows:
            yield rows


def _told(rows: pa.Table, logged: Logged, truths: tuple[pa.Array, pa.Array]) -> pa.Table:
    """Those rows that have a truth, under the names of layouts."""
    about = pc.coalesce(rows["mirrors"], rows["id"])
    places = pc.index_in(about, value_set=truths[0])
    there = pc.is_valid(places)
    kept = rows.filter(there)
    found = logged(kept).append_column(TARGET, truths[1].take(places.filter(there).combine_chunks()))
    return found.append_column("id", kept["id"]) if "id" not in found.column_names else found
