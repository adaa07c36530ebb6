"""Running a server with the SDK: ``client.operations`` of both clients."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Unpack

from konan.client import operating
from konan.client.operating import ResourceWindowing, TrafficWindowing
from konan.client.senders import AsyncSender, Sender
from konan.records.kpis import MOST_SENT, KpiList, KpiReport
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

    def send_kpis(self, name: str, points: Iterable[Mapping[str, object]]) -> int:
        """Keep values of KPIs; sending one again changes nothing.

        Args:
            name: of the deployment.
            points: mappings with ``name``, ``value`` and, where they are known, ``at`` (RFC 3339) and
                ``version``; any number.

        Returns:
            How many were kept.

        Raises:
            Invalid: one is not what is asked for; those sent before it are kept.
        """
        return sum(
            self._sender.walk(operating.send_kpis(name, part)).stored for part in parts(points, MOST_SENT)
        )

    def kpis(self, name: str) -> KpiList:
        """All KPIs of a deployment."""
        return self._sender.walk(operating.kpis(name))

    def kpi(self, name: str, kpi: str, **windowing: Unpack[TrafficWindowing]) -> KpiReport:
        """A KPI over time; windows as of `traffic`."""
        return self._sender.walk(operating.kpi(name, kpi, windowing))


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

    async def send_kpis(self, name: str, points: Iterable[Mapping[str, object]]) -> int:
        """Keep values of KPIs; see `Operations.send_kpis`."""
        stored = 0
        for part in parts(points, MOST_SENT):
            stored += (await self._sender.walk(operating.send_kpis(name, part))).stored
        return stored

    async def kpis(self, name: str) -> KpiList:
        """All KPIs of a deployment."""
        return await self._sender.walk(operating.kpis(name))

    async def kpi(self, name: str, kpi: str, **windowing: Unpack[TrafficWindowing]) -> KpiReport:
        """A KPI over time; see `Operations.kpi`."""
        return await self._sender.walk(operating.kpi(name, kpi, windowing))


def parts(points: Iterable[Mapping[str, object]], most: int) -> Iterator[Sequence[Mapping[str, object]]]:
    """Points in parts of a size.

    >>> [len(part) for part in parts([{}] * 5, 2)]
    [2, 2, 1]
    """
    left = iter(points)
    while part := list(islice(left, most)):
        yield part
