"""``konan down``: stop the server of a data directory."""

from pathlib import Path

import click

from konan import config
from konan.cli import command as shared
from konan.cli.command import Session
from konan.cli.commands.up import require_server
from konan.cli.shapes import Down


@shared.command("down", examples=("konan down", "konan down --data-dir ./konan-data"))
@click.option(
    "--data-dir", type=click.Path(file_okay=False, path_type=Path), help="Where everything is kept."
)
def command(session: Session, data_dir: Path | None) -> None:
    """Stop the server of the data directory; requests in flight are answered first."""
    require_server()
    from konan import supervisor

    settings, _ = config.load({"data_dir": str(data_dir) if data_dir else None})
    supervisor.down(settings)
    if session.screen.json:
        session.screen.record(Down(stopped=True))
        return
    session.screen.say("The server has stopped.")
