"""How the workers of each version are, and the wait until they can answer."""

import asyncio
from collections.abc import AsyncIterator, Collection

from konan.errors import DeadlineExceeded, ModelFailed
from konan.records.messages import WorkersChanged


class Readiness:
    """The latest state of the workers of each version."""

    def __init__(self) -> None:
        self._states: dict[str, WorkersChanged] = {}
        self._news = asyncio.Condition()

    async def follow(self, changes: AsyncIterator[WorkersChanged]) -> None:
        """Take in changes for as long as there are any."""
        async for change in changes:
            async with self._news:
                self._states[change.version_uuid] = change
                self._news.notify_all()

    def ready(self, version_uuid: str) -> int:
        """How many workers of a version can answer."""
        state = self._states.get(version_uuid)
        return state.ready if state else 0

    def keep_only(self, version_uuids: Collection[str]) -> None:
        """Forget the versions that are not wanted any more."""
        self._states = {uuid: state for uuid, state in self._states.items() if uuid in version_uuids}

    def sandbox(self) -> dict[str, object]:
        """Level and layers that the last worker reported; empty while none has."""
        reported = [state.sandbox for state in self._states.values() if state.sandbox]
        return dict(reported[-1]) if reported else {}

    async def until_ready(self, version_uuid: str, replicas: int, within: float) -> None:
        """Wait until that many workers of a version can answer.

        Raises:
            ModelFailed: one did not start, or they crash again and again.
            DeadlineExceeded: they were not ready ``within`` that many seconds.
        """
        try:
            async with asyncio.timeout(within), self._news:
                await self._news.wait_for(lambda: self._settled(version_uuid, replicas))
        except TimeoutError:
            raise DeadlineExceeded(f"The workers were not ready within {within:g} seconds.") from None
        if self.ready(version_uuid) < replicas:
            failure = self._states[version_uuid].failure or {}
            reason = failure.get("message") or failure.get("type") or "they crash again and again"
            raise ModelFailed(
                f"The workers did not start: {reason}", hint="`konan logs` shows what the model wrote."
            )

    def traceback(self, version_uuid: str) -> str:
        """The model's own traceback from the last start that failed; empty when there is none."""
        state = self._states.get(version_uuid)
        return (state.failure or {}).get("traceback", "") if state else ""

    def _settled(self, version_uuid: str, replicas: int) -> bool:
        state = self._states.get(version_uuid)
        return state is not None and (state.ready >= replicas or state.failure is not None or state.resting)
