"""Explanations as people read them: numbers to compare, and the small ones added up."""

import pytest

from konan.cli.commands import explain, importance
from konan.cli.screen import Screen
from konan.records.explanations import Contribution, Explanation, FeatureImportance, Importance


def test_the_largest_inputs_are_shown_and_the_others_added_up(capsys: pytest.CaptureFixture[str]) -> None:
    sizes = [1000.0, -20.5, *[1.0] * 18, 0.25, 0.25]
    found = Explanation(
        deployment="bikes",
        version=2,
        output="value",
        method="sampled",
        background="log",
        background_rows=1,
        evaluations=12_345,
        prediction_id=None,
        value=1498.0,
        logged=1497.5,
        base=500.0,
        contributions=tuple(
            Contribution(feature=f"x{at}", value=at, contribution=size, error=0.5)
            for at, size in enumerate(sizes)
        ),
    )
    explain.show(Screen(), found)
    shown = capsys.readouterr().out.splitlines()
    assert shown[:3] == [
        "bikes v2 answers value: 1498",
        "note  It had answered 1497.5, and now answers 1498.",
        "note  Against 1 row of the log; drawn orders of inputs, 12,345 rows asked.",
    ]
    assert [line.split() for line in (shown[5], shown[6], shown[7], shown[-2], shown[-1])] == [
        ["(average)", "500"],
        ["x0", "0", "+1,000", "0"],
        ["x1", "1", "-20", "0"],
        ["(2", "others)", "+0"],
        ["(answer)", "1,498"],
    ]
    assert len({line.index(digit) for line, digit in ((shown[5], "500"), (shown[6], "000"))}) == 1


def test_importances_are_shown_with_their_shares(capsys: pytest.CaptureFixture[str]) -> None:
    found = Importance(
        deployment="bikes",
        version=2,
        output="",
        method="exact",
        background="holdout",
        background_rows=30,
        evaluations=900,
        rows=1,
        features=tuple(
            FeatureImportance(feature=f"x{at}", importance=0.25, share=1 / 24, error=0.01) for at in range(24)
        ),
    )
    importance.show(Screen(), found)
    shown = capsys.readouterr().out.splitlines()
    assert (
        shown[0] == "bikes v2, all outputs, averaged: what each input adds or takes away in 1 row, on average"
    )
    assert shown[4].split() == ["x0", "0.2500", "0.0100", "4.2", "%"]
    assert shown[-1].split() == ["(4", "others)", "1.0000", "17", "%"]
