"""Detectors: the recursion, any portions, run lengths and delays as `benchmarks.monitoring.simulate`
measures."""

import math

import msgspec
import numpy as np
import pytest
from benchmarks.monitoring import simulate
from hypothesis import given
from hypothesis import strategies as st

from konan.monitoring.evidence.bets import log_factors, mixed
from konan.monitoring.evidence.detectors import Detector, Evidence, path

values = st.lists(st.floats(0, 1), max_size=60)


@given(values, st.integers(0, 60), st.integers(1, 7), st.floats(0.01, 1.0))
def test_two_updates_are_one(rows: list[float], cut: int, block: int, limit: float) -> None:
    once = Detector.of(limit, block=block).update(rows)
    twice = Detector.of(limit, block=block).update(rows[:cut]).update(rows[cut:])
    assert (once.evidence.looks, once.waiting_rows) == (twice.evidence.looks, twice.waiting_rows)
    assert once.waiting == pytest.approx(twice.waiting, abs=1e-12)
    assert once.evidence.masses == pytest.approx(twice.evidence.masses, rel=1e-9, abs=1e-9)
    assert once.evidence.peak == pytest.approx(twice.evidence.peak, rel=1e-9, abs=1e-9)


@given(values.filter(bool), st.floats(0.05, 1.0))
def test_the_path_is_the_recursion(rows: list[float], limit: float) -> None:
    factors = log_factors(rows, limit)
    mass = np.zeros(factors.shape[1])
    for step, walked in zip(factors, path(np.zeros(factors.shape[1]), factors), strict=True):
        mass = (mass + 1) * np.exp(step)
        np.testing.assert_allclose(walked, np.log1p(mass), rtol=1e-8, atol=1e-8)


def test_no_length_of_trouble_overflows_and_no_length_of_calm_vanishes() -> None:
    trouble = Detector.of(0.01).update(np.ones(200_000))
    calm = Detector.of(0.5).update(np.zeros(200_000))
    assert math.isfinite(trouble.log_evidence)
    assert trouble.log_evidence > 1e5
    assert 0 <= calm.log_evidence < 5
    assert calm.update(np.ones(60)).fires(1e4)


def test_a_stored_detector_goes_on_as_if_nothing_had_happened() -> None:
    random = np.random.default_rng(1)
    rows = random.random(1001)
    half = Detector.of(0.4, block=3).update(rows[:500])
    for encode, decode in (
        (msgspec.json.encode, msgspec.json.decode),
        (msgspec.msgpack.encode, msgspec.msgpack.decode),
    ):
        again = decode(encode(half), type=Detector)
        assert again == half
        assert again.update(rows[500:]) == half.update(rows[500:])


def test_a_window_of_counts_is_one_look_at_all_its_rows() -> None:
    looked = Detector.of(0.2).look([60, 40], [0, 1])
    assert looked.evidence.looks == 1
    total = log_factors([0.0] * 60 + [1.0] * 40, 0.2).sum(axis=0)
    assert looked.log_evidence == pytest.approx(mixed(np.logaddexp(0, total)))


@given(st.lists(st.integers(0, 1), min_size=8, max_size=8))
def test_counts_of_a_block_never_claim_more_than_its_mean(rows: list[int]) -> None:
    by_counts = Detector.of(0.3, block=8).look([8 - sum(rows), sum(rows)], [0, 1])
    by_mean = Detector.of(0.3, block=8).update(rows)
    assert by_counts.log_evidence <= by_mean.log_evidence + 1e-12


def test_a_window_may_take_another_root_than_its_block() -> None:
    watch = Detector.of(0.2, block=8)
    assert watch.look([60, 40], [0, 1], 8) == watch.look([60, 40], [0, 1])
    assert watch.look([60, 40], [0, 1], 3.5).log_evidence > watch.look([60, 40], [0, 1]).log_evidence
    assert watch.look([60, 40], [0, 1], 0.1) == watch.look([60, 40], [0, 1], 1)


def test_after_an_alarm_the_same_watch_begins_anew() -> None:
    fired = Detector.of(0.2, block=2).update(np.ones(100))
    assert fired.fires(1e6)
    assert fired.again() == Detector.of(0.2, block=2)


def test_the_peak_remembers_what_the_mean_forgot() -> None:
    passed = Detector.of(0.2).update(np.ones(20)).update(np.zeros(400))
    assert passed.fires(1e4)
    assert passed.log_evidence < math.log(1e4)
    assert Evidence.of(3).peak == 0


@pytest.mark.parametrize("bad", [-0.1, 1.5, math.nan])
def test_a_value_outside_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="0, 1"):
        Detector.of(0.5, block=4).update([0.5, bad])


def test_the_run_length_is_at_least_the_height() -> None:
    table = list(simulate.runs_without_trouble(30, height=200, most=8000))
    lengths = {row[0]: float(str(row[1])) for row in table[1:]}
    assert 200 <= lengths["SR"] <= 1000  # and the budget is used: CUSUM leaves most of it
    assert lengths["CUSUM"] > 3 * lengths["SR"]


def test_changes_are_seen_as_soon_as_published() -> None:
    """Medians of the published table for SR: 619, 205 and 92 labels; restarts beat the plain product."""
    table = {row[0]: [float(str(cell)) for cell in row[1:]] for row in list(simulate.delays(9))[1:]}
    assert 300 < table[0.25][0] < 1100
    assert 120 < table[0.30][0] < 320
    assert 55 < table[0.40][0] < 140
    assert all(sr < cusum < plain for sr, cusum, plain in table.values() if sr < 1000)


def test_the_average_of_streams_keeps_the_run_length_of_one() -> None:
    random = np.random.default_rng(5)
    times = []
    for _ in range(30):
        rows = random.random((5, 4000)) < 0.2
        logs = np.array([simulate.walk("SR", log_factors(stream, 0.2)) for stream in rows])
        times.append(min(simulate.first(np.array([mixed(look) for look in logs.T]), 100), 4000))
    assert np.mean(times) > 100


def test_a_plain_product_rarely_ever_alarms() -> None:
    quiet, worse = list(simulate.plain(60, 3000))[1:]
    assert float(str(quiet[1])) <= 0.05
    assert 100 < float(str(worse[2])) < 400
