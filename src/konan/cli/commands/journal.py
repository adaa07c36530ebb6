"""``konan journal``: is every record of every answer as it was written."""

from pathlib import Path

import click

from konan import config
from konan.cli import command as shared
from konan.cli.command import Session
from konan.cli.shapes import JournalVerified
from konan.errors import NotFound


@click.group("journal")
def command() -> None:
    """Look after the journal of predictions."""


@shared.command(
    "verify",
    examples=("konan journal verify", "konan journal verify --data-dir /srv/konan --json"),
)
@click.option(
    "--data-dir", type=click.Path(file_okay=False, path_type=Path), help="Where everything is kept."
)
def verify(session: Session, data_dir: Path | None) -> int:
    """Read every byte that was written and name whatever is broken, missing or doubtful.

    Looks at the journals of all gateways, at that of ground truth, at the shelf, where predictions wait that
    are in no table yet, and at the truths that wait for their predictions.
    Reads the files of this machine; a server may be running. Exits 1 when something that was on disk is
    broken or missing. Doubtful bytes, behind the last good record, are told but are no failure: they are
    what a power cut leaves of a write that was never answered.
    """
    from konan.groundtruth import parked
    from konan.journal.verify import verify as look
    from konan.predictions import shelf

    settings, _ = config.load({"data_dir": str(data_dir) if data_dir else None})
    paths = config.paths(settings)
    directory = paths.journal
    if not directory.is_dir():
        raise NotFound(f"There is no journal in {directory.parent}.", hint="Name the folder with --data-dir.")
    reports = [look(each) for each in sorted(directory.iterdir()) if each.is_dir()]
    if (paths.predictions / shelf.NAME).is_dir():
        reports.append(shelf.verify(paths.predictions / shelf.NAME))
    reports.append(parked.verify(paths.predictions))
    damaged = any(report.damaged for report in reports)
    if session.screen.json:
        session.screen.record(JournalVerified(ok=not damaged, journals=tuple(reports)))
        return int(damaged)
    for report in reports:
        for found in report.findings:
            place = f"{report.journal}/{found.file}, byte {found.offset}"
            session.screen.data(f"{found.kind}: {place}: {found.what}")
        held = f"{report.records} records in {report.segments} segments"
        session.screen.say(f"journal {report.journal}: {held}, {'damaged' if report.damaged else 'good'}")
    return int(damaged)


command.add_command(verify)
