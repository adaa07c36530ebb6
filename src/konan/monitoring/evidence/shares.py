"""Watches shares that should not rise: of missing values, of errors, of silent hours (pure).

Each stream bets that the share of rows with something is above what its reference allows, window by window;
the detectors of all streams are averaged into one verdict, and e-BH names the guilty ones. Betting begins
half of the alarm's effect above the reference, so that a change too small to matter gathers no evidence.
"""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from konan.monitoring.evidence.bets import BETS, Floats, e_bh, mixed, share_limit
from konan.monitoring.evidence.detectors import averaged
from konan.records.alarms import ColumnGrounds

CHANCE = 0.01
"""That a limit taken from the reference is below its true share."""

ALPHA = 0.05
"""Share of wrong names among the columns that are named."""

_NOTHING = 1e-6
_SMALLEST = 1e-12
_BEGIN = (0.0,) * len(BETS)
_MOST = 20
_LN10 = math.log(10)


class Stream(NamedTuple):
    """A share to watch, in one window.

    Attributes:
        column: what it is about, as ``features.temp``.
        what: what is counted, as ``missing``.
        hits: rows of the window with it.
        rows: of the window.
        usual: rows of the reference with it.
        usual_rows: of the reference.
        least: shares up to this are all right whatever the reference says.
        block: rows that say as much as one, because they hang together
            (`konan.monitoring.drift.distributions.rows_as_one`).
    """

    column: str
    what: str
    hits: int
    rows: int
    usual: int
    usual_rows: int
    least: float = 0.0
    block: float = 1.0

    @property
    def key(self) -> str:
        """Under which its detector is remembered."""
        return f"{self.what} {self.column}"

    @property
    def effect(self) -> float:
        """How much larger the share is than usual, in [-1, 1]."""
        return self.hits / max(self.rows, 1) - self.usual / max(self.usual_rows, 1)

    @property
    def floor(self) -> float:
        """Difference of shares that chance alone makes in about one of a thousand windows."""
        rows, usual_rows = max(self.rows, 1), max(self.usual_rows, 1)
        share = (self.hits + self.usual) / (rows + usual_rows)
        return 3.1 * math.sqrt(share * (1 - share) * (1 / rows + 1 / usual_rows))

    @property
    def certain(self) -> float:
        """The effect, or 0 where chance alone makes as large a one, or the share is all right as it is."""
        enough = self.effect >= self.floor and self.hits > self.least * self.rows
        return self.effect if enough else 0.0


class Verdict(NamedTuple):
    """What all streams say together.

    Attributes:
        evidence: the base-10 logarithm of the averaged detectors.
        memory: of the detectors, by stream.
        columns: the strongest first.
        worst: the stream with the largest effect among those that are certain, else of all; None of none.
    """

    evidence: float
    memory: dict[str, tuple[float, ...]]
    columns: tuple[ColumnGrounds, ...]
    worst: Stream | None


def watched(streams: Sequence[Stream], memory: Mapping[str, tuple[float, ...]], tolerance: float) -> Verdict:
    """The verdict after one more window.

    Args:
        streams: of the window; always the same ones for one memory.
        memory: of the detectors before.
        tolerance: difference of shares that does not matter.

    >>> calm = [Stream("features.x", "missing", 1, 1000, 10, 10_000)]
    >>> after = watched(calm, {}, 0.01)
    >>> round(after.evidence, 2)
    0.0
    >>> torn = [Stream("features.x", "missing", 600, 1000, 10, 10_000)]
    >>> watched(torn, after.memory, 0.01).evidence > 100
    True
    """
    if not streams:
        return Verdict(0.0, {}, (), None)
    before = np.array([memory.get(stream.key, _BEGIN) for stream in streams])
    masses = np.logaddexp(before + _factors(streams, tolerance), 0.0)
    logs = averaged(masses).tolist()
    kept = {
        stream.key: tuple(own.tolist())
        for stream, own in zip(streams, masses, strict=True)
        if own.max() > _NOTHING
    }
    guilty = set(e_bh(logs, ALPHA))
    order = sorted(range(len(streams)), key=lambda at: (-logs[at], -streams[at].effect))
    candidates = [streams[at] for at in order if at in guilty] or [streams[at] for at in order]
    return Verdict(
        evidence=mixed(logs) / _LN10,
        memory=kept,
        columns=tuple(_grounds(streams[at], logs[at], guilty=at in guilty) for at in order[:_MOST]),
        worst=max(candidates, key=lambda stream: stream.effect),
    )


def _factors(streams: Sequence[Stream], tolerance: float) -> Floats:
    """What each bet pays on each stream's window, as logarithms, ``(streams, bets)``."""
    blocks = np.array([stream.block for stream in streams])
    usual = tuple((stream.usual, stream.usual_rows, stream.block) for stream in streams)
    limits = np.minimum(np.maximum(_allowed(usual), [stream.least for stream in streams]) + tolerance, 1.0)
    hits = np.array([stream.hits for stream in streams], np.float64)
    rest = np.array([stream.rows for stream in streams], np.float64) - hits
    gain = 1 / np.maximum(limits, _SMALLEST) - 1
    bets = np.array(BETS)
    paid: Floats = hits[:, None] * np.log1p(gain[:, None] * bets) + rest[:, None] * np.log1p(-bets)
    paid /= blocks[:, None]
    return paid


@lru_cache(maxsize=64)
def _allowed(usual: tuple[tuple[int, int, float], ...]) -> Floats:
    """What the true shares do not exceed, ``(streams,)``; the same for all windows of one reference."""
    hits, rows, blocks = np.array(usual, np.float64).T
    return share_limit(hits / np.maximum(rows, 1), rows / blocks, CHANCE)


def _grounds(stream: Stream, log_evidence: float, *, guilty: bool) -> ColumnGrounds:
    return ColumnGrounds(
        column=stream.column,
        evidence=round(float(np.float64(log_evidence) / _LN10), 6),
        effect=round(stream.effect, 6),
        guilty=guilty,
        moved=(sentence(stream),),
    )


def sentence(stream: Stream) -> str:
    """What a stream holds, in words.

    >>> sentence(Stream("features.x", "missing", 600, 1000, 10, 10_000))
    'missing: 60 % of 1,000 rows, usually 0.1 %'
    """
    now, usual = stream.hits / max(stream.rows, 1), stream.usual / max(stream.usual_rows, 1)
    return f"{stream.what}: {percent(now)} of {stream.rows:,} rows, usually {percent(usual)}"


def percent(share: float) -> str:
    """A share for people.

    >>> percent(0.5), percent(0.0004), percent(0), percent(1)
    ('50 %', '0.04 %', '0 %', '100 %')
    """
    return f"{100 * share:.2g} %" if share < 0.995 else f"{100 * share:.4g} %"
