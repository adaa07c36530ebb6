"""The prediction log over HTTP: lists, one prediction, and everything as a file."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from konan.access import secret
from konan.control import pages
from konan.control.pages import Page
from konan.control.table import Call, Nothing, Streamed, Table
from konan.errors import Invalid, NotFound
from konan.predictions.log import MEDIA_TYPES, Predictions
from konan.records.deployments import LARGEST_VERSION
from konan.records.logged import LoggedPrediction
from konan.records.private import sought
from konan.records.schema import LARGEST_INTEGER

if TYPE_CHECKING:  # with them comes Arrow, which is loaded when somebody reads
    from konan.predictions.filters import Filters, Range, Want

table = Table()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_VERSIONS = 100
"""So many of the newest versions are asked which columns they hash."""

_Count = Annotated[int, msgspec.Meta(ge=0, le=LARGEST_INTEGER)]
_Role = Annotated[str, msgspec.Meta(pattern="^(live|canary|challenger|all)$")]
_Bound = float | str | bool | None
_where = msgspec.json.Decoder(dict[str, _Bound | Annotated[list[_Bound], msgspec.Meta(max_length=2)]])


class Filter(
    Page, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"since": "from", "until": "to"}
):
    """Which predictions; absent parameters take all.

    Attributes:
        since: earliest time, RFC 3339.
        until: the time before which it must lie, RFC 3339.
        version: number of the version.
        role: ``live``, ``canary``, ``challenger`` or ``all``; absent shows what callers got (the first two).
        status: HTTP status.
        label: label as text.
        where: JSON object of features and declared columns: a value, or ``[least, largest]`` with null for
            no bound.
        ground_truth: whether one is known.
        latency_from: least microseconds.
        latency_to: most microseconds.
    """

    since: str = ""
    until: str = ""
    version: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_VERSION)] | None = None
    role: _Role | None = None
    status: Annotated[int, msgspec.Meta(ge=100, le=599)] | None = None
    label: str | None = None
    where: Annotated[str, msgspec.Meta(max_length=4000)] = ""
    ground_truth: bool | None = None
    latency_from: _Count | None = None
    latency_to: _Count | None = None

    def filters(self) -> "Filters":
        """As the log understands it.

        Raises:
            Invalid: a time or a condition is not what is asked for.
        """
        from konan.predictions.filters import SHOWN_ROLES, Filters, Range

        roles = SHOWN_ROLES if self.role is None else () if self.role == "all" else (self.role,)
        return Filters(
            since=_microseconds(self.since, "from"),
            until=_microseconds(self.until, "to"),
            version=self.version,
            roles=roles,
            status=self.status,
            label=self.label,
            latency=Range(self.latency_from, self.latency_to),
            features=_conditions(self.where),
        )


class ExportFilter(Filter, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which predictions, and how they are written.

    Attributes:
        format: ``jsonl`` (as in lists), ``csv`` or ``parquet`` (a column per feature).
    """

    format: Annotated[str, msgspec.Meta(pattern="^(csv|jsonl|parquet)$")] = "jsonl"


class PredictionList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of predictions, newest first, and the cursor of the next one."""

    predictions: tuple[LoggedPrediction, ...]
    next: str | None


@table.route(
    "GET",
    "/v1/deployments/{name}/predictions",
    permission="read",
    query=Filter,
    request=Nothing,
    response=PredictionList,
    summary="List what was predicted, newest first; a prediction is there as soon as it is answered.",
    errors=(NotFound,),
)
async def listing(call: Call[Filter, Nothing]) -> PredictionList:
    """List predictions."""
    log, uuid = await _found(call)
    page = call.query
    want = await asyncio.to_thread(_want, call, log, uuid)

    def read() -> list[LoggedPrediction]:
        return log.records(uuid, log.log.page(uuid, want, page.limit + 1))

    found = await asyncio.to_thread(read)
    shown, following = pages.cut(found, page.limit, lambda prediction: prediction.id)
    return PredictionList(predictions=shown, next=following)


@table.route(
    "GET",
    "/v1/deployments/{name}/predictions/export",
    permission="read",
    query=ExportFilter,
    request=Nothing,
    response=Streamed,
    media_type=MEDIA_TYPES["jsonl"],
    other_media_types=(MEDIA_TYPES["csv"], MEDIA_TYPES["parquet"]),
    summary="Download predictions as JSON lines, CSV or Parquet, newer parts first.",
    errors=(NotFound,),
)
async def exported(call: Call[ExportFilter, Nothing]) -> Streamed:
    """Download predictions."""
    from konan.predictions import export

    log, uuid = await _found(call)
    want = await asyncio.to_thread(_want, call, log, uuid)
    form = call.query.format
    return Streamed(export.parts(log, uuid, want, form), MEDIA_TYPES[form])


@table.route(
    "GET",
    "/v1/deployments/{name}/predictions/{prediction}",
    permission="read",
    query=Nothing,
    request=Nothing,
    response=LoggedPrediction,
    summary="Show one prediction.",
    errors=(NotFound,),
)
async def show(call: Call[Nothing, Nothing]) -> LoggedPrediction:
    """Show one prediction."""
    log, uuid = await _found(call)

    def read() -> LoggedPrediction:
        return log.records(uuid, log.log.one(uuid, call.path["prediction"]))[0]

    return await asyncio.to_thread(read)


async def _found(call: Call[Any, Any]) -> tuple[Predictions, str]:
    """The log, and the uuid of the deployment, which is the caller's."""
    deployment = await asyncio.to_thread(call.services.store.deployment, call.caller, call.path["name"])
    return call.services.predictions, deployment.uuid


def _want(call: Call[Any, Any], log: Predictions, uuid: str) -> "Want":
    from konan.predictions.filters import Want

    asked: Filter = call.query
    filters = asked.filters()
    keep = None
    if asked.ground_truth is not None:
        keep = log.truths.keep(uuid, known=asked.ground_truth)
    if any(low == high for low, high in filters.features.values()):
        filters = filters._replace(hashes=_hashes(call, filters))
    return Want(filters, before=asked.after(), keep=keep)


def _hashes(call: Call[Any, Any], filters: "Filters") -> dict[str, str]:
    """What the log has of the values that are asked for, in columns that some version hashes."""
    services, name = call.services, call.path["name"]
    deployment = services.store.deployment(call.caller, name)
    hidden = {
        column
        for version in services.store.list_versions(call.caller, name, _VERSIONS)
        for column, privacy in version.privacy.items()
        if privacy == "hash"
    }
    key = secret.of_project(secret.load(services.paths.secret), deployment.project)
    return {
        column: sought(key, low)
        for column, (low, high) in filters.features.items()
        if column in hidden and low == high and low is not None
    }


def _microseconds(text: str, name: str) -> int | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"The parameter {name} is no RFC 3339 time.") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _MICROSECOND


def _conditions(text: str) -> "dict[str, Range]":
    if not text:
        return {}
    try:
        decoded = _where.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        raise Invalid(
            "The parameter where is not what is asked for.",
            hint='Write {"city": "Bern", "temperature": [20, null]}.',
        ) from None
    return {name: _range(asked) for name, asked in decoded.items()}


def _range(asked: _Bound | list[_Bound]) -> "Range":
    from konan.predictions.filters import Range

    if not isinstance(asked, list):
        return Range(asked, asked)
    if len(asked) != 2:
        raise Invalid("A range in the parameter where has two ends.", hint="Write [20, null].")
    return Range(asked[0], asked[1])
