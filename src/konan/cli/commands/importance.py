"""``konan importance``: which inputs matter to a version."""

from typing import Any

import click

from konan.cli import command as shared
from konan.cli.command import Session
from konan.cli.commands.explain import MOST, notes
from konan.cli.figures import decimals, figures
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
    which = found.output or "all outputs, averaged"
    rows = "1 row" if found.rows == 1 else f"{found.rows} rows"
    told_of = f"{found.deployment} v{found.version}, {which}"
    screen.data(f"{told_of}: what each input adds or takes away in {rows}, on average")
    for note in notes(found):
        screen.data(f"note  {note}")
    screen.data("")
    told, others = found.features[:MOST], found.features[MOST:]
    sizes = [one.importance for one in told]
    places = decimals(sizes)
    importances = figures([*sizes, sum(one.importance for one in others)], places)
    errors = figures([one.error for one in told], places)
    width = max(len("importance"), *map(len, importances))
    lines = [
        (one.feature, size.rjust(width), error, percent(one.share))
        for one, size, error in zip(told, importances, errors, strict=False)
    ]
    if others:
        share = percent(sum(one.share for one in others))
        lines.append((f"({len(others)} others)", importances[-1].rjust(width), "", share))
    screen.table(("feature", "importance".rjust(width), "error", "share"), lines)
