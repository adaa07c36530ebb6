"""A journal, a flusher and a reader on real files, for the tests of the prediction log."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from konan import clock
from konan.ids import IdSource
from konan.journal.entry import Entry, encode
from konan.journal.writer import Writer
from konan.predictions.filters import Filters, Want
from konan.predictions.flusher import Flusher, Rules
from konan.predictions.reading import PredictionLog
from konan.records.schema import Feature, Output, Schema

BIKES, CARS = "01890000-0000-7000-8000-00000000000a", "01890000-0000-7000-8000-00000000000b"
SCHEMA = Schema(
    features=(
        Feature(name="Temp (C)", type="number"),
        Feature(name="hour", type="integer"),
        Feature(name="open", type="boolean"),
        Feature(name="city", type="string"),
        Feature(name="when", type="datetime"),
    ),
    output=Output(kind="classifier", classes=("no", "yes"), probabilities=True),
    extra=("order",),
)
NEXT = Schema(
    features=(Feature(name="hour", type="string"), Feature(name="wind", type="number")),
    output=Output(kind="regressor"),
)
SCHEMAS = {1: SCHEMA, 2: NEXT}
SEGMENT = 64 * 1024
_GROUP = 5
SOURCE = IdSource()


def schemas(_: str, version: int) -> Schema | None:
    return SCHEMAS.get(version)


def row(number: int) -> dict[str, Any]:
    return {
        "Temp (C)": number / 2,
        "hour": number % 24,
        "open": number % 2 == 0,
        "city": f"c{number % 10}",
        "when": "2026-11-23T12:00:00+02:00",
        "order": number,
    }


def output(number: int) -> bytes:
    share = (number % 100) / 100
    label = "yes" if share > 0.5 else "no"
    return json.dumps({"label": label, "probabilities": {"no": 1 - share, "yes": share}}).encode()


def entry(first: int, rows: int = 1, **others: Any) -> Entry:
    """An entry whose rows are numbered from ``first``."""
    ids = SOURCE.take(rows)
    numbers = range(first, first + rows)
    given: dict[str, Any] = {
        "at_ns": clock.now_ns(),
        "project": "default",
        "deployment": BIKES,
        "version": 1,
        "role": "live",
        "key_id": "k",
        "request_id": ids[0],
        "status": 200,
        "latency_us": 100 + first,
        "ids": ids,
        "single": rows == 1,
        "body": json.dumps(row(first) if rows == 1 else [row(n) for n in numbers]).encode(),
        "outputs": [output(number) for number in numbers],
    }
    return Entry(**{**given, **others})


def rejected(first: int, **others: Any) -> Entry:
    """A request that was refused."""
    given = {"ids": [], "outputs": [], "kind": "rejected", "code": "rows_invalid", "status": 422}
    return entry(first, **{**given, **others})


def write(journal: Path, entries: Sequence[Entry], *, gateway: int = 0, segment: int = SEGMENT) -> None:
    """Append entries to a gateway's journal."""

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        writer = Writer(journal / str(gateway), segment, loop)
        for start in range(0, len(entries), _GROUP):
            futures = []
            for one in entries[start : start + _GROUP]:
                future: asyncio.Future[Any] = loop.create_future()
                writer.append(encode(one), future.set_result)
                futures.append(future)
            assert not any(await asyncio.wait_for(asyncio.gather(*futures), 60))
        writer.close()

    asyncio.run(scenario())


class World:
    """Everything of one server that the prediction log needs."""

    def __init__(self, root: Path, **rules: Any) -> None:
        self.journal = root / "journal"
        self.directory = root / "predictions"
        self.rules = Rules(**rules)
        self.restart()

    def restart(self) -> None:
        """What a new control process makes of the files."""
        self.flusher = Flusher(self.journal, self.directory, schemas, self.rules)
        self.log = PredictionLog(self.directory, self.flusher, schemas)

    def write(self, *entries: Entry, gateway: int = 0) -> None:
        write(self.journal, entries, gateway=gateway)

    def ids(self, deployment: str = BIKES) -> list[str]:
        """All ids that a reader sees, newest parts first."""
        want = Want(Filters(roles=()))
        return [one for part in self.log.batches(deployment, want) for one in part["id"].to_pylist()]


def ids_of(*entries: Entry) -> list[str]:
    return [one for each in entries for one in each.ids]
