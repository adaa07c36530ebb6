"""Erasure of a person over HTTP; the person is named in the body, because addresses are logged."""

import asyncio

import msgspec

from konan.control import pages
from konan.control.pages import Page
from konan.control.table import Call, Nothing, Table
from konan.errors import Invalid, NotFound
from konan.records.erasure import Erasure

table = Table()
_LONGEST = 1000


class NewErasure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to erase, and where.

    Attributes:
        subject: the person's value in the declared subject column, or key column where no subject is
            declared; or its hash as the log shows it.
        deployments: names; none means all that say whom their rows are about.
    """

    subject: str | int | float | bool
    deployments: tuple[str, ...] = ()


class ErasureList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of erasures, newest first, and the cursor of the next one."""

    erasures: tuple[Erasure, ...]
    next: str | None


@table.route(
    "POST",
    "/v1/erasures",
    permission="admin",
    query=Nothing,
    request=NewErasure,
    response=Erasure,
    status=202,
    summary="Erase everything about one person that was answered by now.",
    errors=(Invalid, NotFound),
)
async def create(call: Call[Nothing, NewErasure]) -> Erasure:
    """Take an erasure in."""
    subject = call.body.subject
    if subject == "" or len(str(subject)) > _LONGEST:
        raise Invalid(f"The subject must be 1 to {_LONGEST} characters long.")
    return await call.services.erasures.create(call.caller, subject, call.body.deployments)


@table.route(
    "GET",
    "/v1/erasures",
    permission="admin",
    query=Page,
    request=Nothing,
    response=ErasureList,
    summary="List erasures, newest first; whom they are about is kept nowhere.",
)
async def listing(call: Call[Page, Nothing]) -> ErasureList:
    """List erasures."""
    page, store = call.query, call.services.store
    found = await asyncio.to_thread(store.list_erasures, call.caller, page.limit + 1, page.after())
    shown, following = pages.cut(found, page.limit, lambda erasure: erasure.id)
    return ErasureList(erasures=shown, next=following)


@table.route(
    "GET",
    "/v1/erasures/{id}",
    permission="admin",
    query=Nothing,
    request=Nothing,
    response=Erasure,
    summary="Show how far an erasure is, and how much it removed.",
    errors=(NotFound,),
)
async def show(call: Call[Nothing, Nothing]) -> Erasure:
    """Show one erasure."""
    return await asyncio.to_thread(call.services.store.erasure, call.caller, call.path["id"])
