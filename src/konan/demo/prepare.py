"""Makes the bundled ``bikes.csv.gz`` from the file that it was taken from, so that anyone can check it.

Run as ``python -m konan.demo.prepare ORIGINAL.csv bikes.csv.gz``; the same input gives the same bytes.
"""

import csv
import gzip
import io
import sys
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

from konan.errors import DataInvalid

COLUMNS = (
    "date",
    "season",
    "hour",
    "holiday",
    "weekday",
    "workingday",
    "weather",
    "temperature",
    "feels_like",
    "humidity",
    "windspeed",
    "count",
)
SEASONS = {"spring": "winter", "summer": "spring", "fall": "summer", "winter": "fall"}
"""The source kept the names of the data set's first description; its author later moved them by one."""

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def hour_of(text: str) -> int:
    """The hour of a day, 0 to 23, from text of the twelve-hour clock.

    >>> hour_of("12am"), hour_of("6am"), hour_of("12pm"), hour_of("11pm")
    (0, 6, 12, 23)
    """
    return int(text[:-2]) % 12 + (12 if text.endswith("pm") else 0)


def prepared(rows: Iterable[dict[str, str]]) -> Iterator[dict[str, object]]:
    """The rows of the original file in the bundled form, in their own order.

    Args:
        rows: as `csv.DictReader` gives them.

    Raises:
        DataInvalid: a weekday that is there contradicts its date.
    """
    for row in rows:
        weekday = WEEKDAYS[date.fromisoformat(row["dteday"]).weekday()]
        if row["weekday"] not in {"", weekday}:
            raise DataInvalid(f"{row['dteday']} is a {weekday}, but the file says {row['weekday']}.")
        yield {
            "date": row["dteday"],
            "season": SEASONS[row["season"]],
            "hour": hour_of(row["hr"]),
            "holiday": _boolean(row["holiday"]),
            "weekday": weekday,
            "workingday": _boolean(row["workingday"]),
            "weather": row["weathersit"].lower(),
            "temperature": round(float(row["temp"]), 2),
            "feels_like": round(float(row["atemp"]), 2),
            "humidity": round(float(row["hum"])),
            "windspeed": round(float(row["windspeed"]), 1),
            "count": int(row["cnt"]),
        }


def write(rows: Iterable[dict[str, object]], path: Path) -> int:
    """Write rows sorted by date and hour as gzipped CSV without a time stamp; returns their number."""
    ordered = sorted(rows, key=lambda row: (row["date"], row["hour"]))
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(ordered)
    path.write_bytes(gzip.compress(text.getvalue().encode(), compresslevel=9, mtime=0))
    return len(ordered)


def _boolean(text: str) -> str:
    return {"Yes": "true", "No": "false"}[text]


if __name__ == "__main__":
    with Path(sys.argv[1]).open(newline="", encoding="utf-8") as source:
        write(prepared(csv.DictReader(source)), Path(sys.argv[2]))
