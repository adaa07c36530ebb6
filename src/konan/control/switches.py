"""Which version answers: promote, rollback, and the ledger of both, over HTTP."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import msgspec

from konan import clock
from konan.control import pages
from konan.control.deployments import number_of
from konan.control.pages import Page
from konan.control.services import Services
from konan.control.table import Call, Nothing, Table
from konan.errors import Conflict, DeadlineExceeded, Invalid, ModelFailed, NotFound
from konan.records.access import Principal
from konan.records.deployments import LARGEST_VERSION, Deployment
from konan.records.ledger import LONGEST_WHY, Action, Checked, LedgerEntry
from konan.rollout import ledger

table = Table()
_ALL = 1_000_000
_Why = Annotated[str, msgspec.Meta(max_length=LONGEST_WHY)]
_Number = Annotated[int, msgspec.Meta(ge=1, le=LARGEST_VERSION)]
_Moment = Annotated[str, msgspec.Meta(max_length=40)]


class Promotion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to write in the ledger."""

    why: _Why = ""


class Rollback(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to go back to, and what to write in the ledger.

    Attributes:
        to: number of a version, or a moment (RFC 3339) at which the wanted one was live; absent is the one
            that was live before.
        why: the words of whoever does it.
    """

    to: _Number | _Moment | None = None
    why: _Why = ""


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a deployment's ledger, newest first, and the cursor of the next one."""

    entries: tuple[LedgerEntry, ...]
    next: str | None


@table.route(
    "POST",
    "/v1/deployments/{name}/versions/{number}/promote",
    permission="deploy",
    query=Nothing,
    request=Promotion,
    response=Deployment,
    summary="Have a version answer from now on; answers when every gateway sends it the traffic.",
    errors=(Conflict, DeadlineExceeded, ModelFailed, NotFound),
)
async def promote(call: Call[Nothing, Promotion]) -> Deployment:
    """Promote a version."""
    return await _promoted(call.services, call.caller, call.path, call.body.why)


@table.route(
    "POST",
    "/v1/deployments/{name}/rollback",
    permission="deploy",
    query=Nothing,
    request=Rollback,
    response=Deployment,
    summary="Have an earlier version answer again; answers when every gateway sends it the traffic.",
    errors=(Conflict, DeadlineExceeded, Invalid, ModelFailed, NotFound),
)
async def rollback(call: Call[Nothing, Rollback]) -> Deployment:
    """Go back to a version."""
    store, name, to = call.services.store, call.path["name"], call.body.to
    if to is None or isinstance(to, str):
        entries = await asyncio.to_thread(store.list_ledger, call.caller, name, _ALL)
        found = ledger.before(entries) if to is None else ledger.live_at(entries, _moment(to))
        if found is None:
            when = "before the one that is" if to is None else "then"
            raise Conflict(f"No version was live {when}.", hint="`konan ledger` shows what was live when.")
        to = found
    path = {"name": name, "number": str(to)}
    return await _promoted(call.services, call.caller, path, call.body.why, "rollback")


@table.route(
    "GET",
    "/v1/deployments/{name}/ledger",
    permission="read",
    query=Page,
    request=Nothing,
    response=Ledger,
    summary="List what was live when, who changed it, and why, newest first.",
    errors=(NotFound,),
)
async def listing(call: Call[Page, Nothing]) -> Ledger:
    """List the ledger."""
    page = call.query
    after = page.after()
    before = number_of(after) if after else None
    found = await asyncio.to_thread(
        call.services.store.list_ledger, call.caller, call.path["name"], page.limit + 1, before
    )
    shown, following = pages.cut(found, page.limit, lambda entry: str(entry.number))
    return Ledger(entries=shown, next=following)


@table.route(
    "GET",
    "/v1/deployments/{name}/ledger/check",
    permission="read",
    query=Nothing,
    request=Nothing,
    response=Checked,
    summary="Check that every entry of the ledger is as it was written and follows the one before it.",
    errors=(NotFound,),
)
async def check(call: Call[Nothing, Nothing]) -> Checked:
    """Check the ledger."""
    store, name = call.services.store, call.path["name"]
    return await asyncio.to_thread(lambda: ledger.checked(store.whole_ledger(call.caller, name)))


async def _promoted(
    services: Services, caller: Principal, path: dict[str, str], why: str, action: Action = "promote"
) -> Deployment:
    deployment = await asyncio.to_thread(services.store.deployment, caller, path["name"])
    number = number_of(path["number"])
    version = await asyncio.to_thread(services.store.version, caller, path["name"], number)
    moved = await services.fleet.promote(caller, deployment, version, action, why)
    return msgspec.structs.replace(moved, state=services.fleet.state_of(moved, None))


def _moment(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid("The moment is no RFC 3339 time.", hint="As 2026-11-20T14:00:00Z.") from None
    return clock.rfc3339(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))
