"""Deployments, their versions, and what registration proved of a version."""

from typing import Any, Literal

import msgspec

from konan.records.schema import Privacy, Schema

LARGEST_VERSION = 999_999_999
"""The largest number that a version can have."""

VersionState = Literal["building", "failed", "live", "challenger", "canary", "disabled"]
Rollout = Literal["instant", "shadow", "canary", "split"]
Durability = Literal["durable", "buffered"]
"""What an answer promises: its record is on disk, or outlives the process and soon the machine."""


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """A stable, named endpoint.

    Attributes:
        uuid: its id.
        name: unique in its project.
        project: name of its project.
        created_at: RFC 3339.
        live_version: number of the version that answers, or null.
        state: ``ready`` when that version can answer, ``building`` or ``failed`` before there is one,
            ``degraded`` when its workers are down.
    """

    uuid: str
    name: str
    project: str
    created_at: str
    live_version: int | None = None
    state: str = "building"


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a version failed.

    Attributes:
        step: where: ``package``, ``schema``, ``environment``, ``certificate`` or ``start``.
        code: the code of the error.
        message: what happened.
        hint: what to do.
        traceback: the model's own traceback, for its owner; empty when it has none.
    """

    step: str
    code: str
    message: str
    hint: str = ""
    traceback: str = ""


class NullProbe(msgspec.Struct, frozen=True, kw_only=True):
    """What the model did with ``null`` in one feature: ``answers`` or ``raises`` (then 422 protects it)."""

    feature: str
    result: Literal["answers", "raises"]


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """What registration proved about a version, in the environment and sandbox that will serve it.

    Attributes:
        golden_rows: rows on which it was tried.
        golden: ``reproduced`` when it gave the outputs that the caller expected,
            ``self-consistent only`` when there were none to compare with.
        largest_difference: largest absolute difference to an expected number; 0 is bit-identical.
        row_independent: whether a row alone and among others gave the same; if not, batches are of 1.
        deterministic: whether the same rows twice gave the same.
        null: what ``null`` in each feature did.
        unseen_category: what an unseen text did, ``answers``, ``raises`` or ``not applicable``.
        empty_batch: what no rows did, ``answers`` or ``raises``.
        latency_one_ms: median milliseconds of a call with one row.
        latency_hundred_ms: median milliseconds of a call with 100 rows.
        memory_bytes: peak resident memory of the worker.
        load_seconds: seconds from start to ready.
        sandbox: level and layers that the worker ran under.
        imports: modules that the model's file names (from reading it, not loading it).
        native_plan: always ``none`` until plans are built.
        input: how the model is given rows: as a data ``frame`` with named columns, or, where that gave the
            same answers, as a plain ``array``, which is faster.
    """

    golden_rows: int
    golden: Literal["reproduced", "self-consistent only"]
    largest_difference: float = 0.0
    row_independent: bool = True
    deterministic: bool = True
    null: tuple[NullProbe, ...] = ()
    unseen_category: str = "not applicable"
    empty_batch: str = "answers"
    latency_one_ms: float = 0.0
    latency_hundred_ms: float = 0.0
    memory_bytes: int = 0
    load_seconds: float = 0.0
    sandbox: dict[str, Any] = {}
    imports: tuple[str, ...] = ()
    native_plan: Literal["none"] = "none"
    input: Literal["frame", "array"] = "frame"


class FileDigest(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a package.

    Attributes:
        path: relative path inside the package, as ``model.joblib``.
        sha256: digest of its content, which is also its name among the blobs.
        size: bytes.
    """

    path: str
    sha256: str
    size: int


class Reference(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What monitoring compares later rows with; of answers only those on rows the model was not fitted on.

    Attributes:
        source: where answers and truths come from: ``holdout`` (a file), ``cross-fitted`` (the estimator
            refitted on folds), ``live`` (the first labelled live rows) or ``learning`` (none yet: these will
            make it).
        rows: number of rows behind them.
        predictions: digest of the blob with the reference predictions (JSON lines of
            ``{"target", "output"}``, with ``inputs`` where there are no probabilities), or empty.
        inputs: number of rows behind what is known of the inputs.
        profile: digest of the blob with cells and counts of all columns, or empty.
    """

    source: Literal["holdout", "cross-fitted", "live", "learning"] = "learning"
    rows: int = 0
    predictions: str = ""
    inputs: int = 0
    profile: str = ""


class ErasedRows(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of a person that left a file; who cites what was is told by it that it is not whole any more.

    Attributes:
        erasure: id of the erasure.
        at: when they left, RFC 3339.
        rows: how many.
        was: digests of what held them, the file itself first; these blobs are gone unless others need them.
    """

    erasure: str
    at: str
    rows: int
    was: tuple[str, ...]


class DatasetFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of rows given at deploy, kept as a dataset version unless columns of the version are private.

    Attributes:
        role: ``data`` (rows the model was fitted on) or ``holdout``.
        sha256: digest of the blob.
        rows: number of rows.
        columns: names in order.
        kept: whether the blob is kept.
        erased: the rows that left it since it was given, oldest first.
    """

    role: Literal["data", "holdout"]
    sha256: str
    rows: int
    columns: tuple[str, ...]
    kept: bool = True
    erased: tuple[ErasedRows, ...] = ()


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """An immutable, numbered model package of a deployment.

    Attributes:
        uuid: its id, unique in the installation.
        deployment: name of its deployment.
        version: its number, from 1.
        state: see `VersionState`.
        created_at: RFC 3339.
        flavor: name of the flavor that loads it, as ``sklearn``.
        rollout: how it takes traffic.
        durability: what its answers promise once it is live.
        step: what is being done while it is building, as ``environment``.
        upload: digest of the client's manifest and the files it sent, from which it is built.
        package: digest of its ``konan.json``, which names the digest of every other file.
        files: its files.
        python: minor version of Python that it runs on, as ``3.11``.
        lock: digest of its locked requirements.
        schema: what it takes and gives, once known.
        certificate: what registration proved, once known.
        privacy: what its owner declared of columns, or an earlier version did; ``keep`` where this version
            lifted that.
        retention_days: days that the deployment's rows are kept while it is live, as its owner declared or an
            earlier version did, 0 for ever; null is the server's setting.
        reference: what monitoring may compare with.
        datasets: the rows given at deploy.
        failure: why it failed, if it did.
        provenance: who made it with what: ``key_id``, ``client``, ``python``, ``packages``.
        warnings: notices for the owner, as ignored columns.
    """

    uuid: str
    deployment: str
    version: int
    state: VersionState
    created_at: str
    flavor: str
    rollout: Rollout = "instant"
    durability: Durability = "durable"
    step: str = ""
    upload: str = ""
    package: str = ""
    files: tuple[FileDigest, ...] = ()
    python: str = ""
    lock: str = ""
    schema: Schema | None = None
    certificate: Certificate | None = None
    privacy: dict[str, Privacy] = {}
    retention_days: int | None = None
    reference: Reference = Reference()
    datasets: tuple[DatasetFile, ...] = ()
    failure: Failure | None = None
    provenance: dict[str, Any] = {}
    warnings: tuple[str, ...] = ()
