"""``konan up``: start the server of a data directory."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from konan import config
from konan.cli import command as shared
from konan.cli.command import Session
from konan.cli.shapes import Up
from konan.errors import MissingExtra

if TYPE_CHECKING:
    from konan.supervisor import Report

_NEEDED = ("uvloop", "litestar", "uvicorn", "sqlalchemy", "numpy", "uv")


@shared.command(
    "up",
    examples=("konan up", "konan up --port 0 --data-dir ./konan-data --detach", "konan up --detach --json"),
)
@click.option("--port", type=click.IntRange(0, 65535), help="TCP port; 0 takes a free one.")
@click.option("--host", help="Address to listen on; only loopback until TLS is set up.")
@click.option(
    "--data-dir", type=click.Path(file_okay=False, path_type=Path), help="Where everything is kept."
)
@click.option("--detach", is_flag=True, help="Return once it serves and leave it in the background.")
@click.option(
    "--unsafe-models", is_flag=True, default=None, help="Run models without a sandbox where there is none."
)
def command(session: Session, *, detach: bool, **flags: Any) -> int:
    """Start the server and keep it running until Ctrl-C.

    The first start makes a key with every scope and writes it to the local profile, which only you can read;
    later commands find the server and the key there.
    """
    require_server()
    from konan import supervisor

    given = {name: str(value) if isinstance(value, Path) else value for name, value in flags.items()}
    settings, _ = config.load(given)
    return supervisor.run(settings, lambda report: _announce(session, report, detach=detach), detach=detach)


def require_server() -> None:
    """Check that the packages of the server are installed.

    Raises:
        MissingExtra: one is not.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise MissingExtra(
            f"The server needs {missing[0]}, which is not installed.",
            hint="pip install 'konan-mlops[server]'",
        )


def _announce(session: Session, report: "Report", *, detach: bool) -> None:
    if session.screen.json:
        session.screen.record(Up(url=report.url, profile=report.profile, detached=detach))
        session.screen.flush()
    if report.code:
        session.screen.say("Predictions are served, but the control plane does not start; it is tried again.")
        session.screen.say(f"{report.message} {report.hint}".strip())
    if report.note:
        session.screen.say(report.note)
    if session.screen.json:
        return
    session.screen.say(f"Konan serves at {report.url}")
    if not report.note:
        session.screen.say(f"Its key is in {report.profile}; other commands find it there.")
    session.screen.say("Deploy a model:  konan deploy NAME model.joblib --data train.csv --target COLUMN")
    session.screen.say("Stop it with `konan down`." if detach else "Stop it with Ctrl-C.")
