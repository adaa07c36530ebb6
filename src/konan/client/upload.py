"""Makes the archive that a deploy uploads, in a temporary folder that goes away with the upload."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypedDict

from konan.client.steps import Progress
from konan.records.deployments import Durability, Rollout
from konan.records.schema import Constraint


class DeployOptions(TypedDict, total=False):
    """What may be said of a deploy beside its name and model.

    Attributes:
        data: rows that the model was fitted on: a file (CSV, Parquet, JSON lines) or a table.
        holdout: rows that it was not fitted on, with the target.
        expected: outputs of the model for the first rows of ``data``, as a file of JSON lines.
        target: column of ``data`` and ``holdout`` with the true value.
        key: column with the caller's own business key.
        subject: column with the person a row is about.
        segments: columns with slices.
        requirements: pinned requirements, or a requirements file.
        constraints: declared limits of features by name.
        mask: columns of whose values the log only says that there was one.
        hash: columns of whose values the log has keyed hashes, by which they are still found.
        drop: columns that the log never has.
        keep: columns that are no longer masked, hashed or dropped as an earlier version declared.
        retention_days: whole days that the deployment's rows are kept while the version is live, the
            present one not counted, 0 for ever; as the version before said unless given, else the server's
            setting.
        rollout: how the version takes traffic.
        durability: what its answers promise, ``durable`` (the default) or ``buffered``.
        flavor: name of the flavor; detected unless given.
        options: what the flavor needs, as ``{"class": "Model"}``; detected unless given.
        python: minor version of Python to run it, as ``3.11``; the caller's unless given.
        wait: whether to wait until the version is live or failed; true unless given.
        progress: called with the version each time it is looked at.
    """

    data: Any
    holdout: Any
    expected: Any
    target: str
    key: str
    subject: str
    segments: Sequence[str]
    requirements: Any
    constraints: Mapping[str, Constraint]
    mask: Sequence[str]
    hash: Sequence[str]
    drop: Sequence[str]
    keep: Sequence[str]
    retention_days: int
    rollout: Rollout
    durability: Durability
    flavor: str
    options: Mapping[str, Any]
    python: str
    wait: bool
    progress: Progress | None


class Archive:
    """A packed model on disk, removed at the end of a ``with``.

    Args:
        model: file, folder or object in memory.
        options: what was said of the deploy.
    """

    def __init__(self, model: Any, options: DeployOptions) -> None:
        self._model = model
        self._options: dict[str, Any] = {
            name: value
            for name, value in options.items()
            if name not in {"wait", "progress"} and value is not None
        }
        self._folder = Path()

    def __enter__(self) -> Path:
        from konan.packaging.pack import pack  # the client is used without it most of the time

        self._folder = Path(tempfile.mkdtemp(prefix="konan-"))
        try:
            return pack(self._model, self._folder / "upload.zip", **self._options)
        except BaseException:
            shutil.rmtree(self._folder)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self._folder)
