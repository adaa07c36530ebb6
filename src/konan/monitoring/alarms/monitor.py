"""Lets alarms look at each window once, when it has ended and is in the tables, and keeps what came of it.

Everything that an alarm knows is in the database, with the end of the last window it has looked at. So a
restart goes on where the last process ended, and a look that was cut off is made again as if never begun.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec.structs import replace

from konan import clock, ids
from konan.errors import Conflict, KonanError, NotReady
from konan.monitoring.alarms import evaluation
from konan.monitoring.alarms import states as alarms
from konan.monitoring.alarms.budget import budget
from konan.monitoring.alarms.evaluation import Looked, Task, Watch
from konan.monitoring.alarms.incidents import Around, Happened, outcome
from konan.monitoring.alarms.notifications import Notifications
from konan.monitoring.profiles.completeness import Settled
from konan.ports import Blobs, Store
from konan.records.access import Principal
from konan.records.alarms import Alarm, AlarmRule, Replay
from konan.records.deployments import Deployment, Version

PAUSE = 15.0
_WITHIN = 600.0
_INCIDENTS = 100
"""So many of a deployment are looked through for one that an alarm belongs to."""

logger = logging.getLogger(__name__)


class AlarmMonitor:
    """All alarms of one server.

    Args:
        store: the metadata.
        blobs: where references are kept.
        directory: where the logs are.
        settled: tells which windows are whole.
        notifications: told of news.
    """

    def __init__(
        self,
        store: Store,
        blobs: Blobs,
        directory: Path,
        settled: Settled,
        notifications: Notifications,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._directory = directory
        self._settled = settled
        self._notifications = notifications
        self._ids = ids.IdSource()  # of one source, so that messages are in the order they were made
        self._changing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look in the background until `close`."""
        self._task = asyncio.create_task(self._work())

    async def close(self) -> None:
        """End; a window that is being looked at is looked at again after the next start."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def ensure_first(self) -> None:
        """Give every deployment the alarms that each has from the start."""
        async with self._changing:
            await asyncio.to_thread(self._add_first)

    async def create(self, caller: Principal, deployment: str, name: str, rule: AlarmRule) -> Alarm:
        """Make an alarm.

        Raises:
            NotFound: the caller sees no such deployment.
            Conflict: it has an alarm of that name.
        """
        alarm = _new(deployment, name, rule, clock.rfc3339(clock.now()), caller.key_id)
        kept = replace(alarm, project=caller.project)
        await asyncio.to_thread(self._store.add_alarm, caller, kept)
        return kept

    async def remove(self, caller: Principal, alarm_id: str) -> Alarm:
        """Remove an alarm that somebody made.

        Raises:
            NotFound: the caller sees no such alarm.
            Conflict: every deployment has it, or it fires.
        """
        async with self._changing:
            alarm = await asyncio.to_thread(self._store.alarm, caller, alarm_id)
            if not alarm.made_by:
                raise Conflict("Every deployment has this alarm.", hint="It can be silenced.")
            if alarm.state == "firing":
                raise Conflict("The alarm fires.", hint="Resolve it first.")
            return await asyncio.to_thread(self._store.remove_alarm, caller, alarm_id)

    async def change(self, caller: Principal, alarm_id: str, act: Callable[[Alarm, str], Alarm]) -> Alarm:
        """Have a person change an alarm.

        Args:
            caller: who.
            alarm_id: which.
            act: the alarm after, from the alarm before and the present as RFC 3339.

        Raises:
            NotFound: the caller sees no such alarm.
            Conflict: it has just changed.
        """
        async with self._changing:
            before = await asyncio.to_thread(self._store.alarm, caller, alarm_id)
            at = clock.rfc3339(clock.now())
            after = act(before, at)
            if after.state != before.state:
                after = replace(after, events=before.events + 1)
            (kept,) = await self._keep([Happened(at, before, after)], {after.id: after}, caller.key_id)
            return kept

    async def replay(
        self, caller: Principal, name: str, rule: AlarmRule, span: tuple[int, int], version: int | None = None
    ) -> Replay:
        """What a rule would have done.

        Args:
            caller: who asks.
            name: of the deployment.
            rule: that is tried.
            span: seconds since 1970-01-01 UTC; windows that are not whole within it are left out, and so are
                those of which rows still wait for their table. If it ends in the future, the window that has
                not ended is looked at too, with the rows that are in their table by now.
            version: number of the version; else the live one.

        Raises:
            NotFound: the caller sees no such deployment or version.
            NotReady: the log is being counted again; or no version is live.
        """
        deployment = await asyncio.to_thread(self._store.deployment, caller, name)
        number = version or deployment.live_version
        if number is None:
            raise NotReady("The deployment has no live version yet.")
        found = await asyncio.to_thread(self._store.version, caller, name, number)
        begin = -(-span[0] // rule.window) * rule.window
        present = int(clock.now().timestamp())
        if span[1] > present:
            end = min(span[1], -(-present // rule.window) * rule.window)
        else:
            end = min(span[1], await asyncio.to_thread(self._settled, deployment.uuid))
        alarm = replace(_new(name, "replay", rule, evaluation.moment(begin), ""), version=number)
        task = await self._task_of(deployment, found, end, [Watch(alarm=alarm, begin=begin)])
        (done,) = await evaluation.look(task, _WITHIN)
        return _replayed(done, begin)

    async def step(self) -> int:
        """Let all alarms look at what has ended since; returns the number of windows."""
        await self.ensure_first()
        versions = await asyncio.to_thread(self._live_versions)
        known = await asyncio.to_thread(self._store.platform_alarms)
        total = 0
        for deployment, version in versions:
            own = [
                one for one in known if (one.project, one.deployment) == (deployment.project, deployment.name)
            ]
            try:
                total += await self._look(deployment, version, own)
            except NotReady:
                await asyncio.to_thread(self._settled.follow, deployment.uuid)
            except Conflict:  # a person was faster; soon again
                logger.info("alarms look again", extra={"deployment": deployment.uuid})
            except Exception:
                logger.exception("alarms could not look", extra={"deployment": deployment.uuid})
        return total

    async def _look(self, deployment: Deployment, version: Version, own: Sequence[Alarm]) -> int:
        own = [
            one if one.version == version.version else await self._renew(one, version.version) for one in own
        ]
        present = int(clock.now().timestamp())
        if not any(_due(one) <= present for one in own):
            return 0
        end = await asyncio.to_thread(self._settled, deployment.uuid)
        due = [Watch(alarm=one, begin=_begin(one)) for one in own if _due(one) <= end]
        if not due:
            return 0
        done = await evaluation.look(await self._task_of(deployment, version, end, due), _WITHIN)
        happened = [Happened(*msgspec.structs.astuple(step)) for one in done for step in one.steps]
        async with self._changing:
            await self._keep(
                sorted(happened, key=lambda one: one.at), {one.alarm.id: one.alarm for one in done}
            )
        return sum(one.windows for one in done)

    async def _renew(self, alarm: Alarm, version: int) -> Alarm:
        """Have an alarm watch the version that is live now."""
        at = clock.rfc3339(clock.now())
        after = alarms.renewed(alarm, version, at)
        if after.state != alarm.state:
            after = replace(after, events=alarm.events + 1)
        async with self._changing:
            (kept,) = await self._keep([Happened(at, alarm, after)], {after.id: after})
        return kept

    async def _task_of(
        self, deployment: Deployment, version: Version, end: int, watches: Sequence[Watch]
    ) -> Task:
        digest = version.reference.profile
        return Task(
            directory=str(self._directory),
            deployment=deployment.uuid,
            version=version.version,
            reference=await asyncio.to_thread(self._blobs.read, digest) if digest else b"",
            end=end,
            watches=tuple(watches),
            output=version.schema.output if version.schema else None,
        )

    async def _keep(
        self, happened: Sequence[Happened], finals: Mapping[str, Alarm], by: str = ""
    ) -> tuple[Alarm, ...]:
        """Keep changes of alarms of one deployment; returns the alarms as they are then."""
        first = next(iter(finals.values()))
        receivers = await asyncio.to_thread(self._store.platform_receivers)
        platform = _platform(first.project)
        around = Around(
            incidents=await asyncio.to_thread(
                self._store.list_incidents, platform, _INCIDENTS, deployment=first.deployment
            ),
            receivers=[one for one in receivers if one.project == first.project],
            now=clock.rfc3339(clock.now()),
            new_id=lambda: self._ids.take()[0],
            by=by,
        )
        made = outcome(happened, finals, around)
        await asyncio.to_thread(
            self._store.platform_keep, made.alarms, made.events, made.incidents, made.deliveries
        )
        if made.deliveries:
            self._notifications.hurry()
        return tuple(replace(one, revision=one.revision + 1) for one in made.alarms)

    def _live_versions(self) -> list[tuple[Deployment, Version]]:
        return [
            (deployment, version)
            for deployment, version in self._store.platform_versions()
            if version.version == deployment.live_version
        ]

    def _add_first(self) -> None:
        known = {(one.project, one.deployment) for one in self._store.platform_alarms()}
        at = clock.rfc3339(clock.now())
        for deployment in self._store.platform_deployments():
            if (deployment.project, deployment.name) not in known:
                platform = _platform(deployment.project)
                for name, rule in alarms.first_alarms():
                    with contextlib.suppress(Conflict):
                        self._store.add_alarm(platform, _new(deployment.name, name, rule, at, ""))

    async def _work(self) -> None:
        while True:
            try:
                await self.step()
            except KonanError as error:
                logger.warning("alarms wait for the database", extra={"reason": error.message})
            except Exception:
                logger.exception("alarms could not look")
            await asyncio.sleep(PAUSE)


def shown(alarm: Alarm) -> Alarm:
    """An alarm as people are shown it: with its budget, without what its detectors remember."""
    return replace(alarm, memory={}, budget=budget(alarm.rule, alarm.looks))


def _platform(project: str) -> Principal:
    return Principal(project=project, key_id="", scopes=frozenset({"admin"}))


def _new(deployment: str, name: str, rule: AlarmRule, at: str, by: str) -> Alarm:
    return Alarm(
        id=ids.new_uuid(),
        project="",
        deployment=deployment,
        name=name,
        rule=rule,
        created_at=at,
        made_by=by,
        since=at,
        why="It has not looked at any window yet.",
    )


def _due(alarm: Alarm) -> int:
    """When an alarm may look at its next window."""
    return _begin(alarm) + alarm.rule.window + alarm.rule.wait


def _begin(alarm: Alarm) -> int:
    """End of the last window that an alarm has looked at, else the start of the window it was made in."""
    if alarm.until is not None:
        return int(datetime.fromisoformat(alarm.until).timestamp())
    made = int(datetime.fromisoformat(alarm.created_at).timestamp())
    return made // alarm.rule.window * alarm.rule.window


def _replayed(done: Looked, begin: int) -> Replay:
    alarm = done.alarm
    return Replay(
        deployment=alarm.deployment,
        rule=alarm.rule,
        start=evaluation.moment(begin) if done.windows else None,
        end=alarm.until,
        windows=done.windows,
        events=tuple(
            event
            for step in done.steps
            if (event := alarms.event_of(step.before, step.after, step.at)) is not None
        ),
        state=alarm.state,
        why=alarm.why,
        grounds=alarm.grounds,
        budget=budget(alarm.rule, alarm.looks),
    )
