"""``konan metric``: metrics that people wrote in Python."""

import sys
from pathlib import Path
from typing import Literal

import click

from konan.cli import command as shared
from konan.cli.command import Session
from konan.cli.shapes import Metrics
from konan.errors import Usage
from konan.records.measures import LONGEST_CODE


@click.group("metric")
def command() -> None:
    """Measure what Konan does not; a metric is a Python file that defines ``metric(rows)``."""


@shared.command(
    "create",
    examples=("konan metric create churn regret regret.py --better lower",),
)
@click.argument("deployment")
@click.argument("name")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@click.option(
    "--better", type=click.Choice(["higher", "lower"]), default="higher", help="Which values are better."
)
def create(
    session: Session, deployment: str, name: str, file: str, better: Literal["higher", "lower"]
) -> None:
    """Make the program in FILE (- reads it) a metric NAME of DEPLOYMENT; it runs in a sandbox.

    Its function ``metric(rows)`` gets rows whose truth is known as columns of numpy: rows.truth, rows.answer,
    rows.probabilities[CLASS] and rows.features[NAME]. It gives a number, or one for each row.
    """
    code = sys.stdin.read() if file == "-" else _read(Path(file))
    if not 0 < len(code) <= LONGEST_CODE:
        raise Usage(f"The program is empty, or longer than {LONGEST_CODE:,} characters.")
    with session.client() as client:
        made = client.measures.create(deployment, name, code, better)
    if session.screen.json:
        session.screen.record(made)
        return
    session.screen.say(f"`konan performance {deployment} --metric {made.name}` shows it.")


@shared.command("list", examples=("konan metric list churn",))
@click.argument("deployment")
def list_metrics(session: Session, deployment: str) -> None:
    """List the metrics that people wrote for DEPLOYMENT."""
    with session.client() as client:
        found = client.measures.list(deployment)
    if session.screen.json:
        session.screen.record(Metrics(metrics=tuple(found)))
        return
    rows = [(one.name, one.better, one.created_at[:16].replace("T", " "), one.made_by) for one in found]
    session.screen.table(("name", "better", "made", "by"), rows)


@shared.command("delete", examples=("konan metric delete churn regret --yes",))
@click.argument("deployment")
@click.argument("name")
def delete(session: Session, deployment: str, name: str) -> None:
    """Remove the metric NAME of DEPLOYMENT."""
    if not session.confirm(f"Remove the metric {name} of {deployment}?"):
        raise click.Abort
    with session.client() as client:
        removed = client.measures.remove(deployment, name)
    if session.screen.json:
        session.screen.record(removed)
    else:
        session.screen.say(f"The metric {name} is removed.")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Usage(f"{path} cannot be read as text: {error}.") from None


for each in (create, list_metrics, delete):
    command.add_command(each)
