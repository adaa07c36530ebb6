"""The prediction log of one server: who writes it, who reads it, and what else is known of its rows.

What reads it needs Arrow, and is loaded when somebody reads.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from konan.predictions.flusher import Flusher, Rules
from konan.predictions.orders import Writer
from konan.predictions.retention import FOR_EVER, Keeper, Policy
from konan.predictions.schemas import Schemas
from konan.records.logged import LoggedPrediction

if TYPE_CHECKING:
    import pyarrow as pa

    from konan.predictions.filters import Keep
    from konan.predictions.reading import PredictionLog

MEDIA_TYPES = {
    "jsonl": "application/x-ndjson",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
}
"""The forms in which a log can be written as a file (`konan.predictions.export`)."""


class Truths(Protocol):
    """Knows ground truth."""

    def of(self, deployment: str, ids: Sequence[str]) -> Mapping[str, object]:
        """The true values of those predictions of a deployment (by its uuid) for which one is known."""
        ...

    def keep(self, deployment: str, *, known: bool) -> "Keep":
        """Keeps those predictions of a deployment whose truth is known, or those for which it is not."""
        ...

    def files(self, deployment: str) -> list[str]:
        """Parquet files with all that is known of the truths of a deployment."""
        ...


class NoTruths:
    """Knows none."""

    def of(self, _: str, __: Sequence[str]) -> Mapping[str, object]:
        """None of them."""
        return {}

    def keep(self, _: str, *, known: bool) -> "Keep":
        """All of them, or none."""
        return _All(wanted=not known)

    def files(self, _: str) -> list[str]:
        """None."""
        return []


class _All:
    """Keeps everything, or nothing."""

    def __init__(self, *, wanted: bool) -> None:
        self._wanted = wanted

    def possible(self, _: str, __: str) -> bool:
        return self._wanted

    def mask(self, ids: "pa.ChunkedArray") -> "pa.ChunkedArray":
        import pyarrow as pa

        return pa.chunked_array([pa.repeat(pa.scalar(self._wanted), len(ids))])


class Predictions:
    """The log and its one writer.

    Args:
        journal: directory with a journal per gateway.
        directory: where the logs are.
        schemas: what versions take.
        rules: when rows go into their table.
        policy: how long predictions are kept.
        writer: changes the tables; None does it in this process.

    Attributes:
        flusher: the writer.
        truths: what ground truth is known.
    """

    def __init__(
        self,
        journal: Path,
        directory: Path,
        schemas: Schemas,
        rules: Rules,
        policy: Policy = FOR_EVER,
        writer: Writer | None = None,
    ) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.directory = directory
        self.schemas = schemas
        self.flusher = Flusher(journal, directory, schemas, rules, writer)
        self._keeper = Keeper(self.flusher, directory, policy)
        self.truths: Truths = NoTruths()

    @cached_property
    def log(self) -> "PredictionLog":
        """The reader."""
        from konan.predictions.reading import PredictionLog

        return PredictionLog(self.directory, self.flusher, self.schemas)

    def start(self) -> None:
        """Work in a thread until `stop`."""
        self.flusher.start(after=self._keeper.step)

    def stop(self) -> None:
        """End the thread; what waits stays in the journal and on the shelf."""
        self.flusher.stop()

    def records(self, deployment: str, rows: "pa.Table") -> list[LoggedPrediction]:
        """Rows of a deployment's log as records, with their ground truth."""
        from konan.predictions.rows import originals
        from konan.predictions.showing import records

        if not rows.num_rows:
            return []
        truths = self.truths.of(deployment, originals(rows))
        return records(rows, deployment, self.schemas, truths)
