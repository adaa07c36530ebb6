"""Takes in ground truth, keeps it, and says what is true of a prediction.

What is taken is in a journal, on disk, before anybody is told; from there it goes into a table per deployment
beside the prediction log. What is in no table yet is in memory, made again from the journal at the start.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from konan import clock, ids
from konan.errors import JournalUnavailable, KonanError, NotReady, StorageFull
from konan.groundtruth import parked
from konan.groundtruth.held import Held
from konan.groundtruth.revisions import SUFFIX, Batch, Revision, cells_of, current
from konan.journal import reader
from konan.journal.entry import Entry, encode
from konan.journal.segments import Damage
from konan.journal.writer import Writer
from konan.predictions.log import Predictions
from konan.records.predictions import Feedback, FeedbackResult

if TYPE_CHECKING:  # with them comes Arrow, which nobody needs before the first truth
    import pyarrow as pa

    from konan.groundtruth.deciding import Decider
    from konan.groundtruth.keys import KeyColumns
    from konan.groundtruth.labelled import Labelled

JOURNAL = "truth"
"""The journal's name beside those of the gateways."""

_PARKED = "parked-truth"
_SEGMENT_BYTES = 8 * 1024 * 1024
_SLACK_US = 120_000_000
"""A prediction is in the log at most so long after it was asked for."""

_FOLLOWED = 20.0
"""Seconds after which what follows from truths is brought up to date, if nobody has asked for it before."""

_PAUSE = 1.0
_SHARE = 20
logger = logging.getLogger(__name__)
_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Batch)
_json = msgspec.json.Decoder().decode


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """When revisions go into their tables.

    Attributes:
        rows: so many of all deployments are committed at once.
        seconds: the oldest waits at most so long.
    """

    rows: int = 100_000
    seconds: float = 900.0


class GroundTruth:
    """The truths of all deployments, and the one writer of them; `open` comes before all else.

    Args:
        journal: directory of its journal.
        predictions: the log that truths are about; it asks here from now on.
        key_columns: where business keys are.
        rules: when revisions go into their tables.

    Attributes:
        damage: the first thing that is wrong with the journal, if anything; its segments are kept then.
    """

    def __init__(
        self, journal: Path, predictions: Predictions, key_columns: "KeyColumns", rules: Rules | None = None
    ) -> None:
        self.damage: Damage | None = None
        self._journal = journal
        self._predictions = predictions
        self._rules = rules or Rules()
        self._held = Held()
        self._key_columns = key_columns
        self._locks: dict[str, asyncio.Lock] = {}
        self._flushing = threading.Lock()
        self._looked: dict[str, int] = {}
        self._unfollowed: dict[str, float] = {}
        self._arrival = self._sequence = 0
        self._writer: Writer | None = None
        self._task: asyncio.Task[None] | None = None
        predictions.truths = self

    def open(self) -> None:
        """Take up what was there; call it in the event loop that `take` runs in.

        Raises:
            Conflict: another process writes this journal.
            OSError: the journal cannot be read.
        """
        self._writer = Writer(self._journal, _SEGMENT_BYTES, asyncio.get_running_loop())
        waiting = parked.Waiting()
        try:
            waiting = parked.read(self._parked)
        except Damage as damage:
            self._damaged(damage)
            self._parked.replace(self._parked.with_suffix(".damaged"))
        self._held.park(waiting.parked)
        self._replay(waiting.sequence)
        self._sequence = self._held.sequence = self._writer.next_sequence - 1

    def start(self) -> None:
        """Do in the background what is due, until `close`."""
        self._task = asyncio.create_task(self._work())

    async def close(self) -> None:
        """End; what is in no table stays in the journal."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    async def take(
        self, project: str, deployment: str, items: Sequence[Feedback | FeedbackResult], key_id: str
    ) -> list[FeedbackResult]:
        """Take in truths; what is not refused is on disk when this returns.

        Args:
            project: of the deployment.
            deployment: uuid.
            items: truths; what was refused already stays so.
            key_id: public id of the API key that sent them.

        Returns:
            What became of each, in their order.

        Raises:
            StorageFull: nothing was taken; it may be sent again when there is room.
            JournalUnavailable: likewise; it does not pass.
        """
        from konan.groundtruth import deciding

        async with self._locks.setdefault(deployment, asyncio.Lock()):
            if self._held.count >= self._rules.rows:
                await asyncio.to_thread(self.flush)
            self._arrival = max(clock.now_ns(), self._arrival + 1)
            received = deciding.Received(key_id, self._arrival)
            self._arrival += len(items)
            results, batch = await asyncio.to_thread(self._decider.decide, deployment, items, received)
            await self._keep(project, deployment, batch, key_id)
        return results

    def of(self, deployment: str, wanted: Collection[str]) -> dict[str, Any]:
        """The true values of those predictions for which one is known.

        Args:
            deployment: uuid.
            wanted: ids of predictions, not of copies.
        """
        return {about: _json(one.target) for about, one in self.truths(deployment, wanted).items()}

    def truths(self, deployment: str, wanted: Collection[str]) -> dict[str, Revision]:
        """The revisions that count, of those predictions for which one is known."""
        return {about: current(known) for about, known in self.history(deployment, wanted).items()}

    def history(self, deployment: str, wanted: Collection[str]) -> dict[str, list[Revision]]:
        """All revisions of some predictions."""
        from konan.groundtruth.tables import revisions_in

        unique = dict.fromkeys(wanted)
        found: dict[str, list[Revision]] = {}
        for one in self._held.revisions(deployment, unique.keys()):  # before the table: nothing is missed
            found.setdefault(one.id, []).append(one)
        for one in revisions_in(self._table(deployment), unique):
            known = found.get(one.id)
            if known is None:
                found[one.id] = [one]
            elif all(each.arrival != one.arrival for each in known):
                known.append(one)
        return found

    def keep(self, deployment: str, *, known: bool) -> "Labelled":
        """Keeps those predictions whose truth is known, or those for which it is not."""
        from konan.groundtruth.labelled import Labelled
        from konan.predictions.table import snapshot

        held = self._held.ids(deployment)  # before the table: nothing is missed
        return Labelled(snapshot(self._table(deployment)).files, held, wanted=known)

    def files(self, deployment: str) -> list[str]:
        """Parquet files with all that is known, with the columns of `konan.groundtruth.tables.COLUMNS`."""
        from konan.predictions.table import snapshot

        self.flush()
        return [file.path for file in snapshot(self._table(deployment)).files]

    def counting(self, deployment: str, first: int, last: int) -> "pa.Table":
        """The revisions that count, of all predictions of some days, to join with the prediction log.

        Args:
            deployment: uuid.
            first: first day, days since 1970-01-01 UTC.
            last: last day.

        Returns:
            A table with the columns of `konan.groundtruth.tables.COLUMNS`, in the order of ``id``.
        """
        from konan.groundtruth import tables

        self.flush()
        return tables.counting(self._table(deployment), first, last)

    def flush(self) -> None:
        """Put everything into the tables, and free the journal."""
        with self._flushing:
            sequence = self._held.sequence
            for deployment in self._held.unflushed():
                with self._held.leaving(deployment) as (last, revisions):
                    self._predictions.flusher.append(deployment + SUFFIX, cells_of(revisions), last)
                self._unfollowed.setdefault(deployment, clock.monotonic())
            self._held.expire(clock.now_ns() // 1000)
            parked.write(self._parked, sequence, self._held.parked())
            if self.damage is None:
                reader.free(self._journal, sequence)

    @contextlib.asynccontextmanager
    async def still(self, deployment: str) -> AsyncIterator[None]:
        """Take in nothing of a deployment until the block ends; what was taken in is in its table."""
        async with self._locks.setdefault(deployment, asyncio.Lock()):
            await asyncio.to_thread(self.flush)
            yield

    async def forget_parked(self, deployment: str, is_meant: Callable[[str], bool]) -> int:
        """Forget what waits for some keys; `still` must hold the deployment.

        Args:
            deployment: uuid.
            is_meant: whether a key is one of them.

        Returns:
            How many truths waited for them.
        """
        waiting = self._held.parked().get(deployment, [])
        arrivals = [one.arrival for one in waiting if is_meant(one.key)]
        await self._keep("", deployment, Batch([], [], arrivals), "")
        return len(arrivals)

    async def empty(self) -> None:
        """Put everything into the tables, and leave nothing of it in the journal, damaged or not.

        Raises:
            NotReady: the server is stopping.
            StorageFull: the journal's newest segment is still there; it may be tried again.
            JournalUnavailable: likewise; it does not pass.
        """
        if self._writer is None:
            raise NotReady("The server is stopping.")
        turned: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._writer.turn_over(
            lambda error: turned.set_exception(_told(error)) if error else turned.set_result(None)
        )
        await turned
        self.damage = None
        await asyncio.to_thread(self.flush)

    async def step(self) -> None:
        """Find the predictions that are waited for, have followers of truths told, and flush what is old."""
        for deployment, waiting in self._held.parked().items():
            async with self._locks.setdefault(deployment, asyncio.Lock()):
                since = self._looked.get(deployment, min(one.arrival for one in waiting) // 1000)
                now = clock.now_ns() // 1000
                unpark = self._decider.unpark
                batch = await asyncio.to_thread(unpark, deployment, waiting, since - _SLACK_US)
                await self._keep("", deployment, batch, "")
                self._looked[deployment] = now
        for told, moment in list(self._unfollowed.items()):
            if clock.monotonic() - moment >= _FOLLOWED:
                del self._unfollowed[told]
                await asyncio.to_thread(self._predictions.flusher.follow, told + SUFFIX)
        if self._held.oldest and clock.now_ns() - self._held.oldest >= self._rules.seconds * 1e9:
            await asyncio.to_thread(self.flush)

    @cached_property
    def _decider(self) -> "Decider":
        from konan.groundtruth.deciding import Decider
        from konan.groundtruth.keys import KeyFinder

        log = self._predictions
        keys = KeyFinder(log.directory, log.flusher, self._key_columns)
        return Decider(log.log, keys, log.schemas, self._held, self.history)

    @property
    def _parked(self) -> Path:
        return self._predictions.directory / _PARKED

    def _table(self, deployment: str) -> Path:
        return self._predictions.directory / (deployment + SUFFIX)

    async def _work(self) -> None:
        pause = _PAUSE
        while True:
            await asyncio.sleep(pause)
            began = clock.monotonic()
            try:
                await self.step()
            except Exception:
                logger.exception("ground truth could not be brought up to date")
            pause = max(_PAUSE, _SHARE * (clock.monotonic() - began))

    async def _keep(self, project: str, deployment: str, batch: Batch, key_id: str) -> None:
        """Put a change on disk, then take it in."""
        if not (batch.revisions or batch.parked or batch.unparked):
            return
        if self._writer is None:
            raise NotReady("The server is stopping.")
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def done(error: KonanError | None) -> None:
            if error is None:
                self._sequence += 1
                self._held.take(self._sequence, deployment, batch)
            if not kept.done():
                kept.set_exception(_told(error)) if error else kept.set_result(None)

        payload = await asyncio.to_thread(_payload, project, deployment, batch, key_id)
        self._writer.append(payload, done)
        await kept

    def _replay(self, parked_up_to: int) -> None:
        """Make again what was in memory when the last process ended."""
        flushed: dict[str, int] = {}
        for sequence, entry in self._read():
            name = entry.deployment
            if name not in flushed:
                from konan.predictions.table import LogTable

                flushed[name] = LogTable(self._table(name)).flushed(0)
            batch = _decoder.decode(entry.body)
            waits = sequence > parked_up_to
            left = Batch(
                batch.revisions if sequence > flushed[name] else [],
                batch.parked if waits else [],
                batch.unparked if waits else [],
            )
            self._held.take(sequence, name, left)
            self._arrival = max(self._arrival, *(one.arrival for one in batch.revisions), 0)

    def _read(self) -> Iterator[tuple[int, Entry]]:
        """All records of the journal that are good."""
        reading: reader.Tail | None = reader.Tail(self._journal, 0)
        while reading is not None:
            try:
                yield from reading.read()
                reading = None
            except Damage as damage:
                self._damaged(damage)
                onward = damage.resume
                reading = None if onward is None else reader.Tail(self._journal, onward - 1)

    def _damaged(self, damage: Damage) -> None:
        self.damage = self.damage or damage
        logger.critical("ground truth is damaged", extra={"damage": str(damage)})


def _payload(project: str, deployment: str, batch: Batch, key_id: str) -> bytes:
    return encode(
        Entry(
            at_ns=clock.now_ns(),
            project=project,
            deployment=deployment,
            version=0,
            role="live",
            key_id=key_id,
            request_id=ids.new_uuid(),
            status=200,
            latency_us=0,
            ids=[],
            single=False,
            body=_encode(batch),
            outputs=[],
            kind="truth",
        )
    )


def _told(error: KonanError) -> KonanError:
    """Why nothing was taken, in the words of this place."""
    if isinstance(error, StorageFull):
        return StorageFull("The disk is full; the ground truth was not kept.", retry_after=error.retry_after)
    return JournalUnavailable("Ground truth cannot be written.", hint="The server's log says why.")
