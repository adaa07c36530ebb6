"""The prediction log of one server: who writes it, who reads it, and what else is known of its rows."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from konan.predictions.filters import Keep
from konan.predictions.flusher import Flusher, Rules
from konan.predictions.orders import Writer
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

    def keep(self, deployment: str, *, known: bool) -> Keep:
        """Keeps those predictions of a deployment whose truth is known, or those for which it is not."""
        ...


class NoTruths:
    """Knows none."""

    def of(self, _: str, __: Sequence[str]) -> Mapping[str, object]:
        """None of them."""
        return {}

    def keep(self, _: str, *, known: bool) -> Keep:
        """All of them, or none."""
        return _All(wanted=not known)


class _All:
    """Keeps everything, or nothing."""

    def __init__(self, *, wanted: bool) -> None:
        self._wanted = wanted

    def possible(self, _: str, __: str) -> bool:
        return self._wanted

    def mask(self, ids: Sequence[str]) -> pa.Array:
        return pa.repeat(pa.scalar(self._wanted), len(ids))


class Predictions:
    """The log and its one writer.

    Args:
        journal: directory with a journal per gateway.
        directory: where the logs are.
        schemas: what versions take.
        rules: when rows go into their table.
        days: days that predictions are kept; 0 keeps them for ever.
        writer: changes the tables; None does it in this process.

    Attributes:
        flusher: the writer.
        log: the reader.
        truths: what ground truth is known.
    """

    def __init__(
        self,
        journal: Path,
        directory: Path,
        schemas: Schemas,
        rules: Rules,
        days: int = 0,
        writer: Writer | None = None,
    ) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.directory = directory
        self.schemas = schemas
        self.flusher = Flusher(journal, directory, schemas, rules, writer)
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
