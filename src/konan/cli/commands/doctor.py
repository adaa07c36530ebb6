"""``konan doctor``: check this machine and the server, and say what to do."""

from pathlib import Path

import click

from konan import config
from konan.cli import command as shared
from konan.cli.checks import all_checks
from konan.cli.command import Session
from konan.cli.shapes import Doctor


@shared.command("doctor", examples=("konan doctor", "konan doctor --json"))
@click.option(
    "--data-dir", type=click.Path(file_okay=False, path_type=Path), help="Where everything is kept."
)
def command(session: Session, data_dir: Path | None) -> int:
    """Check Python, the sandbox, the data directory, the disk, the port and the server.

    Every check tries the real thing. Exits 1 when one fails; a warning is no failure.
    """
    settings, _ = config.load({"data_dir": str(data_dir) if data_dir else None})
    found = [check() for check in all_checks(session, settings)]
    failed = any(check.state == "fail" for check in found)
    if session.screen.json:
        session.screen.record(Doctor(ok=not failed, checks=tuple(found)))
        return int(failed)
    for check in found:
        session.screen.data(f"{check.state:4}  {check.name}: {check.detail}")
        if check.advice:
            session.screen.data(f"      {check.advice}")
    return int(failed)
