"""Which version answers, in the SDK: ``client.live`` of both clients."""

from konan.client import switching
from konan.client.senders import AsyncSender, Sender
from konan.records.deployments import Deployment
from konan.records.ledger import Checked, LedgerEntry


class Live:
    """Which version answers, and which did when.

    Args:
        sender: of the client.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def promote(self, name: str, version: int, why: str = "") -> Deployment:
        """Have a version answer from now on; no request fails meanwhile.

        Args:
            name: of the deployment.
            version: its number.
            why: is written in the ledger.

        Raises:
            Conflict: it cannot be live or is, or another version is being made live.
            ModelFailed: its workers do not start.
        """
        return self._sender.walk(switching.promote(name, version, why))

    def rollback(self, name: str, to: int | str | None = None, why: str = "") -> Deployment:
        """Have an earlier version answer again; no request fails meanwhile.

        Args:
            name: of the deployment.
            to: number of a version, or a moment (RFC 3339) at which it was live; else the one before.
            why: is written in the ledger.

        Raises:
            Conflict: there is none, it is live, or another version is being made live.
            ModelFailed: its workers do not start.
        """
        return self._sender.walk(switching.rollback(name, to, why))

    def ledger(self, name: str) -> list[LedgerEntry]:
        """What was live when, who changed it, and why, newest first."""
        return self._sender.walk(switching.ledger(name))

    def check_ledger(self, name: str) -> Checked:
        """Whether every entry of the ledger is as it was written."""
        return self._sender.walk(switching.check_ledger(name))


class AsyncLive:
    """`Live`, awaited."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def promote(self, name: str, version: int, why: str = "") -> Deployment:
        """See `Live.promote`."""
        return await self._sender.walk(switching.promote(name, version, why))

    async def rollback(self, name: str, to: int | str | None = None, why: str = "") -> Deployment:
        """See `Live.rollback`."""
        return await self._sender.walk(switching.rollback(name, to, why))

    async def ledger(self, name: str) -> list[LedgerEntry]:
        """See `Live.ledger`."""
        return await self._sender.walk(switching.ledger(name))

    async def check_ledger(self, name: str) -> Checked:
        """See `Live.check_ledger`."""
        return await self._sender.walk(switching.check_ledger(name))
