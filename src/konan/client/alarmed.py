"""Alarms in the SDK: ``client.alarms`` and, awaited, that of the asynchronous client."""

import builtins
from collections.abc import Iterable

from konan.client import alarming
from konan.client.senders import AsyncSender, Sender
from konan.records.alarms import Alarm, AlarmEvent, AlarmRule, Incident, Replay
from konan.records.notifications import ListedDelivery, ListedReceiver, MadeReceiver, Tried


class Alarms:
    """Alarms, and who is told of them.

    Args:
        sender: of the client.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list(self, deployment: str = "") -> builtins.list[Alarm]:
        """All alarms, or those of one deployment."""
        return self._sender.walk(alarming.alarms(deployment))

    def show(self, which: str) -> Alarm:
        """One alarm, by its id or as ``DEPLOYMENT/NAME``; so in all methods."""
        return self._sender.walk(alarming.alarm(which))

    def events(self, which: str) -> builtins.list[AlarmEvent]:
        """All changes of an alarm's state, newest first."""
        return self._sender.walk(alarming.events(which))

    def incidents(self, deployment: str = "") -> builtins.list[Incident]:
        """All incidents, or those of one deployment, newest first."""
        return self._sender.walk(alarming.incidents(deployment))

    def create(self, deployment: str, name: str, rule: AlarmRule) -> Alarm:
        """Make an alarm."""
        return self._sender.walk(alarming.create(deployment, name, rule))

    def remove(self, which: str) -> Alarm:
        """Remove an alarm that somebody made."""
        return self._sender.walk(alarming.remove(which))

    def replay(
        self,
        deployment: str,
        rule: AlarmRule,
        since: str | None = None,
        to: str | None = None,
        version: int | None = None,
    ) -> Replay:
        """What a rule would have done over the logged past; the last 30 days unless told (RFC 3339)."""
        return self._sender.walk(alarming.replay(deployment, rule, since, to, version))

    def silence(self, which: str, seconds: float, reason: str = "") -> Alarm:
        """Tell nobody of an alarm for some seconds; 0 ends that."""
        return self._sender.walk(alarming.silence(which, seconds, reason))

    def acknowledge(self, which: str) -> Alarm:
        """Say that somebody looks after an alarm that fires or warns."""
        return self._sender.walk(alarming.act(which, "acknowledge"))

    def resolve(self, which: str) -> Alarm:
        """End an alarm that fires or warns; its detectors begin anew."""
        return self._sender.walk(alarming.act(which, "resolve"))

    def test(self, deployment: str = "") -> builtins.list[Tried]:
        """Send all receivers, or those of a deployment, a test message now."""
        return self._sender.walk(alarming.try_out(deployment))

    def add_receiver(
        self,
        name: str,
        url: str,
        kind: str = "webhook",
        deployments: Iterable[str] = (),
        states: Iterable[str] = ("firing", "resolved"),
    ) -> MadeReceiver:
        """Add somebody who is told of alarms; the answer holds the secret of a webhook, this once."""
        return self._sender.walk(alarming.add_receiver(name, url, kind, deployments, states))

    def receivers(self) -> builtins.list[ListedReceiver]:
        """Everybody who is told of alarms."""
        return self._sender.walk(alarming.receivers())

    def remove_receiver(self, receiver_id: str) -> ListedReceiver:
        """Remove a receiver and the messages that wait for it."""
        return self._sender.walk(alarming.remove_receiver(receiver_id))

    def deliveries(self) -> builtins.list[ListedDelivery]:
        """All messages about alarms, newest first."""
        return self._sender.walk(alarming.deliveries())


class AsyncAlarms:
    """Alarms, and who is told of them.

    Args:
        sender: of the client.
    """

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def list(self, deployment: str = "") -> builtins.list[Alarm]:
        """All alarms, or those of one deployment."""
        return await self._sender.walk(alarming.alarms(deployment))

    async def show(self, which: str) -> Alarm:
        """One alarm, by its id or as ``DEPLOYMENT/NAME``; so in all methods."""
        return await self._sender.walk(alarming.alarm(which))

    async def events(self, which: str) -> builtins.list[AlarmEvent]:
        """All changes of an alarm's state, newest first."""
        return await self._sender.walk(alarming.events(which))

    async def incidents(self, deployment: str = "") -> builtins.list[Incident]:
        """All incidents, or those of one deployment, newest first."""
        return await self._sender.walk(alarming.incidents(deployment))

    async def create(self, deployment: str, name: str, rule: AlarmRule) -> Alarm:
        """Make an alarm."""
        return await self._sender.walk(alarming.create(deployment, name, rule))

    async def remove(self, which: str) -> Alarm:
        """Remove an alarm that somebody made."""
        return await self._sender.walk(alarming.remove(which))

    async def replay(
        self,
        deployment: str,
        rule: AlarmRule,
        since: str | None = None,
        to: str | None = None,
        version: int | None = None,
    ) -> Replay:
        """What a rule would have done over the logged past; the last 30 days unless told (RFC 3339)."""
        return await self._sender.walk(alarming.replay(deployment, rule, since, to, version))

    async def silence(self, which: str, seconds: float, reason: str = "") -> Alarm:
        """Tell nobody of an alarm for some seconds; 0 ends that."""
        return await self._sender.walk(alarming.silence(which, seconds, reason))

    async def acknowledge(self, which: str) -> Alarm:
        """Say that somebody looks after an alarm that fires or warns."""
        return await self._sender.walk(alarming.act(which, "acknowledge"))

    async def resolve(self, which: str) -> Alarm:
        """End an alarm that fires or warns; its detectors begin anew."""
        return await self._sender.walk(alarming.act(which, "resolve"))

    async def test(self, deployment: str = "") -> builtins.list[Tried]:
        """Send all receivers, or those of a deployment, a test message now."""
        return await self._sender.walk(alarming.try_out(deployment))

    async def add_receiver(
        self,
        name: str,
        url: str,
        kind: str = "webhook",
        deployments: Iterable[str] = (),
        states: Iterable[str] = ("firing", "resolved"),
    ) -> MadeReceiver:
        """Add somebody who is told of alarms; the answer holds the secret of a webhook, this once."""
        return await self._sender.walk(alarming.add_receiver(name, url, kind, deployments, states))

    async def receivers(self) -> builtins.list[ListedReceiver]:
        """Everybody who is told of alarms."""
        return await self._sender.walk(alarming.receivers())

    async def remove_receiver(self, receiver_id: str) -> ListedReceiver:
        """Remove a receiver and the messages that wait for it."""
        return await self._sender.walk(alarming.remove_receiver(receiver_id))

    async def deliveries(self) -> builtins.list[ListedDelivery]:
        """All messages about alarms, newest first."""
        return await self._sender.walk(alarming.deliveries())
