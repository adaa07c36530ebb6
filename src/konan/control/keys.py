"""Keys over HTTP; a change is known to every process before it is answered."""

import asyncio

import msgspec

from konan import clock
from konan.access.permissions import NewKey, make_key
from konan.control import pages
from konan.control.pages import Page
from konan.control.table import Call, Nothing, Table
from konan.errors import Invalid, NotFound
from konan.records.access import Key

table = Table()


class CreatedKey(Key, frozen=True, kw_only=True):
    """A key that was just made.

    Attributes:
        key: its text, shown this once.
    """

    key: str


class KeyList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of keys, and the cursor of the next one."""

    keys: tuple[Key, ...]
    next: str | None


@table.route(
    "POST",
    "/v1/keys",
    permission="admin",
    query=Nothing,
    request=NewKey,
    response=CreatedKey,
    status=201,
    summary="Make a key that can do no more than the key that makes it.",
    errors=(Invalid,),
)
async def create(call: Call[Nothing, NewKey]) -> CreatedKey:
    """Make a key."""
    services = call.services
    key, minted = make_key(call.caller, call.body, clock.now(), services.settings.key_days)
    await asyncio.to_thread(services.store.add_key, call.caller, key, minted.digest)
    await services.fleet.keys_changed()
    return CreatedKey(**msgspec.structs.asdict(key), key=minted.text)


@table.route(
    "GET",
    "/v1/keys",
    permission="admin",
    query=Page,
    request=Nothing,
    response=KeyList,
    summary="List the keys of the project; secrets are never shown again.",
)
async def listing(call: Call[Page, Nothing]) -> KeyList:
    """List keys."""
    page = call.query
    found = await asyncio.to_thread(call.services.store.list_keys, call.caller, page.limit + 1, page.after())
    shown, following = pages.cut(found, page.limit, lambda key: key.id)
    return KeyList(keys=shown, next=following)


@table.route(
    "DELETE",
    "/v1/keys/{id}",
    permission="admin",
    query=Nothing,
    request=Nothing,
    response=Key,
    summary="Revoke a key; every process refuses it within a second.",
    errors=(NotFound,),
)
async def revoke(call: Call[Nothing, Nothing]) -> Key:
    """Revoke a key."""
    store, now = call.services.store, clock.rfc3339(clock.now())
    key = await asyncio.to_thread(store.revoke_key, call.caller, call.path["id"], now)
    await call.services.fleet.keys_changed()
    return key
