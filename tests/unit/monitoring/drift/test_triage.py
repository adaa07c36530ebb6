"""The kind of a drift: by faults, by what stayed the same, by segments and by season."""

import numpy as np
import pytest
from tests.unit.monitoring.drifting import Table, drifted, nothing, profile, reference

from konan.monitoring.drift.comparison import drift
from konan.monitoring.drift.distributions import Counts
from konan.monitoring.drift.triage import Joint, Kind, at_equal, triage
from konan.monitoring.profiles.profile import LABEL, TARGET

Draw = np.random.Generator


def older(table: Table, draw: Draw) -> None:
    del draw
    table["features.age"] = 40 + table["features.age"] / 2


def a_little(table: Table, draw: Draw) -> None:
    del draw
    table["features.temp"] = table["features.temp"] + 0.8


def missing(table: Table, draw: Draw) -> None:
    table["features.age"][draw.random(len(table["features.age"])) < 0.6] = np.nan


def more_truths(table: Table, draw: Draw) -> None:
    table[TARGET] = np.where(draw.random(len(table[TARGET])) < 0.5, "yes", "no")


def test_a_fault_goes_before_all_else() -> None:
    found = triage(drifted(missing))
    assert (found.kind, found.columns) == ("data fault", ("features.age",))
    assert "features.age has no value in 6" in found.reason


def test_other_inputs_are_a_covariate_shift() -> None:
    found = triage(drifted(older))
    assert (found.kind, found.columns) == ("covariate", ("features.age",))
    assert "PSI" in found.reason


def test_other_truths_alone_are_a_shift_of_labels() -> None:
    found = triage(drifted(more_truths))
    assert (found.kind, found.columns) == ("label", (TARGET,))


def test_answers_that_do_not_vary_are_no_fault_of_the_data() -> None:
    def stuck(table: Table, draw: Draw) -> None:
        del draw
        table[LABEL] = np.full(len(table[LABEL]), "no")

    found = drifted(stuck)
    assert found.guilty == (LABEL,)
    assert not found.faults
    cause = triage(found)
    assert (cause.kind, cause.columns) == ("covariate", (LABEL,))
    assert "no single input" in cause.reason


def test_without_drift_it_is_told_why() -> None:
    assert triage(drifted(nothing)).reason == "Nothing moved by more than noise does."
    few = triage(drifted(nothing, 50))
    assert (few.kind, few.reason) == ("", "50 rows are too few to tell drift from noise.")
    small = triage(drifted(a_little, 20_000))
    assert small.kind == ""
    assert "too little to matter: features.temp" in small.reason
    layout, before = reference()
    assert "no rows" in triage(drift(before, profile(nothing, 0), layout)).reason


def test_a_few_segments_are_named() -> None:
    quiet, moved = drifted(nothing, 2000, 5), drifted(older, 2000, 6)
    slices = {"city=Bern": quiet, "city=Rome": moved, "city=Oslo": drifted(nothing, 2000, 7)}
    found = triage(drifted(older), segments=slices)
    assert found.segments == ("city=Rome",)
    assert found.reason.endswith(" Only in city=Rome.")
    assert triage(drifted(older), segments={"city=Bern": moved, "city=Rome": moved}).segments == ()


def test_a_segment_that_drifts_alone_is_told_though_the_whole_does_not() -> None:
    slices = {"city=Linz": drifted(missing, 500), "city=Bern": drifted(nothing, 2000, 5)}
    found = triage(drifted(nothing), segments=slices)
    assert (found.kind, found.segments) == ("data fault", ("city=Linz",))


def test_what_comes_back_every_year_is_no_shift() -> None:
    now = profile(older, 2000)
    layout, before = reference()
    same_season = drift(profile(older, 5000, 9), now, layout)
    found = triage(drift(before, now, layout), season=same_season)
    assert (found.kind, found.seasonal, found.columns) == ("", True, ("features.age",))
    other_season = drift(profile(nothing, 5000, 9), now, layout)
    assert triage(drift(before, now, layout), season=other_season).kind == "covariate"
    few = drift(profile(older, 5000, 9), profile(nothing, 50), layout)
    assert triage(drift(before, now, layout), season=few).kind == "covariate"


def joints(scores: list[float], truths: list[float], rows: int, seed: int) -> Counts:
    """Rows per score and truth, of the share of each score and the chance of the truth there."""
    draw = np.random.default_rng(seed)
    held = draw.multinomial(rows, scores)
    ones = draw.binomial(held, truths)
    return np.stack([held - ones, ones], axis=1)


SCORES, TRUTHS = [0.4, 0.3, 0.2, 0.1], [0.05, 0.2, 0.5, 0.9]
PRIOR = float(np.dot(SCORES, TRUTHS))
ODDS = 0.6 / 0.4 / (PRIOR / (1 - PRIOR))
MORE = [one * truth * ODDS + one * (1 - truth) for one, truth in zip(SCORES, TRUTHS, strict=True)]
RELABELLED = [one / sum(MORE) for one in MORE], [t * ODDS / (t * ODDS + 1 - t) for t in TRUTHS]
"""Six of ten have the truth, while rows with it (and those without) have the scores they had."""

KINDS: list[tuple[Kind | None, tuple[list[float], list[float]]]] = [
    (None, (SCORES, TRUTHS)),
    ("covariate", ([0.1, 0.2, 0.3, 0.4], TRUTHS)),
    ("label", RELABELLED),
    ("concept", (SCORES, [0.5, 0.5, 0.5, 0.5])),
]


@pytest.mark.parametrize(("kind", "now"), KINDS, ids=["nothing", "covariate", "label", "concept"])
def test_truths_tell_the_kind(kind: Kind | None, now: tuple[list[float], list[float]]) -> None:
    joint = Joint(joints(SCORES, TRUTHS, 8000, 1), joints(*now, 3000, 2))
    found = triage(drifted(older), joint=joint)
    assert found.kind == (kind or "covariate")
    assert found.columns == ("features.age",)
    assert ("Equal scores now mean other truths" in found.reason) == (kind == "concept")


def test_another_concept_is_told_though_no_column_moved() -> None:
    joint = Joint(joints(SCORES, TRUTHS, 8000, 1), joints(SCORES, [0.5] * 4, 3000, 2))
    assert triage(drifted(nothing), joint=joint).kind == "concept"
    quiet = Joint(joints(SCORES, TRUTHS, 8000, 1), joints(SCORES, TRUTHS, 3000, 2))
    assert triage(drifted(nothing), joint=quiet).kind == ""


def test_truths_at_equal_scores_seldom_seem_to_change() -> None:
    found = [
        at_equal(joints(SCORES, TRUTHS, 4000, seed), joints([0.1, 0.2, 0.3, 0.4], TRUTHS, 800, seed + 500))
        for seed in range(400)
    ]
    chances = np.array([one.p_value for one in found], float)
    assert 0.02 <= float(np.mean(chances < 0.05)) <= 0.08


def test_of_no_rows_nothing_is_told() -> None:
    none = np.zeros((3, 2), int)
    assert at_equal(none, none).p_value is None
