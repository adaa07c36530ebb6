"""Faults in the data: what is missing, unseen, of a wrong type, constant, of another unit, swapped (pure).

Each is told with its columns and its share, because somebody has to mend it: a model that is trained again on
broken data learns the fault.
"""

import math
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np

from konan.monitoring.drift.distributions import Counts, Floats
from konan.monitoring.drift.pairs import Relations
from konan.monitoring.drift.proportions import Proportion
from konan.monitoring.drift.transformations import ASTRAY, Source, astray, expected, holds, unit_of
from konan.monitoring.profiles.cells import Cells, NumericCells

Kind = Literal["missing", "invalid", "unseen", "range", "constant", "units", "swapped", "relation"]

FLIPPED = 0.5
"""A correlation that changed by as much more than noise is a fault: the columns hold something else."""

_MOSTLY = 0.5
_CONSTANT = 0.999
_FEWEST = 20
_NEVER = 1e-6
_LOUD = 0.2
_EXPLAINED = 0.25
_WORDS: dict[str, tuple[Kind, str]] = {
    "missing": ("missing", "has no value"),
    "unseen": ("unseen", "holds categories that the reference does not know"),
    "invalid": ("invalid", "holds no finite number, or a value of another type,"),
}


class Fault(NamedTuple):
    """Something that is wrong with the data.

    Attributes:
        kind: what.
        columns: names of the columns.
        share: of the rows, in [0, 1]; of ``relation`` the change of the correlation.
        told: it in a sentence.
    """

    kind: Kind
    columns: tuple[str, ...]
    share: float
    told: str


class Held(NamedTuple):
    """A column in both samples.

    Attributes:
        cells: its cells.
        reference: rows per cell.
        current: rows per cell.
        portions: its unusual cells that changed for certain and by enough to matter.
    """

    cells: Cells
    reference: Counts
    current: Counts
    portions: tuple[Proportion, ...]


def faults(columns: Mapping[str, Held], related: Relations, alpha: float) -> tuple[Fault, ...]:
    """What is wrong with the data, certain and large enough to matter.

    Args:
        columns: by name.
        related: the pairs among them.
        alpha: chance of telling a changed pair where none changed.
    """
    found = [fault for name, held in columns.items() for fault in _of_column(name, held)]
    found += _swapped_values(columns, found)
    found += _turned_relations(related, found, alpha)
    told = {name for fault in found for name in fault.columns}
    found += _changed_relations(related, told, alpha)
    return tuple(found)


def constant(cells: Cells, reference: Counts, current: Counts) -> int | None:
    """The cell in which a column has all its values now, though it varied in the reference.

    >>> cells = NumericCells("features.x", (0.0, 1.0, 2.0))
    >>> constant(cells, np.array([0, 0, 0, 50, 50, 0]), np.array([0, 0, 0, 0, 40, 0]))
    4
    >>> constant(cells, np.array([0, 0, 0, 0, 90, 0]), np.array([0, 0, 0, 0, 40, 0])) is None
    True
    """
    present = np.ones(len(current), bool)
    present[[at for what, at in cells.special.items() if what in {"missing", "invalid"}]] = False
    rows = float(current[present].sum())
    cell = int(np.argmax(np.where(present, current, -1)))
    if len(cells.inner) < 2 or rows < _FEWEST or current[cell] < _CONSTANT * rows:
        return None
    before = (reference[cell] + 0.5) / (reference[present].sum() + 1)
    return cell if rows * math.log(before) < math.log(_NEVER) else None


def _of_column(name: str, held: Held) -> Iterator[Fault]:
    for part in held.portions:
        if part.what in _WORDS and part.low > 0:
            kind, words = _WORDS[part.what]
            told = (
                f"{name} {words} in {_percent(part.current)} of the rows, usually in {_percent(part.usual)}."
            )
            yield Fault(kind, (name,), part.current, told)
    if not isinstance(held.cells, NumericCells):
        cell = constant(held.cells, held.reference, held.current)
        if cell is not None and cell in held.cells.inner:
            yield _constant(name, held.cells.labels[cell])
        return
    yield from _of_numbers(name, held, held.cells)


def _of_numbers(name: str, held: Held, cells: NumericCells) -> Iterator[Fault]:
    cell = constant(cells, held.reference, held.current)
    outside = _outside(held.current, cells)
    unit = unit_of(Source(cells, held.reference), held.current)
    if unit and (cell is None or cell not in cells.inner):
        one = ", or constant" if cell is not None else ""
        told = f"{name} looks as if it were {unit}{one}: {_percent(outside)} of its values are out of range."
        yield Fault("units", (name,), outside, told)
    elif cell is not None:
        yield _constant(name, cells.labels[cell], f" It may have been {unit}." if unit else "")
    elif outside >= _MOSTLY and any(part.what in {"below", "above"} for part in held.portions):
        told = f"{name} has {_percent(outside)} of its values outside of what the reference has."
        yield Fault("range", (name,), outside, told)


def _constant(name: str, label: str, more: str = "") -> Fault:
    where = f"all its values are {label}" if label in {"above", "below"} else f"all its values lie in {label}"
    return Fault("constant", (name,), 1.0, f"{name} does not vary any more: {where}.{more}")


def _outside(current: Counts, cells: NumericCells) -> float:
    special = cells.special
    rows = current[2:].sum()
    return float((current[special["below"]] + current[special["above"]]) / rows) if rows else 0.0


def _swapped_values(columns: Mapping[str, Held], found: list[Fault]) -> list[Fault]:
    """Pairs of columns of which each holds what the other should."""
    known = {name for fault in found if fault.kind in {"constant", "missing"} for name in fault.columns}
    astray_ones = {
        name: (Source(held.cells, held.reference), held.current)
        for name, held in columns.items()
        if isinstance(held.cells, NumericCells) and name not in known and _is_astray(held, held.cells)
    }
    swaps = []
    for a, (one, now) in astray_ones.items():
        for b, (other, then) in astray_ones.items():
            if a < b and holds(one, other, now) and holds(other, one, then):
                swaps.append((a, b))
    swapped = {name for pair in swaps for name in pair}
    found[:] = [fault for fault in found if fault.columns[0] not in swapped]
    return [_swap(a, b) for a, b in swaps]


def _is_astray(held: Held, cells: NumericCells) -> bool:
    own = Source(cells, held.reference)
    return bool(held.current[2:].sum() >= _FEWEST) and astray(held.current, expected(cells, own)) >= ASTRAY


def _swap(a: str, b: str) -> Fault:
    return Fault("swapped", (a, b), 1.0, f"{a} and {b} are swapped: each holds what the other should.")


def _turned_relations(related: Relations, found: list[Fault], alpha: float) -> list[Fault]:
    """Columns whose pairs look right again when one is turned around, or two are swapped.

    Columns that are distributed alike can be told apart only by what they go along with.
    """
    known = {name for fault in found for name in fault.columns}
    certain = [change.columns for change in related.changes if change.p_value * related.pairs < alpha]
    loud = {name for names in certain for name in names} - known
    places = [at for at, name in enumerate(related.names) if name in loud]
    usual, now = np.nan_to_num(related.usual), np.nan_to_num(related.current)
    turned: list[Fault] = []
    for a in places:
        if _is_reversed(now, usual, a):
            name = related.names[a]
            told = f"{name} looks as if it were multiplied by -1: it goes along with others the other way."
            turned.append(Fault("units", (name,), 1.0, told))
            usual[a], usual[:, a] = -usual[a], -usual[:, a]
    return turned + _exchanged(related.names, usual, now, places)


def _is_reversed(now: Floats, usual: Floats, a: int) -> bool:
    """Whether all that a column goes along with has turned; with one partner, either may have."""
    partners = np.abs(now[a] - usual[a]) > FLIPPED
    before = _distance(now, usual, [a])
    return int(partners.sum()) > 1 and _distance(now, -usual, [a]) < _EXPLAINED * before


def _exchanged(names: tuple[str, ...], usual: Floats, now: Floats, places: list[int]) -> list[Fault]:
    """Swaps, the best first; what another swap would explain as well is told with it."""
    found: list[Fault] = []
    tries = sorted(_explaining(now, usual, pair) for pair in combinations(places, 2))
    while tries and tries[0][0] < _EXPLAINED:
        pair = tries[0][1]
        usual = _permuted(usual, pair)
        left = sorted(_explaining(now, usual, other) for _, other in tries if not set(pair) & set(other))
        open_ones = {other for ratio, other in left if ratio < _EXPLAINED}
        settled = [other for ratio, other in tries if ratio < _EXPLAINED and not set(pair) & set(other)]
        either = [pair, *(other for other in settled if other not in open_ones)]
        told = ", or ".join(f"{names[a]} and {names[b]}" for a, b in either)
        columns = tuple(names[at] for one in either for at in one)
        found.append(
            Fault("swapped", columns, 1.0, f"{told} are swapped: each goes along with what the other did.")
        )
        tries = left
    return found


def _explaining(now: Floats, usual: Floats, pair: tuple[int, int]) -> tuple[float, tuple[int, int]]:
    """Which part of the change of two columns is left if they were swapped; 1 where there is hardly any."""
    before = _distance(now, usual, list(pair))
    return (_distance(now, _permuted(usual, pair), list(pair)) / before if before > _LOUD else 1.0), pair


def _permuted(usual: Floats, pair: tuple[int, int]) -> Floats:
    order = np.arange(len(usual))
    order[list(pair)] = pair[::-1]
    return usual[np.ix_(order, order)]


def _distance(now: Floats, then: Floats, places: list[int]) -> float:
    """Sum of squared differences of the correlations of some columns with all others."""
    others = [at for at in range(len(now)) if at not in places]
    return float(((now - then)[np.ix_(places, others)] ** 2).sum())


def _changed_relations(related: Relations, told: set[str], alpha: float) -> list[Fault]:
    found = []
    for change in related.changes:
        a, b = change.columns
        certain = change.p_value * related.pairs < alpha
        if certain and change.effect >= FLIPPED and not told & {a, b}:
            sizes = f"their correlation was {change.usual:+.2f} and is {change.current:+.2f}"
            words = f"{a} and {b} do not go together as they did: {sizes}."
            found.append(Fault("relation", (a, b), change.effect, words))
    return found


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.995 else f"{100 * share:.4g} %"
