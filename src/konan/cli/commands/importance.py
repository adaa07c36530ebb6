"""``konan importance``: which inputs matter to a version."""

from typing import Any

import click

from konan.cli import command as shared
from konan.cli.command import Session
from konan.cli.screen import Screen
from konan.cli.windowing import percent
from konan.records.explanations import Importance


@shared.command(
    "importance",
    examples=("konan importance bikes", "konan importance bikes --version 2 --rows 200 --json"),
)
@click.argument("name")
@click.option("--version", type=click.IntRange(min=1), help="Number of a version; else the live one.")
@click.option("--output", metavar="WHICH", help="A class, or the name of a value; else all, averaged.")
@click.option("--rows", type=click.IntRange(1, 1000), help="How many rows are explained; else 100.")
@click.option(
    "--evaluations",
    type=click.IntRange(100, 1_000_000),
    help="About how many rows the model may be asked; else 100,000.",
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="Of what is drawn; else 0.")
def command(session: Session, name: str, **options: Any) -> None:
    """Show which inputs matter to a version of the deployment NAME.

    An input's importance is what it adds to an answer or takes away, on average over rows like those that the
    version was fitted on (mean absolute Shapley value), in the unit of the answer.
    """
    with session.client() as client, session.screen.waiting("Asking the model"):
        found = client.explanations.importance(name, **options)
    if session.screen.json:
        session.screen.record(found)
        return
    show(session.screen, found)


def show(screen: Screen, found: Importance) -> None:
    """Write importances for a person."""
    which = f", {found.output}" if found.output else ""
    screen.data(
        f"{found.deployment} v{found.version}{which}: {found.rows} rows against {found.background_rows} "
        f"({found.background}, {found.method})"
    )
    for note in found.notes:
        screen.data(f"note      {note}")
    screen.data("")
    screen.table(
        ("feature", "importance", "error", "share"),
        [
            (one.feature, f"{one.importance:.4g}", f"{one.error:.2g}", percent(one.share))
            for one in found.features
        ],
    )
