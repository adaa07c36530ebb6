"""Ground truth itself in the SDK: ``client.labels`` of both clients."""

from typing import Unpack

from konan.client import labelling
from konan.client.labelling import LabelWindow
from konan.client.senders import AsyncSender, Sender
from konan.records.labels import LabelQueue, LabelReport


class Labels:
    """How sound ground truth is, and which rows need it next.

    Args:
        sender: of the client.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def health(self, name: str, **window: Unpack[LabelWindow]) -> LabelReport:
        """How late truths come, for which slices, and what looks wrong with them.

        Args:
            name: of the deployment.
            **window: see `konan.client.labelling.LabelWindow`; else the last 30 days.

        Raises:
            Invalid: there is no such version, or a time is not one.
            NotReady: no version is live.
        """
        return self._sender.walk(labelling.health(name, window))

    def queue(self, name: str, limit: int = 20, **window: Unpack[LabelWindow]) -> LabelQueue:
        """The rows whose truth would tell most, in the order in which they should be labelled.

        Args:
            name: of the deployment.
            limit: so many at most, up to 1,000.
            **window: as of `health`.

        Raises:
            Invalid: there is no such version, or a time is not one.
            NotReady: no version is live.
        """
        return self._sender.walk(labelling.queue(name, limit, window))


class AsyncLabels:
    """How sound ground truth is, and which rows need it next.

    Args:
        sender: of the client.
    """

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def health(self, name: str, **window: Unpack[LabelWindow]) -> LabelReport:
        """How late truths come, for which slices, and what looks wrong with them; see `Labels.health`."""
        return await self._sender.walk(labelling.health(name, window))

    async def queue(self, name: str, limit: int = 20, **window: Unpack[LabelWindow]) -> LabelQueue:
        """The rows whose truth would tell most; see `Labels.queue`."""
        return await self._sender.walk(labelling.queue(name, limit, window))
