"""``konan prediction``: what was predicted."""

import re
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import click
import msgspec

from konan.cli import command as shared
from konan.cli.command import Session
from konan.cli.shapes import Exported, LoggedPredictions
from konan.errors import Usage
from konan.records.logged import LoggedPrediction

_CONDITION = re.compile(r"(?P<name>.+?)\s*(?P<sign>>=|<=|=)\s*(?P<value>.*)", re.DOTALL)
_FLAGS = (
    click.option("--from", "since", metavar="TIME", help="Earliest time, as 2026-11-23T08:00:00Z."),
    click.option("--to", "until", metavar="TIME", help="The time before which it must lie."),
    click.option("--version", type=click.IntRange(min=1), help="Number of a version."),
    click.option(
        "--role",
        type=click.Choice(["live", "canary", "challenger", "all"]),
        help="Whose traffic; else what callers got.",
    ),
    click.option("--label", help="Label that was answered."),
    click.option("--where", "conditions", multiple=True, help="As 'hour>=8' or 'city=Bern'; may repeat."),
    click.option("--ground-truth/--no-ground-truth", default=None, help="Whether the truth is known."),
)


def _filtered(function: Callable[..., Any]) -> Callable[..., Any]:
    for flag in reversed(_FLAGS):
        function = flag(function)
    return function


@click.group("prediction")
def command() -> None:
    """List, show and download what was predicted."""


@shared.command(
    "list",
    examples=(
        "konan prediction list bikes",
        "konan prediction list bikes --where 'temperature>=20' --where 'city=Bern' --limit 500 --json",
    ),
)
@click.argument("name")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many at most.")
@_filtered
def list_predictions(session: Session, name: str, limit: int, **given: Any) -> None:
    """List what the deployment NAME predicted, newest first."""
    with session.client() as client:
        found = list(islice(client.predictions(name, **_filters(given)), limit))
    if session.screen.json:
        session.screen.record(LoggedPredictions(predictions=tuple(found)))
        return
    session.screen.table(
        ("id", "at", "version", "features", "output", "truth"), [_line(one) for one in found]
    )


@shared.command("show", examples=("konan prediction show bikes 019ab0a6-8b1c-7000-9d4c-2f1e3a5b7c9d",))
@click.argument("name")
@click.argument("prediction_id", metavar="ID")
def show(session: Session, name: str, prediction_id: str) -> None:
    """Show one prediction of the deployment NAME."""
    with session.client() as client:
        session.screen.record(client.prediction(name, prediction_id))


@shared.command(
    "export",
    examples=(
        "konan prediction export bikes log.parquet",
        "konan prediction export bikes november.csv --from 2026-11-01T00:00:00Z",
    ),
)
@click.argument("name")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@_filtered
def export(session: Session, name: str, file: Path, **given: Any) -> None:
    """Write what the deployment NAME predicted to FILE: .csv, .jsonl or .parquet."""
    with session.client() as client, session.screen.waiting(f"Writing {file.name}"):
        client.export_predictions(name, file, **_filters(given))
    if session.screen.json:
        session.screen.record(Exported(file=str(file)))
        return
    session.screen.say(f"Wrote {file}.")


def where(conditions: Sequence[str]) -> dict[str, Any]:
    """Conditions of features as the API takes them.

    >>> where(["hour>=8", "hour<=20", "city=Bern"])
    {'hour': [8, 20], 'city': 'Bern'}

    Raises:
        Usage: one is no condition.
    """
    found: dict[str, Any] = {}
    for text in conditions:
        match = _CONDITION.fullmatch(text)
        if match is None:
            raise Usage(f"{text!r} is no condition.", hint="Write 'hour>=8', 'hour<=20' or 'city=Bern'.")
        name, value = match["name"], _value(match["value"])
        if match["sign"] == "=":
            found[name] = value
            continue
        bounds = found.get(name)
        bounds = bounds if isinstance(bounds, list) else [None, None]
        bounds[match["sign"] == "<="] = value
        found[name] = bounds
    return found


def _value(text: str) -> Any:
    """A number or a boolean when it is written like one, else text; quotes make it text."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return text
    return value if isinstance(value, bool | int | float | str) else text


def _filters(given: dict[str, Any]) -> Any:
    conditions = where(given.pop("conditions"))
    return given | ({"where": conditions} if conditions else {})


def _line(one: LoggedPrediction) -> tuple[object, ...]:
    truth = None if one.ground_truth is None else _short(one.ground_truth)
    return one.id, one.at, one.version, _short(one.features), _short(one.output), truth


def _short(value: object) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 60 else f"{text[:57]}..."


command.add_command(list_predictions)
command.add_command(show)
command.add_command(export)
