"""``konan report``: what is known of a deployment, as one file that anybody can open."""

import sys
from pathlib import Path

import click

from konan.cli import command as shared
from konan.cli.command import Session
from konan.cli.shapes import Reported
from konan.errors import StorageFull, Usage


@shared.command(
    "report",
    examples=(
        "konan report bikes",
        "konan report bikes --from 2026-11-01T00:00:00Z --output november.html",
        "konan report bikes --version 2 --output - > two.html",
    ),
)
@click.argument("name")
@click.option(
    "--from", "since", metavar="TIME", help="Earliest hour; else the start of the day six days ago."
)
@click.option("--to", "until", metavar="TIME", help="The time before which everything lies; else now.")
@click.option("--version", type=click.IntRange(min=1), help="Number of a version; else the live one.")
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="Where it goes, - for standard output; else NAME-report.html here.",
)
def command(
    session: Session,
    name: str,
    since: str | None,
    until: str | None,
    version: int | None,
    output: Path | None,
) -> None:
    """Write traffic, drift, quality, performance and alarms of the deployment NAME to one HTML file.

    The file has its charts inside, is light or dark as its reader likes, prints well, and asks for nothing:
    no network, no script. It shows shares of feature values; who may read the deployment may see it.
    """
    if str(output) == "-" and session.screen.json:
        raise Usage("Standard output has the report; it cannot have JSON as well.", hint="Name a file.")
    with session.client() as client, session.screen.waiting("Making the report"):
        page = client.report(name, since, until, version)
    if str(output) == "-":
        sys.stdout.buffer.write(page)
        return
    file = output or Path(f"{name}-report.html")
    _write(file, page)
    if session.screen.json:
        session.screen.record(Reported(deployment=name, file=str(file), bytes=len(page)))
        return
    session.screen.data(str(file))
    session.screen.say(f"{len(page) / 1000:.0f} kB; open it in any browser.")


def _write(file: Path, page: bytes) -> None:
    try:
        file.write_bytes(page)
    except FileNotFoundError:
        raise Usage(f"There is no folder {file.parent}.") from None
    except PermissionError:
        raise Usage(f"{file} cannot be written.") from None
    except OSError as error:
        raise StorageFull(f"{file} cannot be written.", hint="Make room on the disk.") from error
