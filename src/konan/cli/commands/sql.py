"""``konan sql``: ask the prediction log."""

import csv
import sys
from pathlib import Path

import click

from konan.cli import command as shared
from konan.cli.command import Session
from konan.errors import Usage


@shared.command(
    "sql",
    examples=(
        'konan sql "SELECT label, count(*) FROM churn GROUP BY label"',
        'konan sql "SELECT * FROM \\"churn rejected\\" LIMIT 5" --json',
        "konan sql --file question.sql --output csv > answer.csv",
    ),
)
@click.argument("query", required=False)
@click.option(
    "--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="File with the query."
)
@click.option("--rows", type=click.IntRange(min=1), help="Most rows of the answer.")
@click.option("--output", type=click.Choice(["table", "csv"]), default="table", help="How to write it.")
def command(session: Session, query: str | None, file: Path | None, rows: int | None, output: str) -> None:
    """Ask the prediction log with QUERY, one SELECT in DuckDB's SQL.

    Each deployment is a table of its name, with a row per prediction and a column per feature; "NAME
    rejected" holds the requests that it rejected. The column ground_truth is the truth that was observed
    last: a label as text, else JSON.
    """
    if (query is None) == (file is None):
        raise Usage("Give either a query or --file.", hint="`konan sql --help` shows examples.")
    text = query if file is None else file.read_text(encoding="utf-8")
    with session.client() as client:
        answer = client.sql_rows(text or "", rows)
    names = [column.name for column in answer.columns]
    if session.screen.json:
        session.screen.record(answer)
    elif output == "csv":
        csv.writer(sys.stdout, lineterminator="\n").writerows([names, *answer.rows])
    else:
        session.screen.table(names, answer.rows)
    if answer.truncated:
        session.screen.say(f"Only the first {len(answer.rows)} rows are shown.")
