"""``konan deploy``: a model file becomes a version that answers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from konan.cli import command as shared
from konan.cli.command import Session
from konan.cli.shapes import Deployed
from konan.records.deployments import Version

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@shared.command(
    "deploy",
    examples=(
        "konan deploy bikes model.joblib --data train.csv --target count",
        "konan deploy bikes model.joblib --data train.csv --target count --holdout later.csv",
        "konan deploy greeter greeter.py --class Greeter --data rows.jsonl",
    ),
)
@click.argument("name")
@click.argument("model", type=click.Path(exists=True, path_type=Path))
@click.option("--data", type=_FILE, help="Rows the model was fitted on (CSV, Parquet, JSON lines).")
@click.option("--target", metavar="COLUMN", help="Column of the data with the true value.")
@click.option("--holdout", type=_FILE, help="Rows the model was not fitted on, with the target.")
@click.option(
    "--expected", type=_FILE, help="The model's outputs for the first rows of --data, as JSON lines."
)
@click.option(
    "--key", metavar="COLUMN", help="Column with your own business key: logged, not given to the model."
)
@click.option("--subject", metavar="COLUMN", help="Column with the person a row is about.")
@click.option(
    "--segment", "segments", metavar="COLUMN", multiple=True, help="Column with slices; may repeat."
)
@click.option(
    "--mask", metavar="COLUMN", multiple=True, help="The log says only that there was a value; may repeat."
)
@click.option(
    "--hash",
    metavar="COLUMN",
    multiple=True,
    help="The log has a keyed hash of each value, by which it is still found; may repeat.",
)
@click.option("--drop", metavar="COLUMN", multiple=True, help="The log never has it; may repeat.")
@click.option(
    "--keep",
    metavar="COLUMN",
    multiple=True,
    help="Log it again though an earlier version hid it; may repeat.",
)
@click.option(
    "--retention-days",
    type=click.IntRange(0, 36_500),
    metavar="N",
    help="Days that rows of the deployment are kept while this version is live; 0 is for ever.",
)
@click.option(
    "--requirements", type=_FILE, help="Pinned requirements; else those found by reading the model."
)
@click.option("--class", "class_name", metavar="NAME", help="Class with load and predict in a Python file.")
@click.option(
    "--rollout",
    type=click.Choice(["instant", "shadow", "canary", "split"]),
    default="instant",
    show_default=True,
    help="How the version takes traffic.",
)
@click.option(
    "--durability",
    type=click.Choice(["durable", "buffered"]),
    default="durable",
    show_default=True,
    help="What an answer promises: its record is on disk, or only outlives the process.",
)
@click.option("--no-wait", is_flag=True, help="Return once the upload is in, while the version is building.")
def command(
    session: Session,
    name: str,
    model: Path,
    *,
    no_wait: bool,
    class_name: str | None,
    **given: Any,
) -> None:
    """Make MODEL a new version of the deployment NAME, and wait until it is live.

    The first version makes the deployment. A version that fails its certificate never takes traffic: the
    command says why and exits 7.

    What --mask, --hash and --drop say counts for later versions too, until one says --keep, and so does
    --retention-days; else the setting retention_days counts.
    """
    options = {key: value for key, value in given.items() if value or value == 0}
    if class_name:
        options["options"] = {"class": class_name}
    with session.client() as client, session.screen.waiting("Packing") as tell:
        progress = _Progress(session, tell)
        try:
            made = client.deploy(name, model, wait=not no_wait, progress=progress, **options)
        except KeyboardInterrupt:
            progress.interrupted()
            raise
        deployment = client.deployment(name)
    url = f"{client.url}/v1/deployments/{name}/predict"
    for warning in made.warnings:
        session.screen.say(f"note: {warning}")
    if session.screen.json:
        session.screen.record(
            Deployed(
                deployment=name,
                uuid=deployment.uuid,
                version=made.version,
                version_uuid=made.uuid,
                state=made.state,
                url=url,
            )
        )
        return
    session.screen.say(f"Version {made.version} of {name} is {made.state}.")
    session.screen.data(url)


class _Progress:
    """Tells how far a version is, and that it goes on when nobody waits any more."""

    def __init__(self, session: Session, tell: Callable[[str], None]) -> None:
        self._screen = session.screen
        self._tell = tell
        self._version: Version | None = None

    def __call__(self, version: Version) -> None:
        """Tell the step that a version is at."""
        self._version = version
        doing = f": {version.step}" if version.step and version.state == "building" else ""
        self._tell(f"Version {version.version} is {version.state}{doing}")

    def interrupted(self) -> None:
        """Tell what becomes of the version."""
        if self._version is not None:
            name, number = self._version.deployment, self._version.version
            self._screen.say(
                f"The server goes on with version {number}; `konan version show {name} {number}` tells how."
            )
