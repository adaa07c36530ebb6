"""Trust: contradicted by truths and by nothing else, lost and found again."""

import numpy as np
import pyarrow as pa
import pytest

from konan.monitoring.estimation.correction import Realised
from konan.monitoring.estimation.trust import Check, check, earlier, judged, strangers
from konan.monitoring.profiles.cells import CategoryCells
from konan.monitoring.profiles.histogram import fit_numeric
from konan.monitoring.profiles.profile import FEATURES, Layout, Profile


def checks_of(rng: np.random.Generator, windows: int, rows: int, off: float) -> list[Check]:
    shares = ((rng.random(rows) < 0.9 + off).mean() for _ in range(windows))
    found = (check(Realised(share, 0.9, rows), 0.09, 1.0, rows) for share in shares)
    return [one for one in found if one is not None]


def test_estimates_that_are_right_are_trusted() -> None:
    rng = np.random.default_rng(1)
    lost = sum(not judged(checks_of(rng, 10, 50, 0.0), 0.03).trustworthy for _ in range(500))
    assert lost <= 2


def test_an_estimate_that_truths_contradict_is_not_trustworthy_and_says_so() -> None:
    rng = np.random.default_rng(2)
    found = judged(checks_of(rng, 3, 300, -0.3), 0.03)
    assert not found.trustworthy
    assert found.why.startswith("Not trustworthy here: truths of the newest rows are off from it by -0.")
    assert -0.35 < earlier(checks_of(rng, 3, 300, -0.3)).offset < -0.25
    assert abs(earlier(checks_of(rng, 3, 300, 0.0)).offset) < 0.02


def test_it_is_trusted_again_when_the_newest_truths_agree() -> None:
    rng = np.random.default_rng(3)
    before, after = checks_of(rng, 5, 400, -0.3), checks_of(rng, 3, 400, 0.0)
    assert not judged(before, 0.03).trustworthy
    assert judged([*before, *after], 0.03).trustworthy


def test_errors_to_both_sides_do_not_cancel_out() -> None:
    rng = np.random.default_rng(4)
    mixed = [one for _ in range(4) for off in (-0.2, 0.09) for one in checks_of(rng, 1, 60, off)]
    found = judged(mixed, 0.06)
    assert not found.trustworthy
    assert earlier(mixed).error > 0.06


def test_few_truths_neither_contradict_nor_confirm() -> None:
    found = judged(checks_of(np.random.default_rng(5), 1, 12, -0.1), 0.03)
    assert found.trustworthy
    assert found.why == "Truths do not contradict it, but are few yet."


def test_values_that_the_reference_never_had_are_a_reason_until_truths_agree() -> None:
    x = np.random.default_rng(6).random(1000)
    layout = Layout((fit_numeric(FEATURES + "x", x), CategoryCells(FEATURES + "city", ("Bern",), ())))

    def profile(low: float, city: str) -> Profile:
        return Profile.of(layout, pa.table({FEATURES + "x": x + low, FEATURES + "city": [city] * x.size}))

    usual = profile(0.0, "Bern")
    assert strangers(layout, usual, profile(0.02, "Bern")) == []
    unknown = strangers(layout, usual, profile(0.5, "Rome"))
    assert unknown == ["features.city", "features.x"]
    found = judged([], 0.03, unknown)
    assert not found.trustworthy
    assert found.why.endswith("the reference never had (city, x).")
    agreeing = checks_of(np.random.default_rng(7), 3, 2000, 0.0)
    assert judged(agreeing, 0.03, unknown).trustworthy


def test_rows_that_hang_together_count_as_fewer() -> None:
    assert check(Realised(0.5, 0.9, 3), 0.09, 10.0, 3) is None
    found = check(Realised(0.5, 0.9, 100, 0.25), 0.09, 10.0, 100)
    assert found is not None
    assert found.rows == 10
    assert found.variance == 0.0025
    few = check(Realised(0.5, 0.9, 100, 0.25), 0.09, 10.0, 1000)
    assert few is not None
    assert few.rows == pytest.approx(100 / 1.9)
    assert few.variance == pytest.approx(0.025 * 1.9 / 100)
