"""What is wrong with truths is found, and nothing where nothing is."""

import numpy as np
import pyarrow as pa

from konan.monitoring.labels import checks
from konan.monitoring.labels.checks import Sender
from konan.monitoring.labels.coverage import Counted, coverage, findings
from konan.monitoring.profiles.cells import CategoryCells
from konan.monitoring.profiles.histogram import fit_numeric
from konan.monitoring.profiles.profile import FEATURES, LABEL, TARGET, Layout, Profile
from konan.monitoring.reports.quality import Share
from konan.records.monitoring import Segment

X = np.random.default_rng(0).random(20_000)
LAYOUT = Layout(
    (
        fit_numeric(FEATURES + "x", X),
        CategoryCells(LABEL, ("no", "yes"), ()),
        CategoryCells(TARGET, ("no", "yes"), ()),
    )
)


def profile(x: np.ndarray[tuple[int], np.dtype[np.float64]], truth: list[str] | None = None) -> Profile:
    columns = {FEATURES + "x": x, LABEL: np.where(x > 0.5, "yes", "no")}
    return Profile.of(LAYOUT, pa.table(columns | ({TARGET: truth} if truth else {})))


def slices(rng: np.random.Generator, shares: list[float]) -> list[Counted]:
    segments = [Segment(column="city", value=str(at)) for at in range(len(shares))]
    return [
        Counted(one, 500, int(rng.binomial(500, share))) for one, share in zip(segments, shares, strict=True)
    ]


def covered(found: list[Counted]) -> list[str | None]:
    told = coverage(found, sum(one.rows for one in found), sum(one.labelled for one in found))
    return [one.segment.value for one in told if one.state == "problem"]


def test_slices_that_get_fewer_truths_are_named_and_others_hardly_ever() -> None:
    rng = np.random.default_rng(1)
    assert covered(slices(rng, [0.4, 0.4, 0.1, 0.4])) == ["2"]
    assert sum(bool(covered(slices(rng, [0.3] * 8))) for _ in range(200)) <= 8
    told = findings(coverage(slices(rng, [0.5, 0.1]), 1000, 300), 0.3)
    assert [one.about for one in told] == ["city"]
    assert told[0].detail.startswith("Of city = 1 ")


def test_answers_without_truths_are_one_sided_and_chance_is_not() -> None:
    (found,) = checks.one_sided({"no": 700, "yes": 300}, {"no": 14, "yes": 240})
    assert (found.kind, found.state, found.about) == ("one-sided", "problem", "no")
    assert checks.one_sided({"no": 700, "yes": 300}, {"no": 500, "yes": 240}) == []
    assert checks.one_sided({"no": 700, "yes": 300}, {"yes": 10}) == []


def test_rows_with_a_truth_that_are_others_are_told_by_the_column() -> None:
    whole = profile(X)
    (found, *_) = checks.selection(LAYOUT, whole, profile(X[X > 0.6]))
    assert found.about in {FEATURES + "x", LABEL}
    assert found.state == "notice"
    random = np.random.default_rng(2).random(X.size) < 0.3
    assert checks.selection(LAYOUT, whole, profile(X[random])) == []
    assert checks.selection(LAYOUT, whole, profile(X[:10])) == []
    assert checks.selection(LAYOUT, whole, whole) == []


def test_truths_that_are_all_the_same_are_a_problem_unless_the_reference_is_so_too() -> None:
    assert len(checks.single_class({"no": 0, "yes": 200}, {"no": 500, "yes": 500})) == 1
    assert checks.single_class({"no": 0, "yes": 200}, {"no": 1, "yes": 999}) == []
    assert checks.single_class({"no": 1, "yes": 199}, {"no": 500, "yes": 500}) == []
    assert checks.single_class({}, {"no": 500, "yes": 500}) == []


def test_answers_that_come_back_as_truths_are_found() -> None:
    assert len(checks.copied(1000, 1000, Share(830, 1000))) == 1
    assert checks.copied(840, 1000, Share(830, 1000)) == []
    assert checks.copied(1000, 1000, Share(995, 1000)) == []
    assert checks.copied(1000, 1000, None) == []


def test_truths_of_no_known_class_are_found() -> None:
    usual = profile(X, np.where(X > 0.4, "yes", "no").tolist())
    coded = np.where(X > 0.4, "1", "0")
    (found,) = checks.unknown(LAYOUT, usual, profile(X, coded.tolist()))
    assert (found.state, found.current) == ("problem", 1.0)
    coded[2000:] = "no"
    assert checks.unknown(LAYOUT, usual, profile(X, coded.tolist()))[0].state == "problem"
    assert checks.unknown(LAYOUT, usual, usual) == []


def test_a_sender_that_turns_truths_round_is_named_and_the_larger_one_is_not() -> None:
    (found,) = checks.senders([Sender("good", 900, 800), Sender("bad", 300, 40), Sender("few", 5, 0)])
    assert found.about == "bad"
    assert checks.senders([Sender("good", 900, 800), Sender("also", 300, 260)]) == []
    assert checks.senders([Sender("only", 900, 10)]) == []


def test_problems_come_first() -> None:
    found = checks.ordered([*checks.revised(10, 100), *checks.copied(1000, 1000, Share(830, 1000))])
    assert [one.state for one in found] == ["problem", "notice"]
