"""Writes journals as gateways do: real records, real groups, at a steady rate, in a process of its own."""

import asyncio
import json
import multiprocessing
import random
import time
from multiprocessing.synchronize import Event
from pathlib import Path

from konan.ids import IdSource
from konan.journal.entry import Entry, encode
from konan.journal.writer import Writer
from konan.records.schema import Feature, Output, Schema

SCHEMA = Schema(
    features=(
        *(Feature(name=f"number {index}", type="number") for index in range(8)),
        Feature(name="city", type="string"),
    ),
    output=Output(kind="classifier", classes=("no", "yes"), probabilities=True),
)
_SEGMENT = 32 * 1024 * 1024
_TICK = 0.02
_random = random.Random(7)


def schemas(_: str, __: int) -> Schema:
    return SCHEMA


def entry(source: IdSource, number: int, deployment: str, at_ns: int) -> Entry:
    """One request of one row; its values differ from row to row."""
    ids = source.take()
    row = {f"number {index}": round(_random.random() * 125, 3) for index in range(8)}
    share = _random.random()
    output = {"label": "yes" if share > 0.5 else "no", "probabilities": {"no": 1 - share, "yes": share}}
    return Entry(
        at_ns=at_ns,
        project="default",
        deployment=deployment,
        version=1,
        role="live",
        key_id="3vQB7B6MrGQZaxCu",
        request_id=ids[0],
        status=200,
        latency_us=400 + number % 300,
        ids=ids,
        single=True,
        body=json.dumps({**row, "city": f"city {number % 50}"}).encode(),
        outputs=[json.dumps(output).encode()],
    )


def feed(journal: Path, deployments: list[str], rate: float, seconds: float) -> "multiprocessing.Process":
    """Start a process that answers so many requests a second, in turn for each deployment."""
    context = multiprocessing.get_context("spawn")
    started = context.Event()
    process = context.Process(target=_feed, args=(str(journal), deployments, rate, seconds, started))
    process.start()
    started.wait()
    return process  # type: ignore[return-value]


def _feed(journal: str, deployments: list[str], rate: float, seconds: float, started: Event) -> None:
    asyncio.run(_write(Path(journal), deployments, rate, seconds, started))


async def _write(journal: Path, deployments: list[str], rate: float, seconds: float, started: Event) -> None:
    writer = Writer(journal / "0", _SEGMENT, asyncio.get_running_loop())
    source, done, begin = IdSource(), 0, time.monotonic()
    started.set()
    while (passed := time.monotonic() - begin) < seconds:
        while done < passed * rate:
            deployment = deployments[done % len(deployments)]
            writer.append(encode(entry(source, done, deployment, time.time_ns())), _ignore)
            done += 1
        await asyncio.sleep(_TICK)
    writer.close()


def _ignore(error: object) -> None:
    if error is not None:
        raise RuntimeError(str(error))
