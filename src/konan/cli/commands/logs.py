"""``konan logs``: what a model wrote to its standard output and error."""

import re
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from konan import clock
from konan.cli import command as shared
from konan.cli.command import Session
from konan.errors import Usage
from konan.records.logs import LEVELS, LogLine

if TYPE_CHECKING:
    from konan.client import Client, Log

_AGO = re.compile(r"([1-9][0-9]{0,4})([smhd])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_PAUSE = 1.0
_MOST = 10_000


@shared.command(
    "logs",
    examples=(
        "konan logs bikes",
        "konan logs bikes --version 2 --lines 20",
        "konan logs bikes --grep city --since 2h --level error",
        "konan logs bikes --follow",
    ),
)
@click.argument("name")
@click.option("--version", type=click.IntRange(min=1), help="Number of a version other than the live one.")
@click.option("--lines", type=click.IntRange(min=1), help="How many of the newest lines.")
@click.option("--grep", metavar="TEXT", help="Only lines with this text, in any case of letters.")
@click.option("--since", metavar="TIME", help="Only newer lines: a time, or as 15m, 2h or 1d.")
@click.option("--level", type=click.Choice(LEVELS), help="Only lines that are at least so severe.")
@click.option("--times", is_flag=True, help="Show when each line came, and its level.")
@click.option("--follow", is_flag=True, help="Go on with lines as they come, until Ctrl-C.")
def command(session: Session, name: str, *, times: bool, follow: bool, **asked: Any) -> None:
    """Show the newest lines that the model of the deployment NAME wrote, oldest first.

    The level is what a line says itself: a word as ERROR, JSON with a level, or a traceback.
    """
    screen = session.screen
    if follow and screen.json:
        raise Usage("What is followed never ends, so it is no JSON.", hint="Leave out --json or --follow.")
    asked["since"] = _since(asked["since"])
    with session.client() as client:
        log = client.logs(name, **asked)
        if screen.json:
            screen.record(log)
            return
        for line in log.entries:
            screen.data(shown(line, times=times))
        if not log.entries and not follow:
            screen.say(f"Version {log.version} of {name} has written nothing of that.")
        if follow:
            for line in _followed(client, name, log, asked):
                screen.data(shown(line, times=times))
                screen.flush()


def shown(line: LogLine, *, times: bool) -> str:
    """A line as it is written.

    >>> shown(LogLine(at="2026-11-23T08:00:00.000000Z", level="error", text="Odd: y"), times=True)
    '2026-11-23T08:00:00.000000Z error   Odd: y'
    """
    return f"{line.at or '-':27} {line.level:7} {line.text}" if times else line.text


def _followed(client: "Client", name: str, log: "Log", asked: dict[str, Any]) -> Iterator[LogLine]:
    """Lines as they come; of one version, also when another becomes live."""
    last = max((line.at for line in log.entries if line.at), default=clock.rfc3339(clock.now()))
    wanted = {**asked, "version": log.version, "lines": _MOST}
    while True:
        time.sleep(_PAUSE)
        found = client.logs(name, **{**wanted, "since": last}).entries
        yield from (line for line in found if line.at is not None and line.at > last)
        last = max((line.at for line in found if line.at), default=last)


def _since(text: str | None) -> str | None:
    """A time, also of one so long ago."""
    ago = _AGO.fullmatch(text or "")
    if ago is None:
        return text
    return clock.rfc3339(clock.now() - timedelta(**{_UNITS[ago[2]]: int(ago[1])}))
