"""Who is told of alarms, over HTTP: receivers, and what became of the messages for them."""

import asyncio
from typing import Annotated, Literal

import msgspec

from konan import clock, ids
from konan.control import pages
from konan.control.pages import Page
from konan.control.table import Call, Nothing, Table
from konan.errors import Invalid, MissingExtra, NotFound
from konan.monitoring.alarms.incidents import trial
from konan.records.notifications import (
    Delivery,
    ListedDelivery,
    ListedReceiver,
    MadeReceiver,
    Receiver,
    ReceiverKind,
    Tried,
)

table = Table()
_Short = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class NewReceiver(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A receiver to add.

    Attributes:
        name: what it is called.
        kind: ``webhook``, or ``apprise`` for chat, mail and pagers.
        url: its address.
        deployments: names of the deployments it hears of; none means all.
        states: states it is told of.
    """

    name: _Short
    kind: ReceiverKind = "webhook"
    url: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
    deployments: tuple[Annotated[str, msgspec.Meta(max_length=63)], ...] = ()
    states: Annotated[
        tuple[Literal["warning", "firing", "resolved"], ...], msgspec.Meta(min_length=1, max_length=3)
    ] = ("firing", "resolved")


class ReceiverList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of receivers, and the cursor of the next one."""

    receivers: tuple[ListedReceiver, ...]
    next: str | None


class DeliveryList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of messages, newest first, and the cursor of the next one."""

    deliveries: tuple[ListedDelivery, ...]
    next: str | None


class ToTest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to send a test message.

    Attributes:
        deployment: receivers that hear of this one; absent is all receivers.
    """

    deployment: Annotated[str, msgspec.Meta(max_length=63)] = ""


class Tests(msgspec.Struct, frozen=True, kw_only=True):
    """What became of test messages."""

    tests: tuple[Tried, ...]


@table.route(
    "POST",
    "/v1/receivers",
    permission="admin",
    query=Nothing,
    request=NewReceiver,
    response=MadeReceiver,
    status=201,
    summary="Add somebody who is told of alarms: a signed webhook, or an address of Apprise.",
    errors=(Invalid, NotFound, MissingExtra),
)
async def create(call: Call[Nothing, NewReceiver]) -> MadeReceiver:
    """Add a receiver."""
    asked, services = call.body, call.services
    for name in asked.deployments:
        await asyncio.to_thread(services.store.deployment, call.caller, name)
    await services.notifications.check(asked.kind, asked.url)
    receiver = Receiver(
        id=ids.new_uuid(),
        project=call.caller.project,
        created_at=clock.rfc3339(clock.now()),
        **msgspec.structs.asdict(asked),
    )
    await asyncio.to_thread(services.store.add_receiver, call.caller, receiver)
    secret = services.notifications.secret_of(receiver)
    return MadeReceiver(**msgspec.structs.asdict(_listed(receiver)), secret=secret)


@table.route(
    "GET",
    "/v1/receivers",
    permission="admin",
    query=Page,
    request=Nothing,
    response=ReceiverList,
    summary="List who is told of alarms; secrets and whole addresses are never shown again.",
)
async def listing(call: Call[Page, Nothing]) -> ReceiverList:
    """List receivers."""
    page, store = call.query, call.services.store
    found = await asyncio.to_thread(store.list_receivers, call.caller, page.limit + 1, page.after())
    items, following = pages.cut(found, page.limit, lambda receiver: receiver.id)
    return ReceiverList(receivers=tuple(map(_listed, items)), next=following)


@table.route(
    "DELETE",
    "/v1/receivers/{id}",
    permission="admin",
    query=Nothing,
    request=Nothing,
    response=ListedReceiver,
    summary="Remove a receiver and the messages that wait for it.",
    errors=(NotFound,),
)
async def remove(call: Call[Nothing, Nothing]) -> ListedReceiver:
    """Remove a receiver."""
    return _listed(await asyncio.to_thread(call.services.store.remove_receiver, call.caller, call.path["id"]))


@table.route(
    "POST",
    "/v1/receivers/test",
    permission="admin",
    query=Nothing,
    request=ToTest,
    response=Tests,
    summary="Send receivers a test message now, and tell what became of it.",
    errors=(NotFound,),
)
async def test(call: Call[Nothing, ToTest]) -> Tests:
    """Send test messages."""
    asked, services = call.body, call.services
    if asked.deployment:
        await asyncio.to_thread(services.store.deployment, call.caller, asked.deployment)
    found = await asyncio.to_thread(services.store.list_receivers, call.caller, 1000)
    meant = [
        one
        for one in found
        if not (asked.deployment and one.deployments) or asked.deployment in one.deployments
    ]
    return Tests(tests=tuple(await asyncio.gather(*(_tried(call, one, asked.deployment) for one in meant))))


@table.route(
    "GET",
    "/v1/deliveries",
    permission="admin",
    query=Page,
    request=Nothing,
    response=DeliveryList,
    summary="List messages about alarms, newest first, and what became of each.",
)
async def deliveries(call: Call[Page, Nothing]) -> DeliveryList:
    """List messages."""
    page, store = call.query, call.services.store
    found = await asyncio.to_thread(store.list_deliveries, call.caller, page.limit + 1, page.after())
    items, following = pages.cut(found, page.limit, lambda delivery: delivery.id)
    return DeliveryList(deliveries=tuple(map(_shown, items)), next=following)


async def _tried(call: Call[Nothing, ToTest], receiver: Receiver, deployment: str) -> Tried:
    message = trial(receiver, deployment, clock.rfc3339(clock.now()), ids.new_uuid())
    sent = await call.services.notifications.attempt(receiver, message)
    return Tried(receiver=receiver.id, name=receiver.name, delivered=sent.delivered, detail=sent.detail)


def _listed(receiver: Receiver) -> ListedReceiver:
    return ListedReceiver(
        id=receiver.id,
        name=receiver.name,
        kind=receiver.kind,
        url=receiver.masked,
        deployments=receiver.deployments,
        states=receiver.states,
        created_at=receiver.created_at,
    )


def _shown(delivery: Delivery) -> ListedDelivery:
    return ListedDelivery(**{name: getattr(delivery, name) for name in ListedDelivery.__struct_fields__})
