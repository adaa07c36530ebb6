"""The prediction log of one server: who writes it, who reads it, and what else is known of its rows."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from konan.predictions.flusher import Flusher, Rules
from konan.predictions.reading import PredictionLog
from konan.predictions.retention import Keeper
from konan.predictions.rows import Schemas, originals
from konan.predictions.showing import records
from konan.records.logged import LoggedPrediction


class Truths(Protocol):
    """Knows ground truth."""

    def of(self, deployment: str, ids: Sequence[str]) -> Mapping[str, object]:
        """The true values of those predictions of a deployment (by its uuid) for which one is known."""
        ...


class NoTruths:
    """Knows none."""

    def of(self, _: str, __: Sequence[str]) -> Mapping[str, object]:
        """None of them."""
        return {}


class Predictions:
    """The log and its one writer.

    Args:
        journal: directory with a journal per gateway.
        directory: where the logs are.
        schemas: what versions take.
        rules: when rows go into their table.
        days: days that predictions are kept; 0 keeps them for ever.

    Attributes:
        flusher: the writer.
        log: the reader.
        truths: what ground truth is known.
    """

    def __init__(self, journal: Path, directory: Path, schemas: Schemas, rules: Rules, days: int = 0) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.directory = directory
        self.schemas = schemas
        self.flusher = Flusher(journal, directory, schemas, rules)
        self.log = PredictionLog(directory, self.flusher, schemas)
        self._keeper = Keeper(self.flusher, directory, days)
        self.truths: Truths = NoTruths()

    def start(self) -> None:
        """Work in a thread until `stop`."""
        self.flusher.start(after=self._keeper.step)

    def stop(self) -> None:
        """End the thread; what waits stays in the journal and on the shelf."""
        self.flusher.stop()

    def records(self, deployment: str, rows: pa.Table) -> list[LoggedPrediction]:
        """Rows of a deployment's log as records, with their ground truth."""
        if not rows.num_rows:
            return []
        truths = self.truths.of(deployment, originals(rows))
        return records(rows, deployment, self.schemas, truths)
