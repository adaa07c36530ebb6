"""``konan predict``: ask a deployment about one row, or about a file of any length."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from konan.cli import command as shared
from konan.cli import rowfiles, writers
from konan.cli.command import Session
from konan.errors import JsonMalformed, KonanError, NotReady, Usage
from konan.records.predictions import Prediction
from konan.records.schema import FeatureType

if TYPE_CHECKING:
    from konan.client import Client

PART = 1000


@shared.command(
    "predict",
    examples=(
        'konan predict bikes --row \'{"hour": 8, "temperature": 21.5}\'',
        "konan predict bikes --file test.csv",
        "konan predict bikes --file test.csv --to answers.parquet",
        "konan predict bikes --file test.jsonl --output csv > answers.csv",
    ),
)
@click.argument("name")
@click.option("--row", metavar="JSON", help="One row as a JSON object.")
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Rows as .csv, .parquet or .jsonl; columns that the model does not know are left out.",
)
@click.option("--version", type=click.IntRange(min=1), help="Number of a version other than the live one.")
@click.option("--output", type=click.Choice(writers.FORMS), help="How to write the answers to --file.")
@click.option("--to", type=click.Path(dir_okay=False, path_type=Path), help="File to write the answers to.")
def command(session: Session, name: str, row: str | None, file: Path | None, **given: Any) -> None:
    """Ask the deployment NAME about one row or a file of rows.

    Answers to a file come in its order: as a table on a terminal, else as JSON lines, unless --output or the
    suffix of --to says otherwise.
    """
    if (row is None) == (file is None):
        raise Usage("Give either --row or --file.", hint="`konan predict --help` shows examples.")
    if row is not None:
        _one(session, name, row, given["version"])
    elif file is not None:
        _many(session, name, file, given)


def _one(session: Session, name: str, row: str, version: int | None) -> None:
    try:
        features = msgspec.json.decode(row, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeEncodeError):
        raise JsonMalformed(
            "The row is not a JSON object.", hint="Write --row '{\"feature\": 1.5}'."
        ) from None
    with session.client() as client:
        session.screen.record(client.predict(name, features, version))


def _many(session: Session, name: str, file: Path, given: dict[str, Any]) -> None:
    screen, version = session.screen, given["version"]
    form = writers.form_of(given["to"], given["output"], json=screen.json)
    with session.client() as client:
        types = _types(client, name, version)
        rows = rowfiles.shaped(
            rowfiles.read(file), types, lambda names: screen.say(f"note: left out {', '.join(names)}")
        )
        done = 0
        with (
            screen.progress(f"Predicting {file.name}", rowfiles.count(file)) as advance,
            writers.writing(form, given["to"]) as write,
        ):
            try:
                for part in _parts(client.predict_many(name, rows, version)):
                    write(part)
                    advance(len(part))
                    done += len(part)
            except KonanError as error:
                if done:
                    error.add_note(f"{done} rows were answered before that, and are logged.")
                raise
    screen.say(f"{done} rows answered." if done else f"{file.name} holds no rows.")


def _types(client: "Client", name: str, version: int | None) -> dict[str, FeatureType]:
    """What the deployment takes; a key that may only predict can learn that of the live version."""
    if version is None:
        return rowfiles.types_in(client.openapi(name))
    schema = client.version(name, version).schema
    if schema is None:
        hint = f"`konan version show {name} {version}` says why."
        raise NotReady(f"Version {version} of {name} has no schema yet.", hint=hint)
    return rowfiles.types_of(schema)


def _parts(predictions: Iterator[Prediction]) -> Iterator[list[Prediction]]:
    while part := list(islice(predictions, PART)):
        yield part
