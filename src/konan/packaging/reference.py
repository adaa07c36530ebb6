"""Predictions that monitoring may take as a reference: on rows that the model was not fitted on.

What a model answers on its own training rows looks better than it is. So the rows come from a holdout file,
else each row is answered by a copy of the estimator that was fitted without it (cross-fitting), else there
is no reference yet. It runs beside traffic, on a worker of its own, and its failure costs nothing else.

Source: cross-fitting as in scikit-learn's ``cross_val_predict``; see Stone (1974), "Cross-validatory choice
and assessment of statistical predictions".
"""

import asyncio
import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from konan.errors import DataInvalid, KonanError
from konan.packaging import layout
from konan.packaging.beside import Beside
from konan.packaging.building import Builder
from konan.packaging.features import column_feature
from konan.packaging.golden import Row, outputs
from konan.packaging.learn import Request, Survey, Value, survey
from konan.packaging.trial import Form, Trial
from konan.packaging.uploads import Upload
from konan.records.deployments import Reference, Version
from konan.records.routes import WorkerSpec
from konan.records.schema import Feature, Schema
from konan.records.upload import Table

ROWS = 20_000
SECONDS = 1800.0
"""A reference may take long: it gives way to predictions, and nobody waits for it."""

_FEWEST = 50
_log = logging.getLogger(__name__)

Source = Literal["holdout", "cross-fitted"]


async def make_reference(builder: Builder, spec: WorkerSpec, version: Version) -> Reference:
    """The reference of a certified version.

    Args:
        builder: knows where things are and starts workers.
        spec: the version's workers.
        version: whose.

    Returns:
        The reference; ``learning`` when there is nothing to make one from, or it failed.
    """
    stored = await asyncio.to_thread(builder.blobs.read, version.upload)
    upload = msgspec.json.decode(stored, type=Upload)
    manifest = upload.manifest
    source: Source = "holdout" if manifest.holdout else "cross-fitted"
    table = manifest.holdout or manifest.data
    if version.schema is None or table is None or not manifest.target:
        return Reference()
    if source == "cross-fitted" and not _refittable(spec, version.schema):
        return Reference()
    try:
        shown = await _read(builder, upload, table)
        rows = await asyncio.to_thread(_Rows, version.schema, shown, manifest.target)
        answers = await _answers(builder, spec, version, rows, source)
    except KonanError as error:
        where = {"version": version.uuid, "code": error.code, "reason": error.message}
        _log.warning("a version has no reference predictions", extra=where)
        return Reference()
    lines = map(_line, rows.targets, answers, _inputs(version.schema, rows))
    digest, _ = await asyncio.to_thread(builder.blobs.put, lines)
    return Reference(source=source, rows=len(rows.targets), predictions=digest)


def _line(target: Value, output: Any, inputs: dict[str, Value]) -> bytes:
    found = {"target": target, "output": output} | ({"inputs": inputs} if inputs else {})
    return msgspec.json.encode(found) + b"\n"


def _inputs(schema: Schema, rows: "_Rows") -> list[dict[str, Value]]:
    """What each row has, where answers alone tell too little of errors; nothing that logs shall not have."""
    if schema.output.probabilities:
        return [{}] * len(rows.rows)
    apart = {schema.key, schema.subject}
    kept = [
        (at, feature.name)
        for at, feature in enumerate(rows.features)
        if feature.privacy == "keep" and feature.name not in apart
    ]
    return [{name: row[at] for at, name in kept} for row in rows.rows]


class _Rows:
    """The rows that have a target and that the model can answer."""

    def __init__(self, schema: Schema, shown: Survey, target: str) -> None:
        by_name = {column.name: column for column in shown.columns}
        names = [feature.name for feature in schema.features]
        for name in (*names, target):
            if name not in by_name:
                raise DataInvalid(f"The rows for the reference have no column {name!r}.")
        self.target = column_feature(by_name[target])
        self.features = schema.features
        values = zip(*(by_name[name].values for name in names), strict=True)
        kept = [
            (row, truth)
            for row, truth in zip(values, by_name[target].values, strict=True)
            if truth is not None and self._answerable(row)
        ]
        if not kept:
            raise DataInvalid("No row for the reference has a target and all values that the model needs.")
        self.rows: list[Row] = [row for row, _ in kept]
        self.targets: list[Value] = [truth for _, truth in kept]

    def _answerable(self, row: Row) -> bool:
        pairs = zip(self.features, row, strict=True)
        return all(feature.nullable or value is not None for feature, value in pairs)


def _refittable(spec: WorkerSpec, schema: Schema) -> bool:
    return spec.model["loader"] == "sklearn" and schema.output.kind in {"classifier", "regressor"}


async def _read(builder: Builder, upload: Upload, table: Table) -> Survey:
    with tempfile.TemporaryDirectory(dir=builder.paths.uploads, prefix=layout.MAKING) as scratch:
        file = Path(scratch) / Path(table.path).name
        await asyncio.to_thread(builder.blobs.copy_to, upload.digest(table.path), file)
        most = builder.settings.data_rows
        request = Request(path=str(file), format=table.format, most=most, first=0, spread=ROWS)
        return await survey(request, SECONDS)


async def _answers(
    builder: Builder, spec: WorkerSpec, version: Version, rows: _Rows, source: Source
) -> list[Any]:
    """What the model, or its refitted copies, answer for each row."""
    if source == "cross-fitted":
        if len(rows.rows) < _FEWEST:
            raise DataInvalid(f"Cross-fitting takes at least {_FEWEST} rows with a target.")
        spec = msgspec.structs.replace(spec, model={**spec.model, "task": "crossfit"})
    purpose = f"Konan makes {source} predictions to compare with."
    beside = Beside(builder, spec, purpose, SECONDS)
    if source == "cross-fitted":
        return await beside.ask(lambda trial: _cross_fitted(trial, version, rows))
    return await beside.ask(lambda trial: _predicted(trial, version, rows, builder))


def _cross_fitted(trial: Trial, version: Version, rows: _Rows) -> list[Any]:
    form = _form(version, (*rows.features, rows.target))
    trial.begin("refitted on parts of its data")
    trial.form(form)
    together = [(*row, truth) for row, truth in zip(rows.rows, rows.targets, strict=True)]
    return outputs(trial.ask(together), form.output)


def _predicted(trial: Trial, version: Version, rows: _Rows, builder: Builder) -> list[Any]:
    form = _form(version, rows.features)
    alone = version.certificate is not None and not version.certificate.row_independent
    step = 1 if alone else builder.settings.batch_rows
    trial.begin("given the holdout")
    trial.form(form)
    found: list[Any] = []
    for start in range(0, len(rows.rows), step):
        found += outputs(trial.ask(rows.rows[start : start + step]), form.output)
    return found


def _form(version: Version, features: Sequence[Feature]) -> Form:
    if version.schema is None or version.certificate is None:
        raise DataInvalid("The version is not certified.")
    return Form(tuple(features), version.schema.output, version.certificate.input)
