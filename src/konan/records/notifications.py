"""Who is told of alarms, and what became of each message."""

from typing import Literal

import msgspec

ReceiverKind = Literal["webhook", "apprise"]
DeliveryState = Literal["waiting", "delivered", "dead"]


class Receiver(msgspec.Struct, frozen=True, kw_only=True):
    """Where messages about alarms go.

    Attributes:
        id: UUIDv7.
        project: name of the project.
        name: what somebody called it.
        kind: ``webhook`` (signed as Standard Webhooks has it) or ``apprise`` (chat, mail, pagers).
        url: the whole address; it may hold a password, so that lists show `masked` instead.
        deployments: names of the deployments it hears of; none means all.
        states: states it is told of.
        created_at: RFC 3339.
    """

    id: str
    project: str
    name: str
    kind: ReceiverKind
    url: str
    deployments: tuple[str, ...] = ()
    states: tuple[Literal["warning", "firing", "resolved"], ...] = ("firing", "resolved")
    created_at: str

    @property
    def masked(self) -> str:
        """The address without what may be secret: its scheme and, of a webhook, its host.

        >>> Receiver(id="", project="", name="", kind="webhook", url="https://a.example/t0ken",
        ...          created_at="").masked
        'https://a.example/…'
        """
        scheme, _, rest = self.url.partition("://")
        host = rest.partition("/")[0].partition("?")[0] if self.kind == "webhook" else ""
        return f"{scheme}://{host}/…" if host else f"{scheme}://…"


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One message for one receiver.

    Attributes:
        id: UUIDv7; the same at every attempt, so that a receiver knows a message that comes again.
        project: name of the project.
        receiver: id of the receiver.
        deployment: name of the deployment that it is about; messages about one arrive in their order.
        created_at: RFC 3339.
        title: one line for people.
        text: some lines for people.
        body: JSON, the bytes that are signed and sent to a webhook.
        state: ``dead`` when it was given up.
        attempts: made so far.
        next_at: when the next attempt is due, RFC 3339.
        detail: what became of the last attempt.
        delivered_at: RFC 3339, or null.
    """

    id: str
    project: str
    receiver: str
    deployment: str
    created_at: str
    title: str
    text: str
    body: str
    state: DeliveryState = "waiting"
    attempts: int = 0
    next_at: str = ""
    detail: str = ""
    delivered_at: str | None = None


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one attempt.

    Attributes:
        delivered: whether the receiver took it.
        detail: what it said, fit for whoever owns the receiver.
        again: whether another attempt may work.
        after: seconds that the receiver asks to wait, or null.
    """

    delivered: bool
    detail: str
    again: bool = True
    after: float | None = None


class ListedReceiver(msgspec.Struct, frozen=True, kw_only=True):
    """A receiver as it is listed: never its secret, never its whole address.

    Attributes:
        id: UUIDv7.
        name: what it is called.
        kind: as it was added.
        url: its scheme and, of a webhook, its host.
        deployments: that it hears of; none means all.
        states: that it is told of.
        created_at: RFC 3339.
    """

    id: str
    name: str
    kind: ReceiverKind
    url: str
    deployments: tuple[str, ...]
    states: tuple[str, ...]
    created_at: str


class MadeReceiver(ListedReceiver, frozen=True, kw_only=True):
    """A receiver that was just added.

    Attributes:
        secret: of a webhook, the key that its messages are signed with (Standard Webhooks), shown this once;
            else empty.
    """

    secret: str


class ListedDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a message.

    Attributes:
        id: the same at each attempt.
        receiver: id.
        deployment: name.
        title: of the message.
        created_at: RFC 3339.
        state: ``waiting``, ``delivered``, or ``dead`` when it was given up.
        attempts: made so far.
        next_at: when the next one is due, RFC 3339.
        detail: what became of the last one.
        delivered_at: RFC 3339, or null.
    """

    id: str
    receiver: str
    deployment: str
    title: str
    created_at: str
    state: str
    attempts: int
    next_at: str
    detail: str
    delivered_at: str | None


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a test message.

    Attributes:
        receiver: id.
        name: of the receiver.
        delivered: whether it was taken.
        detail: what was answered.
    """

    receiver: str
    name: str
    delivered: bool
    detail: str
