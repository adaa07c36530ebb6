"""Shifts against a finite reference: no false alarms through its own noise, and power for what matters."""

import msgspec
import numpy as np
import pytest
from benchmarks.monitoring import bands, simulate
from hypothesis import given
from hypothesis import strategies as st

from konan.monitoring.evidence.detectors import Evidence
from konan.monitoring.evidence.shifts import Shifts
from konan.monitoring.profiles.histogram import known_categories, left_out

LABELS = ("a", "b", "c", "other", "unseen", "missing")
REFERENCE = [5000, 3000, 1900, 100, 0, 0]


def test_a_small_reference_makes_no_false_alarms_where_its_shares_taken_as_exact_do() -> None:
    ours, naive = "limits that hold together (kept)", "shares taken as exact"
    rows = list(simulate.reference(8, looks=800, ways=(ours, naive)))[1:]
    table = {(row[0], row[1]): float(str(row[3])) for row in rows}
    assert table[ours, 1000] == table[ours, 10_000] == 0
    assert table[naive, 1000] == 1


def test_shifts_are_seen() -> None:
    random = np.random.default_rng(1)
    for change, most in (({"shift": 0.5}, 6), ({"missing": 0.05}, 15), ({"spread": 1.3}, 20)):
        source = simulate.Source(random, 10_000)
        windows = np.vstack([source.windows(100, 200), source.windows(60, 200, **change)])
        at = simulate.first(bands.with_tolerance(source.reference)(windows), 1e4) - 100
        assert 0 < at <= most


@pytest.mark.parametrize(
    ("window", "what"),
    [
        ([250, 150, 95, 5, 0, 500], "more in missing"),
        ([450, 280, 170, 10, 90, 0], "more in unseen"),
        ([500, 300, 20, 180, 0, 0], "more in other"),
        ([100, 550, 330, 20, 0, 0], "fewer in a"),
    ],
)
def test_what_moved_is_named(window: list[int], what: str) -> None:
    shifts = Shifts(REFERENCE, LABELS)
    evidence = shifts.look(shifts.begin(), window)
    assert evidence.fires(1e6)
    assert what in [bet.what for bet in shifts.strongest(evidence, 2)]


def test_calm_windows_name_nothing() -> None:
    shifts = Shifts(REFERENCE, LABELS)
    evidence = shifts.begin()
    for window in np.random.default_rng(2).multinomial(500, np.array(REFERENCE) / 10_000, 100):
        evidence = shifts.look(evidence, window)
    assert shifts.strongest(evidence) == []
    assert evidence.looks == 100


@given(st.lists(st.integers(0, 10_000), min_size=6, max_size=6))
def test_one_window_alone_is_an_e_value_and_finite(window: list[int]) -> None:
    shifts = Shifts(REFERENCE, LABELS)
    assert np.isfinite(shifts.log_e(window))
    assert np.isfinite(shifts.look(shifts.begin(), window).masses).all()


def test_a_window_is_worth_at_most_one_on_average() -> None:
    random = np.random.default_rng(3)
    shifts = Shifts(REFERENCE, LABELS, tolerance=0.0)
    windows = random.multinomial(50, np.array(REFERENCE) / 10_000, 20_000)
    assert np.exp([shifts.log_e(window) for window in windows]).mean() <= 1


def test_no_rows_are_no_look() -> None:
    shifts = Shifts(REFERENCE, LABELS)
    assert shifts.look(shifts.begin(), [0] * 6) == shifts.begin()


def test_rows_that_hang_together_count_as_fewer() -> None:
    single = Shifts(REFERENCE, LABELS).log_e([100, 550, 330, 20, 0, 0])
    tenth = Shifts(REFERENCE, LABELS, block=10).log_e([100, 550, 330, 20, 0, 0])
    assert 0 < tenth < single
    limits = [Shifts(REFERENCE, LABELS, block=block).bets[0].limit for block in (1, 10)]
    assert limits[0] < limits[1]  # the reference holds less too


@pytest.mark.parametrize(("values", "steepness"), [(50_000, 1.05), (200, 0.0), (5000, 0.0), (300, 1.05)])
def test_many_categories_make_no_false_alarms(values: int, steepness: float) -> None:
    """A reference knows its own categories better than those to come, and the luckiest best."""
    random = np.random.default_rng(4)
    chances = np.arange(1.0, values + 1) ** -steepness
    chances /= chances.sum()
    for _ in range(3):
        seen = random.multinomial(2000, chances)
        counts = {str(at): int(seen[at]) for at in np.flatnonzero(seen)}
        cells = known_categories("x", counts)
        places = {value: at for at, value in enumerate(cells.values)}
        places |= dict.fromkeys(cells.rare, cells.labels.index("other"))
        unseen = cells.labels.index("unseen")
        cell = [places.get(str(at), unseen) for at in range(values)]
        reference = np.bincount(cell, seen, len(cells.labels))
        moved = left_out(cells, counts)
        reference[[unseen - 1, unseen]] += (-moved, moved)
        shifts = Shifts(reference, cells.labels)
        evidence = shifts.begin()
        live = np.bincount(cell, chances, len(cells.labels)) * (1 - 1e-12)  # sums to 1 at most
        for window in random.multinomial(1000, live, 365):
            evidence = shifts.look(evidence, window)
        assert not evidence.fires(365)


@pytest.mark.parametrize("reference", [[0] * 6, [0, 0, 0, 0, 0, 900], [900, 0, 0, 0, 0, 0]])
@pytest.mark.parametrize("order", [(), (0, 1, 2, 3)])
def test_odd_references_do_no_harm(reference: list[int], order: tuple[int, ...]) -> None:
    shifts = Shifts(reference, LABELS, order=order)
    evidence = shifts.begin()
    for _ in range(50):
        evidence = shifts.look(evidence, reference)
    assert not evidence.fires(100)
    assert np.isfinite(evidence.masses).all()


def test_the_state_is_small_and_comes_back() -> None:
    shifts = Shifts(np.full(20, 500), bands.LABELS, order=bands.ORDER)
    evidence = shifts.look(shifts.begin(), np.full(20, 5))
    packed = msgspec.msgpack.encode(evidence)
    assert len(packed) < 2048
    assert msgspec.msgpack.decode(packed, type=Evidence) == evidence
