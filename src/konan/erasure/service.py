"""Takes erasures in and carries them out, one after another; one that was cut off is gone on with.

An erasure is about what was answered before it was asked for. Its steps, each of which can be done again:

1. every gateway begins a new segment of its journal, and keeps its answers;
2. everything that waits goes into the tables, and all older segments are freed;
3. for each deployment, while no ground truth of it is taken in: the person's rows are found and counted, and
   their answers, truths, and at last the rows themselves are removed; then those in files given at deploy;
4. the journal of ground truth begins a new segment, and what nobody can read any more is removed.
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

import msgspec

from konan import clock, ids
from konan.access import secret
from konan.config import Paths
from konan.erasure import journals, subjects
from konan.erasure.subjects import Subject, Wanted
from konan.errors import Invalid, KonanError, NotReady
from konan.groundtruth.groundtruth import GroundTruth
from konan.packaging.erasing import Person
from konan.ports import Store
from konan.predictions.log import Predictions
from konan.records.access import Principal
from konan.records.deployments import Deployment
from konan.records.erasure import Erased, Erasure
from konan.serving.answered import ANSWERS

_SOON, _AGAIN = 0.25, 5.0
_MOST = 1_000_000
logger = logging.getLogger(__name__)


class GivenRows(Protocol):
    """The rows given at deploy (`konan.control.given.GivenRows`)."""

    async def erase(self, deployment: Deployment, person: Person) -> int:
        """Erase a person; returns how many rows of files it were, over all attempts."""
        ...


class Erasures:
    """All erasures of one server; `start` comes when the server can take truths in.

    Args:
        store: the metadata.
        paths: where the server keeps its things.
        predictions: the log.
        truth: ground truth.
        gateways: how many gateways run.
    """

    def __init__(
        self, store: Store, paths: Paths, predictions: Predictions, truth: GroundTruth, gateways: int
    ) -> None:
        self._store = store
        self._paths = paths
        self._predictions = predictions
        self._truth = truth
        self._gateways = gateways
        self._secret = secret.load(paths.secret)
        self._news = asyncio.Event()
        self._given: GivenRows | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, given: GivenRows) -> None:
        """Go on with what is unfinished, in the background, until `close`.

        Args:
            given: the rows given at deploy.
        """
        self._given = given
        self._task = asyncio.create_task(self._work())

    async def close(self) -> None:
        """End; what is unfinished is gone on with at the next start."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def create(self, caller: Principal, value: object, names: Sequence[str]) -> Erasure:
        """Have everything about a person erased that was answered by now.

        Args:
            caller: who asks.
            value: of the subject column; nothing keeps it.
            names: of the deployments; none means all that say whom their rows are about.

        Raises:
            NotFound: a deployment does not exist for the caller.
            Invalid: a deployment does not say whom its rows are about.
        """
        deployments = await asyncio.to_thread(self._deployments, caller, names)
        key = secret.of_project(self._secret, caller.project)
        erasure = Erasure(
            id=ids.new_uuid(),
            project=caller.project,
            deployments=deployments,
            digest=subjects.digest_of(key, value),
            requested_by=caller.key_id,
            created_at=clock.rfc3339(clock.now()),
        )
        await asyncio.to_thread(self._store.add_erasure, caller, erasure)
        self._news.set()
        return erasure

    def _deployments(self, caller: Principal, names: Sequence[str]) -> tuple[str, ...]:
        telling = subjects.columns_of(self._store.platform_versions())
        if names:
            found = [self._store.deployment(caller, name) for name in dict.fromkeys(names)]
        else:
            found = [one for one in self._store.list_deployments(caller, _MOST) if one.uuid in telling]
        silent = [one.name for one in found if one.uuid not in telling]
        if silent or not found:
            which = f"The deployment {silent[0]!r} does not" if silent else "No deployment does"
            raise Invalid(
                f"{which} say whom its rows are about: none of its versions declares a subject or a key.",
                hint="Deploy with --subject COLUMN; older predictions go with --retention-days.",
            )
        return tuple(one.name for one in found)

    async def _work(self) -> None:
        pause = _SOON
        while True:
            self._news.clear()
            try:
                left = await self._round()
            except KonanError as error:
                logger.warning("erasures wait for the database", extra={"reason": error.message})
                left = True
            pause = min(2 * pause, _AGAIN) if left else _SOON
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), pause if left else None)

    async def _round(self) -> bool:
        """Attempt everything that is unfinished; whether anything still is."""
        known = await asyncio.to_thread(self._store.platform_erasures)
        results = [await self._attempt(one) for one in known if one.state in {"pending", "running"}]
        return not all(results)

    async def _attempt(self, erasure: Erasure) -> bool:
        try:
            await self._carry_out(erasure)
        except KonanError as error:
            await self._hindered(erasure.id, error.message)
        except Exception:
            logger.exception("an erasure could not be carried out yet", extra={"erasure": erasure.id})
            await self._hindered(erasure.id, "Something went wrong; the server's log says what.")
        else:
            return True
        return False

    async def _hindered(self, erasure_id: str, why: str) -> None:
        with contextlib.suppress(KonanError):  # a database that does not answer
            known = await asyncio.to_thread(self._store.platform_erasures)
            (now,) = (one for one in known if one.id == erasure_id)
            if now.waits_for != why:
                await self._put(msgspec.structs.replace(now, waits_for=why))

    async def _carry_out(self, erasure: Erasure) -> None:
        running = await self._put(msgspec.structs.replace(erasure, state="running", waits_for=""))
        await journals.turn_over(self._paths, self._gateways)
        shelved = journals.shelf(self._paths)
        await asyncio.to_thread(self._predictions.flusher.empty)
        columns = subjects.columns_of(await asyncio.to_thread(self._store.platform_versions))
        subject = Subject(secret.of_project(self._secret, erasure.project), erasure.digest)
        for one in await asyncio.to_thread(self._store.platform_deployments):
            if one.project == erasure.project and one.name in erasure.deployments:
                wanted = Wanted(
                    deployment=one.uuid,
                    names=columns.get(one.uuid, frozenset()),
                    subject=subject,
                    until=_microseconds(erasure.created_at),
                )
                running = await self._in_deployment(running, one.name, wanted)
                running = await self._in_given(running, one, wanted)
        await self._truth.empty()
        running = await self._remove_aside(running, shelved & journals.shelf(self._paths))
        at = clock.rfc3339(clock.now())
        await self._put(msgspec.structs.replace(running, state="done", finished_at=at))
        logger.info("a person was erased", extra={"erasure": erasure.id})

    async def _in_deployment(self, erasure: Erasure, name: str, wanted: Wanted) -> Erasure:
        from konan.erasure.places import Places

        places = Places(self._predictions.flusher, self._predictions.directory, self._paths.root / ANSWERS)
        async with self._truth.still(wanted.deployment):
            parked = await self._truth.forget_parked(wanted.deployment, wanted.subject.is_meant)
            found = await asyncio.to_thread(places.look, wanted, parked)
            erasure = await self._count(erasure, name, found.erased)
            await asyncio.to_thread(places.empty, wanted, found)
        return erasure

    async def _in_given(self, erasure: Erasure, deployment: Deployment, wanted: Wanted) -> Erasure:
        if self._given is None:
            raise NotReady("The server is starting.")
        at = clock.rfc3339(clock.now())
        person = Person(erasure=erasure.id, at=at, names=wanted.names, is_meant=wanted.subject.is_meant)
        rows = await self._given.erase(deployment, person)
        found = msgspec.structs.replace(erasure.erased[deployment.name], given=rows)
        if found == erasure.erased[deployment.name]:
            return erasure
        return await self._put(
            msgspec.structs.replace(erasure, erased=erasure.erased | {deployment.name: found})
        )

    async def _remove_aside(self, erasure: Erasure, shelved: set[Path]) -> Erasure:
        left = journals.aside(self._paths, shelved)
        erasure = await self._count(
            erasure, "", Erased(aside_bytes=sum(path.stat().st_size for path in left))
        )
        for path in left:
            path.unlink(missing_ok=True)
        return erasure

    async def _count(self, erasure: Erasure, name: str, erased: Erased) -> Erasure:
        """Keep how much it is before it goes; what an attempt that was cut off counted stands."""
        if name in erasure.erased:
            return erasure
        return await self._put(msgspec.structs.replace(erasure, erased=erasure.erased | {name: erased}))

    async def _put(self, erasure: Erasure) -> Erasure:
        await asyncio.to_thread(self._store.platform_put_erasure, erasure)
        return erasure


def _microseconds(at: str) -> int:
    return round(datetime.fromisoformat(at).timestamp() * 1e6)
