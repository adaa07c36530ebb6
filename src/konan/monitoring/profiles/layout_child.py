"""Lays what is to be counted of versions' rows beside their logs; in its own process, for it needs numpy.

It is run as ``python -m konan.monitoring.profiles.layout_child``: a `Task` on standard input, for each item
whether it is new on standard output, both as MessagePack.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from konan import ending, priority
from konan.errors import KonanError
from konan.packaging.child import Limits, run
from konan.packaging.learn import ENVIRONMENT

_WITHIN = 300.0


class Item(msgspec.Struct, frozen=True):
    """A version whose rows are to be counted.

    Attributes:
        deployment: uuid.
        version: its number.
        reference: `konan.monitoring.reference.reference.Reference` as bytes.
    """

    deployment: str
    version: int
    reference: bytes


class Task(msgspec.Struct, frozen=True):
    """What to lay.

    Attributes:
        directory: where the logs are.
        items: the versions.
    """

    directory: str
    items: tuple[Item, ...]


async def lay(directory: Path, items: Sequence[Item]) -> list[bool]:
    """Lay what is to be counted of versions' rows; for each whether that is new.

    Args:
        directory: where the logs are.
        items: the versions.

    Raises:
        KonanError: it did not work.
        DeadlineExceeded: it took too long.
    """
    done = await run(
        [sys.executable, "-P", "-m", "konan.monitoring.profiles.layout_child"],
        Limits(_WITHIN),
        environment=ENVIRONMENT,
        directory=directory,
        data=msgspec.msgpack.encode(Task(str(directory), tuple(items))),
    )
    if done.status:
        last = (done.talk.strip().splitlines() or [""])[-1].partition(":")[0]
        raise KonanError(f"It could not be noted what is to be counted ({last or done.status}).")
    return msgspec.msgpack.decode(done.output, type=list[bool])


def laid(task: Task) -> list[bool]:
    """The same, in this process."""
    from konan.monitoring.profiles.store import Store
    from konan.monitoring.reference.reference import Reference

    return [
        Store(Path(task.directory) / one.deployment).layouts.put(
            one.version, Reference.from_bytes(one.reference).layout
        )
        for one in task.items
    ]


def main() -> int:
    """Do the task on standard input; returns the exit code."""
    priority.give_way()
    task = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Task)
    sys.stdout.buffer.write(msgspec.msgpack.encode(laid(task)))
    return 0


if __name__ == "__main__":
    ending.at_once(main())
