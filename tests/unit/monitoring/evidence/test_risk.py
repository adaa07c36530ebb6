"""The detector on losses: its run length where its assumptions hold, what it sees, how it restarts."""

import math

import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from konan.monitoring.evidence.bets import BETS
from konan.monitoring.evidence.detectors import Evidence, averaged, path
from konan.monitoring.evidence.risk import Loss, RiskDetector

Floats = npt.NDArray[np.float64]


def exact(sides: str = "both", low: float = 0.2, high: float = 0.2) -> RiskDetector:
    """One whose limits are the truth itself, which is the hardest null."""
    bets = (2 if sides == "both" else 1) * len(BETS)
    found = RiskDetector(losses=(Loss(name="error", low=low, high=high),), evidence=Evidence.of(bets))
    return msgspec.structs.replace(found, sides=sides)


def errors(random: np.random.Generator, size: int, share: float) -> Floats:
    return (random.random(size) < share).astype(np.float64)


def first(detector: RiskDetector, values: Floats, height: float) -> float:
    walk = averaged(path(detector.evidence.masses, detector.factors({"error": values})))
    above = walk >= math.log1p(height)
    return float(above.argmax() + 1) if above.any() else math.inf


@pytest.mark.parametrize("sides", ["both", "rise", "fall"])
def test_the_run_length_is_at_least_a_with_the_mean_at_the_limit(sides: str) -> None:
    random, most = np.random.default_rng(1), 3000
    times = [min(first(exact(sides), errors(random, most, 0.2), 100), most) for _ in range(150)]
    assert np.mean(times) >= 100


def test_a_rise_and_a_fall_are_told_apart() -> None:
    random = np.random.default_rng(2)
    for share, side in ((0.4, "rise"), (0.05, "fall")):
        seen = exact().update({"error": errors(random, 600, share)})
        assert seen.fires(1e5)
        assert seen.strongest().side == side


def test_a_watch_on_decay_says_nothing_of_an_improvement() -> None:
    random = np.random.default_rng(3)
    assert not exact("rise").update({"error": errors(random, 5000, 0.05)}).fires(1000)


def test_the_band_of_a_reference_holds_its_truth() -> None:
    random = np.random.default_rng(4)
    held = []
    for _ in range(200):
        loss = Loss.of("error", errors(random, 400, 0.2), 0.0)
        held.append(loss.low <= 0.2 <= loss.high)
    assert np.mean(held) >= 0.98


def test_labels_that_hang_together_count_for_fewer() -> None:
    random = np.random.default_rng(5)
    runs = np.repeat(errors(random, 1000, 0.2), 5)
    loss = Loss.of("error", runs)
    assert 3.5 < loss.rows_as_one < 8
    assert loss.high > Loss.of("error", random.permutation(runs)).high


def test_cut_into_any_calls_the_outcome_is_the_same() -> None:
    random = np.random.default_rng(6)
    wrong, off = errors(random, 900, 0.3), random.random(900)
    begun = RiskDetector.of({"error": wrong[:300], "squared": off[:300]})
    once = begun.update({"error": wrong, "squared": off})
    parts = begun
    for start, end in ((0, 1), (1, 500), (500, 500), (500, 900)):
        parts = parts.update({"error": wrong[start:end], "squared": off[start:end]})
    np.testing.assert_allclose(parts.evidence.masses, once.evidence.masses, rtol=1e-9, atol=1e-9)
    stored = msgspec.msgpack.decode(msgspec.msgpack.encode(once), type=RiskDetector)
    assert stored == once
    assert stored.again().log_evidence == 0.0
    with pytest.raises(ValueError, match="0, 1"):
        once.update({"error": [2.0], "squared": [0.0]})
