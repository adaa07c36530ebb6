"""``konan explain``: why a prediction, or a row, is answered as it is."""

from typing import Any

import click
import msgspec

from konan.cli import command as shared
from konan.cli.command import Session
from konan.cli.figures import decimals, figures
from konan.cli.screen import Screen
from konan.errors import Usage
from konan.records.explanations import Explained, Explanation

_LONGEST = 40
MOST = 20
"""Inputs that are shown; the others are added up. ``--json`` has all."""

_SOURCES = {
    "holdout": "of the holdout",
    "data": "of the data",
    "log": "of the log",
    "given": "that were given",
}


@shared.command(
    "explain",
    examples=(
        "konan explain 019ab0a6-8b1c-7000-9d4c-2f1e3a5b7c9d",
        """konan explain --deployment bikes --row '{"hour": 8, "temperature": 3.5}' --json""",
    ),
)
@click.argument("prediction_id", metavar="[PREDICTION]", required=False)
@click.option("--deployment", metavar="NAME", help="Of a row; of a prediction it makes the search shorter.")
@click.option("--row", metavar="JSON", help="A row to explain instead; it is not logged.")
@click.option("--version", type=click.IntRange(min=1), help="Number of another version to ask.")
@click.option("--output", metavar="WHICH", help="A class, or the name of a value; else the answered label.")
@click.option("--rows", type=click.IntRange(1, 1000), help="Background rows at most; else 100.")
@click.option(
    "--evaluations",
    type=click.IntRange(100, 1_000_000),
    help="About how many rows the model may be asked; else 50,000.",
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="Of what is drawn; else 0.")
def command(session: Session, prediction_id: str | None, row: str | None, **options: Any) -> None:
    """Show what each input adds to the answer of a PREDICTION, or of a row.

    These are Shapley values against rows like those that the version was fitted on. The version is asked
    again, on a worker of its own that gives way to predictions.
    """
    if (prediction_id is None) == (row is None):
        raise Usage("Give the id of a prediction, or --row.")
    with session.client() as client, session.screen.waiting("Asking the model"):
        if prediction_id is not None:
            found = client.explanations.prediction(prediction_id, **options)
        else:
            name = options.pop("deployment")
            if name is None:
                raise Usage("A row is explained for a deployment.", hint="Give --deployment.")
            found = client.explanations.row(name, _row(str(row)), **options)
    if session.screen.json:
        session.screen.record(found)
        return
    show(session.screen, found)


def show(screen: Screen, found: Explanation) -> None:
    """Write an explanation for a person: from the average over the background to the answer."""
    screen.data(f"{found.deployment} v{found.version} answers {found.output}: {found.value:.4g}")
    if found.logged is not None and f"{found.logged:.9g}" != f"{found.value:.9g}":
        screen.data(f"note  It had answered {found.logged:.9g}, and now answers {found.value:.9g}.")
    for note in notes(found):
        screen.data(f"note  {note}")
    screen.data("")
    told, others = found.contributions[:MOST], found.contributions[MOST:]
    rest = sum(one.contribution for one in others)
    added = [one.contribution for one in told]
    places = decimals(added)
    adds = figures([*added, rest], places, "+")
    ends = figures([found.base, found.value], places)
    width = max(map(len, (*adds, *ends)))
    errors = figures([one.error for one in told], places)
    rows = [
        (one.feature, _cell(one.value), add.rjust(width), error)
        for one, add, error in zip(told, adds, errors, strict=False)
    ]
    if others:
        rows.append((f"({len(others)} others)", "", adds[-1].rjust(width), ""))
    average, answer = ("(average)", "", ends[0].rjust(width), ""), ("(answer)", "", ends[1].rjust(width), "")
    screen.table(("feature", "value", "adds".rjust(width), "error"), [average, *rows, answer])


def notes(found: Explained) -> list[str]:
    """How it was found, and what to know before trusting it."""
    count, asked = found.background_rows, found.evaluations
    rows = f"{count} row{'' if count == 1 else 's'} {_SOURCES[found.background]}"
    how = "all coalitions of inputs" if found.method == "exact" else "drawn orders of inputs"
    return [f"Against {rows}; {how}, {asked:,} rows asked.", *found.notes]


def _row(text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeEncodeError):
        raise Usage("--row is no JSON object.") from None


def _cell(value: object) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
