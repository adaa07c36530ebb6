"""``konan feedback``: the truth for predictions, from a file of any length."""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import click

from konan.cli import command as shared
from konan.cli import rowfiles
from konan.cli.command import Session
from konan.cli.shapes import FeedbackSent, Refusal
from konan.errors import DataInvalid, KonanError, Unreachable
from konan.records.predictions import FeedbackResult

PART = 50_000
BLOCK = 4 * PART
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 8.0)
"""Seconds between two attempts to reach a server that has answered before."""

SHOWN = 100
"""So many refusals are told one by one."""

_Numbered = tuple[int, dict[str, Any]]
_STATUSES = ("accepted", "revised", "duplicate", "parked")


@shared.command(
    "feedback",
    examples=(
        "konan feedback bikes truth.csv",
        "konan feedback bikes orders.parquet --key order --target rented --observed-at day",
    ),
)
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--id", "prediction_id", metavar="COL", help="Column with prediction ids, if not prediction_id."
)
@click.option("--key", metavar="COL", help="Column with the business keys that predictions carried instead.")
@click.option("--target", metavar="COL", default="target", show_default=True, help="Column with the truth.")
@click.option(
    "--observed-at",
    metavar="COL",
    default="observed_at",
    show_default=True,
    help="Column with the time when it was known, if there is one.",
)
def command(session: Session, name: str, file: Path, **given: str | None) -> int:
    """Tell the deployment NAME what was true, from FILE (.csv, .parquet or .jsonl).

    Each row names a prediction, by its id or by its business key, and its target. Rows with an empty target
    are left out. Sending a file again changes nothing, and a row that is refused keeps no other from being
    taken. Exits 1 when all are refused.
    """
    columns = _columns(given)
    sent = _Sent()
    try:
        with (
            session.client() as client,
            session.screen.progress(f"Sending {file.name}", rowfiles.count(file)) as advance,
        ):
            items = sent.items(_checked(rowfiles.read(file), columns, file.name), columns)
            send = _Patient(lambda part: client.feedback(name, part))
            for numbers, results in _results(_parts(items), send):
                sent.take(numbers, results)
                advance(len(numbers))
    except (KonanError, KeyboardInterrupt):
        if sent.taken:
            session.screen.say(
                f"Rows taken so far: {sent.taken}. Send the file again: what is known already stays as it is."
            )
        raise
    _tell(session, sent.told(name))
    return int(sent.counts["refused"] > 0 and not sent.taken)


def _parts(items: Iterator[_Numbered]) -> Iterator[list[_Numbered]]:
    """The items in parts.

    Within many of them those with an id are put in its order: then a part is about few files of the log.
    """
    while block := list(islice(items, BLOCK)):
        block.sort(key=lambda numbered: str(numbered[1].get("prediction_id", "")))
        for start in range(0, len(block), PART):
            yield block[start : start + PART]


class _Patient:
    """Sends parts; a part after the first is sent again while the server is away, which does no harm.

    Args:
        send: sends a part.
    """

    def __init__(self, send: Callable[[list[dict[str, Any]]], list[FeedbackResult]]) -> None:
        self._send = send
        self._pauses: tuple[float, ...] = ()

    def __call__(self, part: list[dict[str, Any]]) -> list[FeedbackResult]:
        """What became of a part.

        Raises:
            KonanError: it was not sent, or not answered.
        """
        for pause in self._pauses:
            try:
                return self._send(part)
            except Unreachable:
                time.sleep(pause)
        results = self._send(part)
        self._pauses = PAUSES
        return results


def _results(
    parts: Iterator[list[_Numbered]], send: Callable[[list[dict[str, Any]]], list[FeedbackResult]]
) -> Iterator[tuple[list[int], list[FeedbackResult]]]:
    """What became of the items, part by part; a part is read while the one before it is under way."""
    with ThreadPoolExecutor(1) as sender:
        sent: tuple[list[int], Future[list[FeedbackResult]]] | None = None
        for part in parts:
            numbers = [number for number, _ in part]
            following = sender.submit(send, [item for _, item in part])
            if sent is not None:
                yield sent[0], sent[1].result()
            sent = numbers, following
        if sent is not None:
            yield sent[0], sent[1].result()


class _Sent:
    """What was read and what became of it."""

    def __init__(self) -> None:
        self.rows = self.left_out = 0
        self.counts = dict.fromkeys((*_STATUSES, "refused"), 0)
        self._refusals: list[Refusal] = []

    @property
    def taken(self) -> int:
        """Number of rows that were not refused."""
        return sum(self.counts[status] for status in _STATUSES)

    def items(self, rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str]) -> Iterator[_Numbered]:
        """The rows as they are sent, with their numbers."""
        target, wanted = columns["target"], list(columns.items())
        for row in rows:
            self.rows += 1
            truth = row.get(target)
            if truth in rowfiles.MISSING if type(truth) is str else _is_missing(truth):
                self.left_out += 1
                continue
            item = {}
            for field, column in wanted:
                cell = row.get(column)
                if cell is not None and cell != "":
                    item[field] = cell
            yield self.rows, item

    def take(self, numbers: Sequence[int], results: Sequence[FeedbackResult]) -> None:
        """Count what became of some rows."""
        for status, count in Counter(result.status for result in results).items():
            self.counts[status if isinstance(status, str) else "refused"] += count
        for number, result in zip(numbers, results, strict=True):
            if isinstance(result.status, int) and len(self._refusals) < SHOWN:
                self._refusals.append(
                    Refusal(
                        row=number,
                        prediction_id=result.prediction_id,
                        key=result.key,
                        status=result.status,
                        detail=result.detail,
                    )
                )

    def told(self, deployment: str) -> FeedbackSent:
        """All of it."""
        return FeedbackSent(
            deployment=deployment,
            rows=self.rows,
            left_out=self.left_out,
            refusals=tuple(sorted(self._refusals, key=lambda refusal: refusal.row)),
            **self.counts,
        )


def _is_missing(cell: object) -> bool:
    if isinstance(cell, str):
        return cell in rowfiles.MISSING
    return cell is None or (isinstance(cell, float) and math.isnan(cell))


def _columns(given: Mapping[str, str | None]) -> dict[str, str]:
    """The column of each field of an item."""
    named = (
        {"key": given["key"]}
        if given["key"]
        else {"prediction_id": given["prediction_id"] or "prediction_id"}
    )
    return {**named, "target": given["target"] or "", "observed_at": given["observed_at"] or ""}


def _checked(
    rows: Iterator[Mapping[str, Any]], columns: Mapping[str, str], file: str
) -> Iterator[Mapping[str, Any]]:
    """The rows, when the first has the columns that are needed."""
    for number, row in enumerate(rows):
        if number == 0:
            for field, column in columns.items():
                if field != "observed_at" and column not in row:
                    hint = f"Name the column with --{field.removeprefix('prediction_').replace('_', '-')}."
                    raise DataInvalid(f"{file} has no column {column}.", hint=hint)
        yield row


def _tell(session: Session, sent: FeedbackSent) -> None:
    if session.screen.json:
        session.screen.record(sent)
        return
    for one in sent.refusals:
        session.screen.say(f"row {one.row}: {one.status}: {one.detail}")
    if sent.refused > len(sent.refusals):
        session.screen.say(f"… and {sent.refused - len(sent.refusals)} more")
    counted = [(status, getattr(sent, status)) for status in (*_STATUSES, "refused")]
    session.screen.table(("status", "rows"), [*counted, ("left out", sent.left_out)])
