"""Explanations in the SDK: ``client.explanations`` of both clients."""

from collections.abc import Mapping
from typing import Any, Unpack

from konan.client import explaining
from konan.client.explaining import ExplainOptions, ImportanceOptions
from konan.client.senders import AsyncSender, Sender
from konan.records.explanations import Explanation, Importance


class Explanations:
    """Why versions answer as they do.

    Args:
        sender: of the client.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def prediction(self, prediction_id: str, **options: Unpack[ExplainOptions]) -> Explanation:
        """What each input adds to the answer of a logged prediction.

        Args:
            prediction_id: its id.
            **options: see `konan.client.explaining.ExplainOptions`.

        Raises:
            NotFound: there is no such prediction.
            Conflict: the log does not have the row as it came, or there are no rows to compare with.
            ModelFailed: the model raised, died or did not answer in time.
        """
        return self._sender.walk(explaining.explain(prediction_id, None, options))

    def row(self, name: str, row: Mapping[str, Any], **options: Unpack[ExplainOptions]) -> Explanation:
        """What each input adds to the answer that a row would get; it is not logged.

        Args:
            name: of the deployment.
            row: the inputs by name.
            **options: as of `prediction`.

        Raises:
            RowsInvalid: the row does not fit the schema.
            Conflict: there are no rows to compare with.
            ModelFailed: the model raised, died or did not answer in time.
        """
        given: ExplainOptions = {**options, "deployment": name}
        return self._sender.walk(explaining.explain(None, dict(row), given))

    def importance(self, name: str, **options: Unpack[ImportanceOptions]) -> Importance:
        """Which inputs matter to a version: the mean absolute contribution of each, largest first.

        Args:
            name: of the deployment.
            **options: see `konan.client.explaining.ImportanceOptions`.

        Raises:
            Conflict: there are no rows to explain.
            ModelFailed: the model raised, died or did not answer in time.
        """
        return self._sender.walk(explaining.importance(name, options))


class AsyncExplanations:
    """Why versions answer as they do.

    Args:
        sender: of the client.
    """

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def prediction(self, prediction_id: str, **options: Unpack[ExplainOptions]) -> Explanation:
        """What each input adds to the answer of a logged prediction; see `Explanations.prediction`."""
        return await self._sender.walk(explaining.explain(prediction_id, None, options))

    async def row(self, name: str, row: Mapping[str, Any], **options: Unpack[ExplainOptions]) -> Explanation:
        """What each input adds to the answer that a row would get; see `Explanations.row`."""
        given: ExplainOptions = {**options, "deployment": name}
        return await self._sender.walk(explaining.explain(None, dict(row), given))

    async def importance(self, name: str, **options: Unpack[ImportanceOptions]) -> Importance:
        """Which inputs matter to a version; see `Explanations.importance`."""
        return await self._sender.walk(explaining.importance(name, options))
