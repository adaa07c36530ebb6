"""Ground truth on real files beside a prediction log, for tests."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from tests.unit.predictions.logs import BIKES, SCHEMA, schemas, write

from konan import clock
from konan.groundtruth.groundtruth import GroundTruth, Rules
from konan.groundtruth.keys import KeyColumn, KeyColumns, key_column
from konan.journal.entry import Entry
from konan.predictions.flusher import Rules as LogRules
from konan.predictions.log import Predictions
from konan.records.predictions import Feedback, FeedbackResult

T = TypeVar("T")
KEYED = msgspec.structs.replace(SCHEMA, key="order")


def key_columns(deployment: str) -> dict[int, KeyColumn]:
    return {1: key_column(KEYED)} if deployment == BIKES else {}


class Truths:
    """One server's log and truths; everything runs in one loop, nothing in the background."""

    def __init__(self, root: Path, keys: KeyColumns = key_columns, **rules: Any) -> None:
        self.keys = keys
        self.journal = root / "journal"
        self.directory = root / "predictions"
        self.rules = Rules(**rules)
        self.runner = asyncio.Runner()
        self.open()

    def open(self) -> None:
        """What a new control process makes of the files."""
        self.predictions = Predictions(self.journal, self.directory, schemas, LogRules())
        self.truth = GroundTruth(self.journal / "truth", self.predictions, self.keys, self.rules)
        self.run(self._open())

    async def _open(self) -> None:
        self.truth.open()

    def restart(self) -> None:
        self.close(last=False)
        self.open()

    def close(self, *, last: bool = True) -> None:
        self.run(self.truth.close())
        if last:
            self.runner.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def predict(self, *entries: Entry) -> None:
        write(self.journal, entries)

    def send(self, *items: Feedback | FeedbackResult, deployment: str = BIKES) -> list[FeedbackResult]:
        return self.run(self.truth.take("p", deployment, items, "k"))

    def tell(self, prediction: str, target: Any, observed: str | None = None) -> str | int:
        """Send one truth by id; its status."""
        item = Feedback(prediction_id=prediction, target=target, observed_at=observed)
        return self.send(item)[0].status

    def tell_key(self, key: Any, target: Any, observed: str | None = None) -> FeedbackResult:
        """Send one truth by business key."""
        return self.send(Feedback(key=key, target=target, observed_at=observed))[0]

    def of(self, *ids: str) -> list[Any]:
        """The truth of each, None while none is known."""
        found = self.truth.of(BIKES, ids)
        return [found.get(one) for one in ids]


def moment(seconds: float) -> str:
    """The moment so many seconds from now."""
    return clock.rfc3339(clock.now() + timedelta(seconds=seconds))
