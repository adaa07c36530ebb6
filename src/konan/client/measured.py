"""Decisions and people's own metrics in the SDK: ``client.measures`` of both clients."""

import builtins
from typing import Literal

from konan.client import measuring
from konan.client.senders import AsyncSender, Sender
from konan.records.measures import CustomMetric, Decision


class Measures:
    """What a deployment's answers are worth, and metrics that people wrote for it.

    Args:
        sender: of the client.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def decision(self, name: str) -> Decision:
        """How a deployment's answers are used and what they are worth, as far as it is declared."""
        return self._sender.walk(measuring.decision(name))

    def decide(self, name: str, decision: Decision) -> Decision:
        """Declare that in place of what was declared; ``Decision()`` takes it back.

        Raises:
            Invalid: it does not fit what the live version answers.
        """
        return self._sender.walk(measuring.decide(name, decision))

    def list(self, name: str) -> builtins.list[CustomMetric]:
        """All metrics that people wrote for a deployment, by name."""
        return self._sender.walk(measuring.metrics(name))

    def create(
        self, name: str, metric: str, code: str, better: Literal["higher", "lower"] = "higher"
    ) -> CustomMetric:
        """Make a metric.

        Args:
            name: of the deployment.
            metric: its name, unique in the deployment.
            code: a Python program that defines ``metric(rows)``.
            better: whether ``higher`` or ``lower`` is better.

        Raises:
            Invalid: the program defines no metric.
            Conflict: the deployment has one of that name.
        """
        return self._sender.walk(measuring.create_metric(name, metric, code, better))

    def remove(self, name: str, metric: str) -> CustomMetric:
        """Remove a metric."""
        return self._sender.walk(measuring.remove_metric(name, metric))


class AsyncMeasures:
    """What a deployment's answers are worth, and metrics that people wrote for it.

    Args:
        sender: of the client.
    """

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def decision(self, name: str) -> Decision:
        """How a deployment's answers are used and what they are worth, as far as it is declared."""
        return await self._sender.walk(measuring.decision(name))

    async def decide(self, name: str, decision: Decision) -> Decision:
        """Declare that in place of what was declared; see `Measures.decide`."""
        return await self._sender.walk(measuring.decide(name, decision))

    async def list(self, name: str) -> builtins.list[CustomMetric]:
        """All metrics that people wrote for a deployment, by name."""
        return await self._sender.walk(measuring.metrics(name))

    async def create(
        self, name: str, metric: str, code: str, better: Literal["higher", "lower"] = "higher"
    ) -> CustomMetric:
        """Make a metric; see `Measures.create`."""
        return await self._sender.walk(measuring.create_metric(name, metric, code, better))

    async def remove(self, name: str, metric: str) -> CustomMetric:
        """Remove a metric."""
        return await self._sender.walk(measuring.remove_metric(name, metric))
