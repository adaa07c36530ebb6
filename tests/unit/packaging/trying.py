"""Loads a model in a real sandboxed worker and puts it on trial."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from konan.adapters.processes import start_worker
from konan.packaging.certify import Proof, certify
from konan.packaging.features import Described
from konan.packaging.golden import Golden, Row
from konan.packaging.starting import described, piped, ready
from konan.packaging.trial import Trial, tried
from konan.records.routes import WorkerSpec
from konan.records.schema import Feature

SECONDS = 20.0


def package(directory: Path, content: bytes, name: str = "model.py") -> Path:
    """A package with one file, which a worker under another user id can read."""
    place = directory / "package"
    for folder in (place, place / "model"):
        folder.mkdir()
        folder.chmod(0o755)
    (place / "model" / name).write_bytes(content)
    return place


def spec(place: Path, loader: str = "python", file: str = "model/model.py") -> WorkerSpec:
    """A worker on the Python that runs the tests."""
    return WorkerSpec(
        version_uuid="0",
        label="tried v1",
        python=sys.executable,
        package=str(place),
        model={"loader": loader, "files": [file], "options": {}, "features": []},
        replicas=1,
        memory=4 << 30,
        files=64,
        file_bytes=1 << 20,
        threads=1,
        start_timeout=60,
        crashes=5,
    )


async def tried_with(
    worker_spec: WorkerSpec, work: Callable[[Trial, Described], Any], seconds: float = SECONDS
) -> Any:
    """Start a worker, let some work ask it, and end it."""
    with piped(Path(worker_spec.package).with_name("log"), 1 << 16) as log:
        worker = start_worker(worker_spec, log=log)
    said = described(await ready(worker, 60))
    return await tried(worker, seconds, lambda trial: work(trial, said))


async def proved(
    worker_spec: WorkerSpec,
    features: Sequence[Feature],
    rows: Sequence[Row] = (),
    expected: dict[int, Any] | None = None,
    seconds: float = SECONDS,
) -> Proof:
    """What a trial proves of a model."""
    golden = Golden(tuple(rows), tuple(range(len(rows))), expected or {})
    proof: Proof = await tried_with(
        worker_spec, lambda trial, said: certify(trial, said, tuple(features), golden), seconds
    )
    return proof
