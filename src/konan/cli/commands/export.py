"""``konan export``: files with which other systems know Konan."""

from collections.abc import Mapping
from pathlib import Path

import click

from konan.cli import command as shared
from konan.cli.command import Session
from konan.cli.shapes import Written
from konan.errors import Conflict, Unreachable

_LOCAL = "http://127.0.0.1:8000"


@click.group("export")
def command() -> None:
    """Write files for other systems."""


_FOLDER = click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
_FORCE = click.option("--force", is_flag=True, help="Replace files that are there and differ.")


@shared.command(
    "prometheus", examples=("konan export prometheus monitoring", "konan export prometheus . --force")
)
@_FOLDER
@_FORCE
def prometheus(session: Session, folder: Path, *, force: bool) -> None:
    """Write a configuration of Prometheus and its alert rules to the folder DIR.

    The address is that of the server that --url, KONAN_URL or the local profile names. The key is yours to
    make: konan key create --name prometheus --scope read > DIR/konan.key
    """
    from konan.client.address import find
    from konan.infrastructure import prometheus as files

    try:
        target = find(session.url).url
    except Unreachable:
        target = _LOCAL
    _write(session, folder, files.files(target), force=force)
    session.screen.say(f"It asks {target} with the key in {folder / files.KEY_FILE}, which you make:")
    session.screen.say(f"  konan key create --name prometheus --scope read > {folder / files.KEY_FILE}")


@shared.command("grafana", examples=("konan export grafana monitoring",))
@_FOLDER
@_FORCE
def grafana(session: Session, folder: Path, *, force: bool) -> None:
    """Write a dashboard of Grafana to the folder DIR, to be imported or provisioned."""
    from konan.infrastructure import grafana as files

    _write(session, folder, files.files(), force=force)


def _write(session: Session, folder: Path, files: Mapping[str, str], *, force: bool) -> None:
    """Write files; none is written when one is there that somebody changed."""
    paths = {folder / name: content for name, content in files.items()}
    other = [path for path, content in paths.items() if path.exists() and path.read_text("utf-8") != content]
    if other and not force:
        raise Conflict(f"{other[0]} is there and differs.", hint="Give --force to replace it.")
    for path, content in paths.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    if session.screen.json:
        session.screen.record(Written(files=tuple(map(str, paths))))
        return
    for path in paths:
        session.screen.data(str(path))


command.add_command(prometheus)
command.add_command(grafana)
