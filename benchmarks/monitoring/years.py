"""False alarms of the alarms that every deployment has, over simulated time in which nothing changes.

``python -m benchmarks.monitoring.years [SOURCE ...] [--models N] [--days N]``. Rows are made hour by hour and
go through the same profiles, rules and states as in a server. Sources:

- ``independent``: rows do not know of each other.
- ``serial``: neighbouring rows are alike (correlation 0.9), failures come in bursts of hours.
- ``daily``: besides, inputs and traffic change with the hour of the day.
- ``weekly``: besides, inputs move by most of a standard deviation at the weekend, and traffic halves.
"""

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.monitoring import ours
from benchmarks.monitoring.simulate import show
from konan.monitoring.alarms import states as alarms
from konan.monitoring.alarms.evaluation import moment
from konan.monitoring.alarms.rules import judge
from konan.monitoring.alarms.windows import Window
from konan.monitoring.profiles.grouping import Coded
from konan.monitoring.profiles.profile import Profile
from konan.monitoring.reference.reference import Reference
from konan.records.alarms import DAY, HOUR, Alarm, AlarmRule

signal: Any = import_module("scipy.signal")

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NUMBERS, TEXTS = 4, 2
REFERENCE_DAYS = 60
_CHUNK = 50_000


class Source(NamedTuple):
    """How rows come.

    Attributes:
        together: correlation of neighbouring rows.
        daily: standard deviations by which inputs follow the hour of the day.
        weekly: by which they move at the weekend.
        bursts: spread of the logarithm of the odds that a request fails, from hour to hour.
        traffic: whether it follows the hour of the day, and halves at the weekend.
        rows: an hour, on average.
    """

    together: float = 0.0
    daily: float = 0.0
    weekly: float = 0.0
    bursts: float = 0.0
    traffic: bool = False
    rows: int = 40


SOURCES = {
    "independent": Source(),
    "serial": Source(together=0.9, bursts=0.5),
    "daily": Source(together=0.9, bursts=0.5, daily=0.7, traffic=True),
    "weekly": Source(together=0.9, bursts=0.5, daily=0.7, weekly=0.7, traffic=True),
}


class Stretch(NamedTuple):
    """Rows of consecutive hours.

    Attributes:
        rows: in their order.
        hours: of each row, from 0.
        refused: requests of each hour that failed.
    """

    rows: pa.Table
    hours: Ints
    refused: Ints


def stretch(source: Source, days: int, random: np.random.Generator) -> Stretch:
    """Rows of so many days, from a Monday on."""
    hour = np.arange(24 * days)
    wave, weekend = np.sin(2 * np.pi * (hour % 24) / 24), (hour // 24 % 7 >= 5).astype(np.float64)
    rate = source.rows * ((1 + 0.9 * wave) * (1 - 0.5 * weekend) if source.traffic else np.ones(len(hour)))
    counts = random.poisson(rate)
    hours = np.repeat(hour, counts)
    moved = (source.daily * wave + source.weekly * weekend)[hours]
    columns: dict[str, npt.ArrayLike] = {}
    for at in range(NUMBERS):
        values = _latent(random, len(hours), source.together) + (moved if at % 2 == 0 else 0)
        columns[f"n{at}"] = values
    lost = _latent(random, len(hours), source.together) < -2.33
    columns["n0"] = np.where(lost, np.nan, columns["n0"])
    for at in range(TEXTS):
        place = _latent(random, len(hours), source.together) + (moved if at == 0 else 0)
        columns[f"t{at}"] = np.array(list("abcdef"))[np.digitize(place, [-1.0, -0.3, 0.3, 1.0, 2.2])]
    odds = np.exp(np.log(0.02) + source.bursts * _latent(random, len(hour), source.together))
    table = pa.table({name: pa.array(np.asarray(one), from_pandas=True) for name, one in columns.items()})
    return Stretch(table, hours, random.binomial(counts, np.minimum(odds, 0.5)))


def _latent(random: np.random.Generator, size: int, together: float) -> Floats:
    """A series of normal values with that correlation of neighbours."""
    noise = random.standard_normal(size)
    found: Floats = signal.lfilter([np.sqrt(1 - together**2)], [1.0, -together], noise)
    return found


def windows(usual: Reference, seen: Stretch, every: int) -> list[Window]:
    """What alarms are given of a stretch."""
    layout, last = usual.layout, len(seen.refused)
    named = ours.named(seen.rows)
    vectors = np.zeros((last, Profile.empty(layout).vector.size), np.int64)
    for start in range(0, named.num_rows, _CHUNK):
        part = slice(start, start + _CHUNK)
        first = int(seen.hours[part].min())
        found = Coded(layout, named.slice(start, _CHUNK)).counted(
            seen.hours[part] - first, int(seen.hours[part].max()) - first + 1
        )
        vectors[first : first + len(found)] += found
    sums = np.vstack([np.zeros((1, vectors.shape[1]), np.int64), vectors.cumsum(axis=0)])
    step, made = every // HOUR, []
    for end in range(step, last + 1, step):
        own, day = (
            Profile(layout.digest, layout.lengths, sums[end] - sums[max(end - of, 0)]) for of in (step, 24)
        )
        refused = int(seen.refused[end - step : end].sum())
        made.append(
            Window((end - step) * HOUR, end * HOUR, own if own.rows else None, own.rows, refused, day)
        )
    return made


def firings(rule: AlarmRule, usual: Reference | None, seen: list[Window]) -> int:
    """How often an alarm begins to fire."""
    own = judge(rule, usual)
    alarm = Alarm(id="a", project="", deployment="", name="a", rule=rule, created_at=moment(0), version=1)
    found = 0
    for one in seen:
        after = alarms.looked(alarm, own.look(alarm.memory, one), moment(one.end))
        found += after.state == "firing" != alarm.state
        alarm = after
    return found


def year(source: Source, days: int, seed: int) -> Mapping[str, int]:
    """False alarms of one model, by alarm."""
    random = np.random.default_rng(seed)
    usual = ours.reference(stretch(source, REFERENCE_DAYS, random).rows, timed=True)
    seen = stretch(source, days, random)
    every = {window: windows(usual, seen, window) for window in (HOUR, DAY)}
    return {name: firings(rule, usual, every[rule.window]) for name, rule in alarms.first_alarms()}


def table(names: list[str], models: int, days: int) -> Iterator[tuple[object, ...]]:
    """False alarms of each source."""
    kinds = [name for name, _ in alarms.first_alarms()]
    yield "source", "models", "days of each", *kinds, "together, a model and year"
    for name in names:
        total = Counter[str]()
        for seed in range(models):
            total.update(year(SOURCES[name], days, seed))
        rate = sum(total.values()) / (models * days / 365.25)
        yield name, models, days, *(total[kind] for kind in kinds), rate


def main() -> None:
    """Simulate what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.monitoring.years", description=__doc__)
    parser.add_argument("sources", nargs="*", choices=[*SOURCES, []])
    parser.add_argument("--models", type=int, default=4)
    parser.add_argument("--days", type=int, default=182)
    given = parser.parse_args()
    show(table(given.sources or list(SOURCES), given.models, given.days))


if __name__ == "__main__":
    main()
