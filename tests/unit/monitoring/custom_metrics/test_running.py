"""Metrics of users: what they are given, how sure what they say is, and that they reach nothing else."""

import asyncio
import math
from pathlib import Path

import msgspec
import numpy as np
import pytest
from tests.unit.monitoring.counted import FIRST, START, Counted, at
from tests.unit.monitoring.reference.test_learning import flushed, told
from tests.unit.predictions.logs import BIKES

from konan.errors import DeadlineExceeded, Invalid
from konan.monitoring.custom_metrics import running
from konan.monitoring.custom_metrics.evaluation import valued
from konan.monitoring.custom_metrics.joined_rows import joined
from konan.monitoring.custom_metrics.rows import Rows
from konan.monitoring.custom_metrics.running import Order, Part, Valued, measured
from konan.records.measures import CustomMetric

DAY = 86_400
WHOLE = Part(version=1, start=START, end=START + 2 * DAY)


def order(world: Counted, code: str, *parts: Part, rows: int = 1000) -> Order:
    return Order(
        directory=str(world.directory),
        deployment=BIKES,
        schemas={"1": FIRST},
        parts=parts,
        metrics=(CustomMetric(name="own", code=code),),
        rows=rows,
        unsafe=False,
    )


def said(world: Counted, code: str, *parts: Part, rows: int = 1000) -> list[Valued]:
    return [one for (one,) in asyncio.run(measured(order(world, code, *parts, rows=rows)))]


def each_of(world: Counted, codes: list[str]) -> tuple[Valued, ...]:
    """What several programs say of the same rows."""
    asked = order(world, "", WHOLE)
    metrics = tuple(CustomMetric(name=f"own{at}", code=code) for at, code in enumerate(codes))
    (found,) = asyncio.run(measured(msgspec.structs.replace(asked, metrics=metrics)))
    return found


@pytest.fixture
def world(tmp_path: Path) -> Counted:
    """Rows of two days with their truths, copies of some, and some without a truth."""
    made = Counted(tmp_path)
    early, late, unknown = at(START + 10, 4, 10), at(START + DAY + 5, 6, 20), at(START + 500, 3, 30)
    copies = at(START + 100, 2, 30, role="challenger", mirrors=early.ids[:2])
    flushed(made, [early, late, unknown, copies])
    told(made, [early], ["no", "no", "no", "no"])
    told(made, [early, late], ["yes", "no", "yes", "no"] + ["yes"] * 6, arrival=2)
    return made


def test_rows_come_with_the_truth_that_counts_newest_first(world: Counted) -> None:
    rows = joined(world.directory, BIKES, FIRST, WHOLE, 1000)
    assert rows["true_label"].to_pylist() == ["yes"] * 6 + ["no", "yes", "no", "yes"]
    assert joined(world.directory, BIKES, FIRST, WHOLE, 7)["id"].to_pylist() == rows["id"].to_pylist()[:7]
    first_hour = Part(version=1, start=START, end=START + 3600)
    assert joined(world.directory, BIKES, FIRST, first_hour, 1000).num_rows == 4
    assert (
        joined(world.directory, BIKES, FIRST, Part(version=2, start=START, end=START + DAY), 9).num_rows == 0
    )


def test_a_segment_has_its_rows_alone(world: Counted) -> None:
    rows = joined(world.directory, BIKES, FIRST, WHOLE, 1000)
    cities = rows["s_city"].to_pylist()
    for value in {*cities, None}:
        part = Part(version=1, start=START, end=START + 2 * DAY, column="city", value=value)
        assert joined(world.directory, BIKES, FIRST, part, 1000).num_rows == cities.count(value), value


def test_a_program_sees_truths_answers_probabilities_and_features(world: Counted) -> None:
    code = """
import math, statistics
import numpy as np

def metric(rows):
    assert set(rows.truth) <= {"yes", "no"} and set(rows.answer) <= {"yes", "no"}
    assert np.all(np.isclose(sum(rows.probabilities.values()), 1))
    assert rows.features["hour"].dtype == float and len(rows) == 10
    print("it may talk")
    return statistics.fmean(rows.truth == rows.answer)
"""
    (value,) = said(world, code, WHOLE)
    rows = joined(world.directory, BIKES, FIRST, WHOLE, 1000)
    right = np.mean([one == other for one, other in zip(rows["true_label"], rows["label"], strict=True)])
    assert value == Valued(float(right), rows=10)


def test_each_window_has_a_value_and_what_has_no_truth_has_none(world: Counted) -> None:
    later = Part(version=1, start=START + DAY, end=START + 2 * DAY)
    empty = Part(version=1, start=START + 2 * DAY, end=START + 3 * DAY)
    found = said(world, "def metric(rows): return len(rows)", WHOLE, later, empty)
    assert [one.value for one in found] == [10.0, 6.0, None]
    assert found[2].note == "No truth that it can be told by is known of these rows."
    (cut,) = said(world, "def metric(rows): return len(rows)", WHOLE, rows=7)
    assert (cut.value, cut.note) == (7.0, "Of the newest 7 labelled rows.")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("def metric(rows:", "SyntaxError"),
        ("raise KeyError('x')", "KeyError"),
        ("raise SystemExit", "SystemExit"),
        ("score = 1", "defines no function metric(rows)"),
    ],
)
def test_what_is_no_metric_is_refused_with_a_reason(world: Counted, code: str, reason: str) -> None:
    with pytest.raises(Invalid, match="own") as refusal:
        said(world, code)
    assert reason in refusal.value.message


def test_a_metric_that_fails_says_why_instead_of_a_value(world: Counted) -> None:
    reasons = {
        "return rows.truth[99]": "IndexError",
        "return [1, 2]": "gave 2 numbers for 10 rows",
        "return 'good'": "ValueError",
        "return float('nan')": "not a finite number",
        "raise SystemExit": "SystemExit",
    }
    found = each_of(world, [f"def metric(rows): {body}" for body in reasons])
    assert [one.value for one in found] == [None] * len(reasons)
    for one, reason in zip(found, reasons.values(), strict=True):
        assert reason in one.note


def test_a_program_reaches_nothing_but_its_rows(world: Counted) -> None:
    place = str(world.directory)
    acts = [
        "open('/etc/passwd').read()",
        f"open({place + '/x'!r}, 'w')",
        f"__import__('os').listdir({place!r})",
        "__import__('os').listdir('/proc')",
        "__import__('os').fork()",
        "__import__('socket').socket()",
        "__import__('os').kill(__import__('os').getppid(), 9)",
        "__import__('ctypes').CDLL(None).system(b'true') and 1 / 0",
    ]
    found = each_of(world, [f"def metric(rows):\n    {act}\n    return 1" for act in acts])
    for act, one in zip(acts, found, strict=True):
        assert one.value is None, act
        assert "The metric failed" in one.note


def test_a_program_that_does_not_end_is_ended(world: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "SECONDS", 4.0)
    with pytest.raises(DeadlineExceeded):
        said(world, "def metric(rows):\n    while True: pass", WHOLE)


def test_the_jackknife_knows_how_sure_a_ratio_is() -> None:
    draw = np.random.default_rng(4)
    covered = 0
    for _ in range(200):
        truth = draw.normal(10, 2, 400)
        rows = Rows(truth, truth + draw.normal(1, 3, 400), {}, {})
        found = valued(lambda some: float(some.answer.sum() / some.truth.sum()), rows)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 1.1 <= found.high
    assert 180 <= covered <= 198
    each = valued(lambda some: some.truth, Rows(np.arange(9.0), np.arange(9.0), {}, {}))
    assert each.value == 4.0
    assert each.low is not None
    assert math.isclose(4.0 - each.low, 1.959964 * math.sqrt(7.5) / 3)
