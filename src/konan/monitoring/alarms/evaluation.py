"""Lets alarms look at the windows that have ended, in a process of its own.

Profiles need numpy and Arrow, and windows end but once an hour; so `look` runs this module as a child
(``python -m konan.monitoring.alarms.evaluation``: a `Task` on standard input, `Looked` on standard output,
both as
MessagePack), and control stays small. Live windows and replays come here alike; nothing tells them apart.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from konan import clock, ending, priority
from konan.errors import KonanError, NotReady, by_code
from konan.monitoring.alarms import states as alarms
from konan.packaging.child import Limits, run
from konan.packaging.learn import ENVIRONMENT
from konan.predictions.flusher import REJECTED
from konan.records.alarms import Alarm
from konan.records.schema import Output

if TYPE_CHECKING:
    from konan.monitoring.profiles.windows import Windows
    from konan.monitoring.reference.reference import Reference

_MEMORY = 8 * 1024**3
MOST = 5_000
"""Windows that an alarm looks at in one task; what is left waits for the next."""


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm that is to look.

    Attributes:
        alarm: as it stands.
        begin: end of the last window it has looked at, or start of its first; seconds since 1970-01-01 UTC.
    """

    alarm: Alarm
    begin: int


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What to look at.

    Attributes:
        directory: where the logs are.
        deployment: uuid.
        version: number of the version that is watched.
        reference: `konan.monitoring.reference.reference.Reference` as bytes; empty while there is none.
        end: windows that end later are left alone; seconds since 1970-01-01 UTC.
        watches: the alarms.
        output: what the version answers; None if it is not known.
    """

    directory: str
    deployment: str
    version: int
    reference: bytes
    end: int
    watches: tuple[Watch, ...]
    output: Output | None = None


class Step(msgspec.Struct, frozen=True):
    """An alarm after a window that changed its state.

    Attributes:
        at: end of the window, RFC 3339.
        before: the alarm.
        after: the alarm; neither with its memory.
    """

    at: str
    before: Alarm
    after: Alarm


class Looked(msgspec.Struct, frozen=True):
    """What became of one alarm.

    Attributes:
        alarm: after its last window.
        steps: windows that changed its state, oldest first.
        windows: it looked at.
    """

    alarm: Alarm
    steps: tuple[Step, ...]
    windows: int


class _Failed(msgspec.Struct, frozen=True, tag=True):
    code: str
    message: str


class _Done(msgspec.Struct, frozen=True, tag=True):
    looked: tuple[Looked, ...]


_answers: msgspec.msgpack.Decoder[_Failed | _Done] = msgspec.msgpack.Decoder(_Failed | _Done)


async def look(task: Task, within: float) -> tuple[Looked, ...]:
    """What becomes of the alarms of a task, in their order.

    Args:
        task: what to look at.
        within: seconds it may take.

    Raises:
        KonanError: it did not work, as told.
        DeadlineExceeded: it took too long.
    """
    done = await run(
        [sys.executable, "-P", "-m", "konan.monitoring.alarms.evaluation"],
        Limits(within, memory=_MEMORY),
        environment=ENVIRONMENT,
        directory=Path(task.directory),
        data=msgspec.msgpack.encode(task),
    )
    if done.status:
        error = KonanError("Alarms could not look at the log; the server's log says why.")
        error.add_note(done.talk)
        raise error
    said = _answers.decode(done.output)
    if isinstance(said, _Failed):
        raise by_code()[said.code](said.message)
    return said.looked


def looked(task: Task) -> tuple[Looked, ...]:
    """The same, in this process.

    Raises:
        NotReady: the log is being counted again.
    """
    from konan.monitoring.profiles.windows import Windows
    from konan.monitoring.reference.reference import Reference

    profiles = Windows(Path(task.directory))
    if not all(map(profiles.is_complete, (task.deployment, task.deployment + REJECTED))):
        raise NotReady("The log is being counted.")
    reference = Reference.from_bytes(task.reference) if task.reference else None
    layout = profiles.layout(task.deployment, task.version)
    if reference is not None and layout.digest != reference.layout.digest:
        raise NotReady("The log is being counted again.")
    return tuple(_one(task, watch, profiles, reference) for watch in task.watches)


def _one(task: Task, watch: Watch, profiles: "Windows", reference: "Reference | None") -> Looked:
    from konan.monitoring.alarms.rules import judge
    from konan.monitoring.alarms.windows import windows, with_truths
    from konan.monitoring.performance.shape import Shape
    from konan.monitoring.performance.windows import PerformanceWindows

    rule, alarm = watch.alarm.rule, watch.alarm
    count = min(max(task.end - rule.wait - watch.begin, 0) // rule.window, MOST)
    if not count:
        return Looked(alarm, (), 0)
    span = watch.begin, watch.begin + count * rule.window
    own = judge(rule, reference)
    steps = list[Step]()
    found = windows(profiles, task.deployment, task.version, span, rule.window, rule.segment)
    if rule.kind == "performance":
        read = PerformanceWindows(Path(task.directory))
        found = with_truths(read, task.deployment, task.version, found, (rule, Shape.of(task.output)))
    for seen in found:
        at = moment(seen.end)
        after = alarms.looked(alarm, own.look(alarm.memory, seen), at)
        if after.state != alarm.state:
            after = replace(after, events=alarm.events + 1)
            steps.append(Step(at, replace(alarm, memory={}), replace(after, memory={})))
        alarm = after
    return Looked(alarm, tuple(steps), count)


def moment(seconds: int) -> str:
    """A moment as RFC 3339.

    >>> moment(0)
    '1970-01-01T00:00:00.000000Z'
    """
    return clock.rfc3339(datetime.fromtimestamp(seconds, UTC))


def main() -> int:
    """Do the task on standard input; returns the exit code."""
    priority.give_way()
    task = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Task)
    said: _Failed | _Done
    try:
        said = _Done(looked(task))
    except KonanError as error:
        said = _Failed(error.code, error.message)
    sys.stdout.buffer.write(msgspec.msgpack.encode(said))
    return 0


if __name__ == "__main__":
    ending.at_once(main())
