"""Running a server with the SDK: ``client.operations`` of both clients."""

from typing import Unpack

from konan.client import operating
from konan.client.operating import ResourceWindowing, TrafficWindowing
from konan.client.senders import AsyncSender, Sender
from konan.records.operations import ResourceReport, TrafficReport


class Operations:
    """How deployments and their server run.

    Args:
        sender: of the client.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def traffic(self, name: str, **windowing: Unpack[TrafficWindowing]) -> TrafficReport:
        """The requests of a deployment: how many, how fast, which errors, how busy its workers were.

        Args:
            name: of the deployment.
            **windowing: see `konan.client.operating.TrafficWindowing`; else the last 24 hours as a whole.

        Raises:
            Invalid: a time or window is not one.
        """
        return self._sender.walk(operating.traffic(name, windowing))

    def resources(self, **windowing: Unpack[ResourceWindowing]) -> ResourceReport:
        """What each process and the machine used.

        Args:
            **windowing: see `konan.client.operating.ResourceWindowing`; else the last hour as a whole.

        Raises:
            Invalid: a time or window is not one.
        """
        return self._sender.walk(operating.resources(windowing))


class AsyncOperations:
    """How deployments and their server run.

    Args:
        sender: of the client.
    """

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def traffic(self, name: str, **windowing: Unpack[TrafficWindowing]) -> TrafficReport:
        """The requests of a deployment; see `Operations.traffic`."""
        return await self._sender.walk(operating.traffic(name, windowing))

    async def resources(self, **windowing: Unpack[ResourceWindowing]) -> ResourceReport:
        """What each process and the machine used; see `Operations.resources`."""
        return await self._sender.walk(operating.resources(windowing))
