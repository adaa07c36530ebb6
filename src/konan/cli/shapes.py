"""What each command answers with ``--json``; the JSON schemas under ``docs/contract/cli`` are made of these.

Fields are added, never renamed or taken away.
"""

from typing import Any

import msgspec

from konan.errors import Fault
from konan.records.access import Key
from konan.records.alarms import Alarm
from konan.records.deployments import Deployment, Version, VersionState
from konan.records.erasure import Erasure
from konan.records.journals import Report
from konan.records.ledger import Checked, LedgerEntry
from konan.records.logged import LoggedPrediction
from konan.records.measures import CustomMetric
from konan.records.notifications import ListedDelivery, ListedReceiver, Tried
from konan.records.retention import Retention


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """The parent of all answers."""


class Told(Shape, frozen=True, kw_only=True, omit_defaults=True):
    """An error.

    Attributes:
        code: stable word for the kind of error.
        message: what happened.
        hint: what to do about it; may be empty.
        faults: the single things that are wrong, where there are several.
        notes: what else is known, as the model's own traceback or the request's id.
    """

    code: str
    message: str
    hint: str
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()


class Failed(Shape, frozen=True, kw_only=True):
    """What every command answers when it does not work."""

    error: Told


class Deployed(Shape, frozen=True, kw_only=True):
    """A new version.

    Attributes:
        deployment: name of the deployment.
        uuid: id of the deployment.
        version: number of the version.
        version_uuid: id of the version.
        state: of the version.
        url: address that answers predictions.
    """

    deployment: str
    uuid: str
    version: int
    version_uuid: str
    state: VersionState
    url: str


class Status(Shape, frozen=True, kw_only=True):
    """Deployments, and of the one that was asked for its versions and how its rows age."""

    deployments: tuple[Deployment, ...]
    versions: tuple[Version, ...] | msgspec.UnsetType = msgspec.UNSET
    retention: Retention | msgspec.UnsetType = msgspec.UNSET


class Versions(Shape, frozen=True, kw_only=True):
    """Versions, newest first."""

    versions: tuple[Version, ...]


class LedgerShown(Shape, frozen=True, kw_only=True):
    """What was live when, newest first, and whether it is as it was written."""

    entries: tuple[LedgerEntry, ...]
    checked: Checked


class LoggedPredictions(Shape, frozen=True, kw_only=True):
    """What was predicted, newest first."""

    predictions: tuple[LoggedPrediction, ...]


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a file with the truth that was not taken.

    Attributes:
        row: its number, from 1.
        prediction_id: as it stands there, if it does.
        key: likewise.
        status: as HTTP has it; 404 for an unknown prediction, 422 for what cannot be its truth.
        detail: why.
    """

    row: int
    prediction_id: str
    key: str | int | float | bool | None
    status: str | int
    detail: str


class FeedbackSent(Shape, frozen=True, kw_only=True):
    """What became of the truths in a file.

    Attributes:
        deployment: name of the deployment.
        rows: rows of the file.
        left_out: rows whose target is empty; they were not sent.
        accepted: first truths of their predictions.
        revised: kept beside earlier ones.
        duplicate: known already.
        parked: wait for predictions with their keys.
        refused: not taken.
        refusals: the first of these.
    """

    deployment: str
    rows: int
    left_out: int
    accepted: int
    revised: int
    duplicate: int
    parked: int
    refused: int
    refusals: tuple[Refusal, ...] = ()


class Exported(Shape, frozen=True, kw_only=True):
    """A file that was written."""

    file: str


class Metrics(Shape, frozen=True, kw_only=True):
    """Metrics that people wrote for a deployment, by name."""

    metrics: tuple[CustomMetric, ...]


class Written(Shape, frozen=True, kw_only=True):
    """Files that were written."""

    files: tuple[str, ...]


class Reported(Shape, frozen=True, kw_only=True):
    """A report that was written, and its size in bytes."""

    deployment: str
    file: str
    bytes: int


class Erasures(Shape, frozen=True, kw_only=True):
    """Erasures, newest first."""

    erasures: tuple[Erasure, ...]


class Alarms(Shape, frozen=True, kw_only=True):
    """Alarms, as they stand."""

    alarms: tuple[Alarm, ...]


class Tests(Shape, frozen=True, kw_only=True):
    """What became of test messages."""

    tests: tuple[Tried, ...]


class Receivers(Shape, frozen=True, kw_only=True):
    """Who is told of alarms, never their secrets."""

    receivers: tuple[ListedReceiver, ...]


class Deliveries(Shape, frozen=True, kw_only=True):
    """Messages about alarms, newest first."""

    deliveries: tuple[ListedDelivery, ...]


class Keys(Shape, frozen=True, kw_only=True):
    """Keys, never their text."""

    keys: tuple[Key, ...]


class Up(Shape, frozen=True, kw_only=True):
    """A server that serves.

    Attributes:
        url: its address.
        profile: file with the address and the owner's key.
        detached: whether it runs in the background.
    """

    url: str
    profile: str
    detached: bool


class Down(Shape, frozen=True, kw_only=True):
    """A server that has ended."""

    stopped: bool


class Login(Shape, frozen=True, kw_only=True):
    """The profile that was written."""

    url: str
    profile: str


class Setting(Shape, frozen=True, kw_only=True):
    """A setting as it stands; a password in an address is not shown."""

    name: str
    value: Any
    origin: str
    meaning: str


class Settings(Shape, frozen=True, kw_only=True):
    """All settings."""

    settings: tuple[Setting, ...]


class Completion(Shape, frozen=True, kw_only=True):
    """A completion script."""

    shell: str
    script: str


class Check(Shape, frozen=True, kw_only=True):
    """What a check found.

    Attributes:
        name: what was looked at.
        state: ``ok``, ``warn`` (it works, with less than it could) or ``fail``.
        detail: what was found.
        advice: what to do; empty when all is well.
    """

    name: str
    state: str
    detail: str
    advice: str


class JournalVerified(Shape, frozen=True, kw_only=True):
    """How the journals of all gateways are.

    Attributes:
        ok: whether nothing that was on disk is broken or missing.
        journals: each of them.
    """

    ok: bool
    journals: tuple[Report, ...]


class BackedUp(Shape, frozen=True, kw_only=True):
    """A backup that is whole.

    Attributes:
        file: where it is.
        files: number of files in it.
        bytes: of them together.
        konan: version of Konan that made it.
        started_at: what was acknowledged before is in it, RFC 3339.
    """

    file: str
    files: int
    bytes: int
    konan: str
    started_at: str


class Restored(Shape, frozen=True, kw_only=True):
    """A data directory that was made of a backup.

    Attributes:
        data_dir: where it is.
        files: number of files in it.
        bytes: of them together.
        konan: version of Konan that made the backup.
        started_at: what was acknowledged before is in it, RFC 3339.
    """

    data_dir: str
    files: int
    bytes: int
    konan: str
    started_at: str


class Doctor(Shape, frozen=True, kw_only=True):
    """All checks, and whether none failed."""

    ok: bool
    checks: tuple[Check, ...]
