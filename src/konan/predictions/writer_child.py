"""The process that changes the tables: started when there is something to do, gone when there is not.

Arrow and the Delta library, and what they leave in memory, stay in here; so does the work, which would hold
up the control plane. It gives way to gateways and workers unless it is told not to.
"""

import argparse
import fcntl
import logging
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from konan import logs, priority
from konan.predictions.following import Follower
from konan.predictions.orders import Append, Ask, Carried, Commit, Failed, Known, Line, Order, Tidy
from konan.predictions.schemas import Schemas
from konan.predictions.shelf import Done
from konan.predictions.writing import TableWriter
from konan.records.schema import Schema
from konan.worker import kernel

Following = Callable[[Path, Schemas], Follower]
"""Makes a follower of tables, from where the logs are and what versions take."""

logger = logging.getLogger(__name__)


def main(arguments: list[str], following: Following | None = None) -> int:
    """Carry out orders until nobody gives any.

    Args:
        arguments: as `konan.predictions.apart` gives them.
        following: makes who is told of each change; None if nobody is.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="konan.predictions.writer_child")
    parser.add_argument("directory", type=Path)
    for name in ("--rows", "--line", "--lock", "--nice"):
        parser.add_argument(name, type=int, required=True)
    parser.add_argument("--log-level", required=True)
    parser.add_argument("--log-format", default="json")
    given = parser.parse_args(arguments)
    kernel.die_with_parent()
    logs.start(given.log_level, "writer", form=given.log_format)
    if given.nice:
        priority.give_way(nice=given.nice)
    fcntl.flock(given.lock, fcntl.LOCK_EX)
    line = Line(socket.socket(fileno=given.line))
    schemas = _Schemas(line)
    follower = following(given.directory, schemas) if following else None
    writer = TableWriter(given.directory, schemas, given.rows, follower)
    while True:
        try:
            order = line.receive()
        except EOFError:
            return 0
        if isinstance(order, Commit | Append | Tidy):
            line.send(_carried_out(writer, order))


def _carried_out(writer: TableWriter, order: Order) -> Carried | Failed:
    try:
        if isinstance(order, Commit):
            return Carried(writer.commit(order.log, order.places))
        if isinstance(order, Append):
            writer.append(order.log, order.rows, order.sequence)
        else:
            writer.tidy(order.log, order.days)
    except Exception as error:
        logger.exception("a table could not be changed", extra={"log": order.log})
        return Failed(repr(error))
    return Carried(Done(0, 0, {}))


class _Schemas:
    """Asks for what it does not know."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._known: dict[tuple[str, int], Schema] = {}

    def __call__(self, deployment: str, version: int) -> Schema | None:
        found = self._known.get((deployment, version))
        if found is None:
            self._line.send(Ask(deployment, version))
            answer = self._line.receive()
            if isinstance(answer, Known) and answer.schema is not None:
                found = self._known[deployment, version] = answer.schema
        return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
