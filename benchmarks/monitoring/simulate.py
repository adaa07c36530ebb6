"""Measures evidence by simulation: ``python -m benchmarks.monitoring.simulate [STUDY ...] [--full]``.

Studies: ``plain`` (chance of ever alarming), ``delays`` and ``runs`` (detectors after clean labels, and
without trouble), ``pairs`` (labels until one version is known to be better), ``coverage`` (confidence
sequences), ``blocks`` and ``clusters`` (errors that come in runs, one by one and in windows), ``limits`` (of
shares), ``reference`` and ``kept`` (false alarms through a small reference) and ``power`` (windows until a
shift is seen), for the ways of betting in `benchmarks.monitoring.bands`. Everything is seeded.
"""

import argparse
import math
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np

from benchmarks.monitoring import bands
from konan.monitoring.drift.distributions import rows_as_one
from konan.monitoring.evidence.bets import BETS, Floats, log_factors, share_limit
from konan.monitoring.evidence.confidence_sequences import SHARES, ConfidenceSequence
from konan.monitoring.evidence.dependence import autocorrelation, block_of
from konan.monitoring.evidence.detectors import Evidence, averaged, path
from konan.monitoring.evidence.risk import Loss, RiskDetector

Row: TypeAlias = tuple[object, ...]

ERRORS = 0.20
"""Share of errors before the change."""


def walk(kind: str, factors: Floats) -> Floats:
    """Logarithm of the evidence after each look: Shiryaev-Roberts, CUSUM, or the plain product."""
    if kind == "SR":
        return averaged(path((0.0,) * factors.shape[1], factors))
    total = np.cumsum(factors, axis=0)
    if kind == "CUSUM":  # log M = S - min of the earlier S
        before = np.minimum.accumulate(np.vstack([np.zeros((1, factors.shape[1])), total[:-1]]), axis=0)
        total = total - before
    return averaged(total)


def first(evidence: Floats, height: float) -> float:
    """Looks until the evidence reaches a height; infinite when it does not."""
    above = evidence >= math.log(height)
    return float(above.argmax() + 1) if above.any() else math.inf


def plain(runs: int, labels: int = 5000) -> Iterator[Row]:
    """Share of quiet runs in which a product of bets ever reaches 1 / alpha; then its delay."""
    yield ("errors", "share that ever alarms, alpha = 0.01", "median labels to it")
    for errors in (ERRORS, 0.30):
        random = np.random.default_rng(1)
        times = [
            first(walk("plain", log_factors(random.random(labels) < errors, ERRORS)), 100)
            for _ in range(runs)
        ]
        yield (errors, float(np.mean(np.isfinite(times))), float(np.median(times)))


def delays(runs: int, clean: int = 3000, most: int = 12_000) -> Iterator[Row]:
    """Median labels from the change to the alarm, after clean ones, at A = 1e5."""
    yield ("errors become", "SR", "CUSUM", "plain")
    for errors in (0.22, 0.25, 0.30, 0.40):
        random = np.random.default_rng(2)
        found: dict[str, list[float]] = {"SR": [], "CUSUM": [], "plain": []}
        for _ in range(runs):
            share = np.concatenate([np.full(clean, ERRORS), np.full(most, errors)])
            factors = log_factors(random.random(len(share)) < share, ERRORS)
            for kind, times in found.items():
                at = first(walk(kind, factors), 1e5) - clean
                if at > 0:
                    times.append(at)
        yield (errors, *(float(np.median(times)) for times in found.values()))


def runs_without_trouble(runs: int, height: float = 1000.0, most: int = 40_000) -> Iterator[Row]:
    """Mean run length when nothing changes, the mean being exactly at the limit; cut off at a most."""
    yield ("detector", f"mean looks to a false alarm, A = {height:g}", f"share beyond {most}")
    random = np.random.default_rng(3)
    found: dict[str, list[float]] = {"SR": [], "CUSUM": []}
    for _ in range(runs):
        factors = log_factors(random.random(most) < ERRORS, ERRORS)
        for kind, times in found.items():
            times.append(first(walk(kind, factors), height))
    for kind, times in found.items():
        yield (kind, float(np.minimum(times, most).mean()), float(np.mean(np.isinf(times))))


def pairs(runs: int) -> Iterator[Row]:
    """Median labels until ``e >= 20`` that the new version errs less, both having seen the same rows."""
    yield ("new right, old wrong", "the reverse", "median labels", "share that crossed")
    for better, worse, most in (
        (0.12, 0.02, 5_000),
        (0.10, 0.05, 10_000),
        (0.06, 0.04, 30_000),
        (0.055, 0.045, 60_000),
        (0.05, 0.05, 60_000),
    ):
        random = np.random.default_rng(4)
        times = []
        for _ in range(runs):
            kind = random.random(most)
            values = np.where(kind < better, 1.0, np.where(kind < better + worse, 0.0, 0.5))
            times.append(first(walk("plain", log_factors(values, 0.5, SHARES)), 20))
        yield (better, worse, float(np.median(times)), float(np.mean(np.isfinite(times))))


def coverage(runs: int, most: int = 20_000, alpha: float = 0.1, looks: int = 60) -> Iterator[Row]:
    """Share of confidence sequences that ever leave the truth out, and their width at the end."""
    yield ("values", "share ever wrong", f"allowed {alpha:g}; width after {most}", "normal width")
    random = np.random.default_rng(5)
    draws: dict[str, tuple[float, Callable[[int], Floats]]] = {
        "errors, 1 in 20": (0.05, lambda size: (random.random(size) < 0.05).astype(float)),
        "uniform": (0.5, random.random),
        "beta(2, 30)": (2 / 32, lambda size: random.beta(2, 30, size)),
    }
    for name, (truth, draw) in draws.items():
        wrong, widths, spread = 0, [], 0.0
        for _ in range(runs):
            sequence, missed, low, high = ConfidenceSequence.of(), False, 0.0, 1.0
            values = draw(most)
            for portion in np.split(values, np.unique(np.geomspace(10, most - 1, looks).astype(int))):
                sequence = sequence.update(portion)
                low, high = sequence.interval(alpha)
                missed |= not low <= truth <= high
            wrong += missed
            widths.append(high - low)
            spread = float(values.std())
        yield (name, wrong / runs, float(np.median(widths)), 2 * 1.645 * spread / math.sqrt(most))


def chain(random: np.random.Generator, size: int, errors: float, together: float) -> Floats:
    """Errors that come in runs: a chain of two states with that correlation of neighbours."""
    fresh = random.random(size) < errors
    renewed = random.random(size) >= together
    renewed[0] = True
    last = np.maximum.accumulate(np.where(renewed, np.arange(size), 0))
    chained: Floats = fresh[last].astype(np.float64)
    return chained


def blocks(runs: int, most: int = 100_000, height: float = 1000.0) -> Iterator[Row]:
    """Quiet streams whose errors come in runs: looks to a false alarm, per label and by blocks."""
    yield (
        "correlation",
        "block",
        f"looks to a false alarm (A = {height:g}), per label",
        "with the block",
        "delay to 0.40",
    )
    for together in (0.0, 0.19, 0.54, 0.9):
        random = np.random.default_rng(6)
        block = block_of(autocorrelation(chain(random, 20_000, ERRORS, together)))
        single, blocked, late = [], [], []
        for _ in range(runs):
            values = chain(random, most, ERRORS, together)
            single.append(first(walk("SR", log_factors(values, ERRORS)), height))
            means = values[: most // block * block].reshape(-1, block).mean(axis=1)
            blocked.append(first(walk("SR", log_factors(means, ERRORS)), height))
            worse = np.concatenate(
                [means[: 3000 // block], _means(chain(random, 9000, 0.4, together), block)]
            )
            at = first(walk("SR", log_factors(worse, ERRORS)), height) - 3000 // block
            late.append(at * block)
        yield (
            together,
            block,
            float(np.minimum(single, most).mean()),
            float(np.minimum(blocked, most // block).mean()),
            _median([value for value in late if value > 0]),
        )


def clusters(runs: int, rows: int = 100, looks: int = 600, height: float = 100.0) -> Iterator[Row]:
    """The same streams as counts of windows: run lengths and delays, by the root that is taken."""
    ways = ("each row", "rows as one", "block")
    yield (
        "correlation",
        "rows as one",
        "block",
        *(f"looks to a false alarm (A = {height:g}), {way}" for way in ways),
        *(f"looks to see 0.30, {way}" for way in ways),
    )
    for together in (0.0, 0.19, 0.54, 0.9):
        random = np.random.default_rng(10)
        lags = autocorrelation(chain(random, 20_000, ERRORS, together))
        roots = (1.0, rows_as_one(lags), float(block_of(lags)))
        quiet: list[list[float]] = [[] for _ in roots]
        late: list[list[float]] = [[] for _ in roots]
        for _ in range(runs):
            calm = _paid(chain(random, looks * rows, ERRORS, together), rows)
            worse = np.vstack([calm[:50], _paid(chain(random, looks * rows, 0.30, together), rows)])
            for at, root in enumerate(roots):
                quiet[at].append(min(first(walk("SR", calm / root), height), looks))
                late[at].append(first(walk("SR", worse / root), height) - 50)
        lengths = [float(np.mean(times)) for times in quiet]
        yield (together, *roots[1:], *lengths, *(_median([t for t in times if t > 0]) for times in late))


def risk(runs: int, most: int = 40_000, height: float = 1000.0) -> Iterator[Row]:
    """The detector on losses, mean exactly at the limit: labels to a false alarm, and to see 0.30."""
    yield (
        "correlation",
        "rows as one",
        f"labels to a false alarm (A = {height:g}), each as one",
        "each as a part",
        "to see 0.30 after 3,000 (100 A)",
    )
    for together in (0.0, 0.19, 0.54, 0.9):
        random = np.random.default_rng(11)
        part = rows_as_one(autocorrelation(chain(random, 20_000, ERRORS, together)))
        lengths: tuple[list[float], list[float]] = ([], [])
        late: list[float] = []
        for _ in range(runs):
            calm = chain(random, most, ERRORS, together)
            for root, times in zip((1.0, part), lengths, strict=True):
                times.append(min(first(_both_sides(calm, root), height), most))
            worse = np.concatenate([calm[:3000], chain(random, 9000, 0.30, together)])
            late.append(first(_both_sides(worse, part), 100 * height) - 3000)
        found = [float(np.mean(times)) for times in lengths]
        yield (together, part, *found, _median([one for one in late if one > 0]))


def _both_sides(errors: Floats, root: float) -> Floats:
    losses = (Loss(name="error", low=ERRORS, high=ERRORS, rows_as_one=root),)
    detector = RiskDetector(losses=losses, evidence=Evidence.of(2 * len(BETS)))
    return walk("SR", detector.factors({"error": errors}))


def _paid(errors: Floats, rows: int) -> Floats:
    """What the bets paid on windows of which only the numbers of right and wrong are known."""
    wrong = errors.reshape(-1, rows).sum(axis=1)
    return np.stack([rows - wrong, wrong], axis=1) @ log_factors([0.0, 1.0], ERRORS)


def _median(times: list[float]) -> float:
    return float(np.median(times)) if times else math.nan


def _means(values: Floats, block: int) -> Floats:
    means: Floats = values[: len(values) // block * block].reshape(-1, block).mean(axis=1)
    return means


class Source:
    """A normal column with missing values, cut at the sixteenths of a finite reference.

    Args:
        random: to draw from.
        rows: of the reference.
    """

    def __init__(self, random: np.random.Generator, rows: int) -> None:
        values = np.sort(random.standard_normal(rows))
        self._random = random
        self._edges = values[(np.arange(17) * (rows - 1)) // 16]
        cells = np.searchsorted(self._edges[1:-1], values, side="right") + 3
        self.reference = np.bincount(cells, minlength=len(bands.LABELS)).astype(np.float64)
        self.reference[0] = random.binomial(rows, 0.01)

    def windows(
        self, looks: int, rows: int, shift: float = 0.0, spread: float = 1.0, missing: float = 0.01
    ) -> Floats:
        """Counts of windows, ``(looks, cells)``."""
        below = [0.5 * (1 + math.erf((edge - shift) / spread / math.sqrt(2))) for edge in self._edges]
        masses = np.diff([0.0, *below, 1.0])
        shares = np.concatenate([[missing, 0.0], masses * (1 - missing)])
        drawn: Floats = self._random.multinomial(rows, shares / shares.sum(), size=looks).astype(np.float64)
        return drawn


def reference(
    runs: int, looks: int = 3650, height: float = 365.0, ways: Sequence[str] = tuple(bands.WAYS)
) -> Iterator[Row]:
    """Share of quiet streams with a false alarm: the reference is small, the stream is long."""
    yield ("way", "reference", f"alarms within {height:g} looks (A = {height:g})", f"within {looks}")
    for size in (1000, 10_000):
        found: dict[str, list[float]] = {name: [] for name in ways}
        random = np.random.default_rng(7)
        for _ in range(runs):
            source = Source(random, size)
            windows = source.windows(looks, 1000)
            for name in ways:
                found[name].append(first(bands.WAYS[name](source.reference)(windows), height))
        for name, times in found.items():
            at = np.array(times)
            yield (name, size, float(np.mean(at <= height)), float(np.mean(np.isfinite(at))))


def kept(runs: int) -> Iterator[Row]:
    """The same for the way that is kept alone, so that more runs can be made."""
    return reference(runs, ways=("limits that hold together (kept)",))


CHANGES: dict[str, dict[str, float]] = {
    "mean +0.05 sd": {"shift": 0.05},
    "mean +0.1 sd": {"shift": 0.1},
    "mean +0.2 sd": {"shift": 0.2},
    "mean +0.5 sd": {"shift": 0.5},
    "spread x 1.1": {"spread": 1.1},
    "spread x 1.3": {"spread": 1.3},
    "missing 1 % -> 2 %": {"missing": 0.02},
    "missing 1 % -> 5 %": {"missing": 0.05},
}


def power(runs: int, rows: int = 200, size: int = 10_000, clean: int = 100, most: int = 300) -> Iterator[Row]:
    """Median windows from a change to the alarm, after clean ones, at A = 1e4, by way of betting."""
    yield ("way", *CHANGES)
    found: dict[str, list[float]] = {name: [] for name in bands.WAYS}
    for change in CHANGES.values():
        random = np.random.default_rng(8)
        times: dict[str, list[float]] = {name: [] for name in bands.WAYS}
        for _ in range(runs):
            source = Source(random, size)
            windows = np.vstack([source.windows(clean, rows), source.windows(most, rows, **change)])
            for name, way in bands.WAYS.items():
                at = first(way(source.reference)(windows), 1e4) - clean
                if at > 0:
                    times[name].append(at)
        for name, values in times.items():
            found[name].append(_median(values))
    for name, medians in found.items():
        yield (name, *medians)


def limits(runs: int, rows: int = 1000) -> Iterator[Row]:
    """Share of references of which one of the limits of a share is below the truth."""
    yield ("share", "wrong at chance 0.01")
    random = np.random.default_rng(9)
    for share in (0.001, 0.01, 0.1, 0.5):
        seen = random.binomial(rows, share, runs) / rows
        yield (share, float(np.mean(share_limit(seen, rows, 0.01) < share)))


STUDIES: dict[str, tuple[Callable[[int], Iterator[Row]], int, int]] = {
    "plain": (plain, 50, 1000),
    "delays": (delays, 15, 200),
    "runs": (runs_without_trouble, 30, 300),
    "pairs": (pairs, 15, 200),
    "coverage": (coverage, 20, 400),
    "blocks": (blocks, 15, 200),
    "clusters": (clusters, 15, 100),
    "risk": (risk, 15, 200),
    "limits": (limits, 2000, 100_000),
    "reference": (reference, 10, 200),
    "kept": (kept, 20, 1000),
    "power": (power, 10, 100),
}
"""What is measured, with how many runs: quick, and full."""


def show(rows: Iterator[Row]) -> None:
    """Print a table of Markdown."""
    for index, row in enumerate(rows):
        cells = [f"{value:.4g}" if isinstance(value, float) else str(value) for value in row]
        print("| " + " | ".join(cells) + " |", flush=True)
        if index == 0:
            print("|" + "---|" * len(cells))


def main() -> None:
    """Run the studies that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", nargs="*", choices=[*STUDIES, []])
    parser.add_argument("--runs", type=int, default=0, help="of each study; its own number unless given")
    parser.add_argument("--full", action="store_true", help="the sizes of the published tables")
    given = parser.parse_args()
    for name in given.study or STUDIES:
        study, few, many = STUDIES[name]
        runs = given.runs or (many if given.full else few)
        print(f"\n{name}: {(study.__doc__ or '').splitlines()[0]} {len(BETS)} bets, {runs} runs.\n")
        show(study(runs))


if __name__ == "__main__":
    main()
