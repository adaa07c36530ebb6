"""What a client says about the files it uploads as a new version (``konan-upload.json`` in the archive)."""

from typing import Any, Literal

import msgspec

from konan.records.deployments import Durability, Rollout
from konan.records.retention import Days
from konan.records.schema import Constraint, Privacy

MANIFEST_NAME = "konan-upload.json"
TableFormat = Literal["csv", "parquet", "jsonl"]


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of rows in the archive.

    Attributes:
        path: member of the archive, as ``data/train.csv``.
        format: how to read it.
    """

    path: str
    format: TableFormat


class UploadManifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first member of an uploaded archive; everything else in the archive is named here.

    Attributes:
        flavor: name of the flavor, as ``sklearn``.
        model: members below ``model/`` that make up the model; the first is the one to load.
        options: what the flavor needs, as ``{"format": "joblib"}`` or ``{"class": "Model"}``.
        requirements: pinned requirements, as ``scikit-learn==1.9.1``.
        python: minor version of Python, as ``3.11``.
        data: rows that the model was fitted on.
        holdout: rows that it was not fitted on.
        expected: outputs that the caller got for the first rows of ``data`` (JSON lines, each in the
            output's shape), from the model in memory or from ``--expected``.
        target: the column of ``data`` and ``holdout`` with the true value.
        key: declared column with the caller's own business key.
        subject: declared column with the person a row is about.
        segments: declared columns with slices.
        constraints: declared limits of features by name; rows outside are refused.
        privacy: what the log shall have of columns by name, beside what the version before declared; ``keep``
            lifts such a declaration.
        retention_days: days that the deployment's rows are kept while the version is live, 0 for ever; null
            is what the version before declared.
        rollout: how the version takes traffic.
        durability: what its answers promise: that their record is on disk, or only that it outlives the
            process.
        provenance: ``client``, ``python``, ``packages``, ``commit``; shown, never trusted.
    """

    flavor: str
    model: tuple[str, ...]
    options: dict[str, Any] = {}
    requirements: tuple[str, ...] = ()
    python: str = ""
    data: Table | None = None
    holdout: Table | None = None
    expected: str = ""
    target: str = ""
    key: str = ""
    subject: str = ""
    segments: tuple[str, ...] = ()
    constraints: dict[str, Constraint] = {}
    privacy: dict[str, Privacy] = {}
    retention_days: Days | None = None
    rollout: Rollout = "instant"
    durability: Durability = "durable"
    provenance: dict[str, Any] = {}
