"""`konan performance`, `decision` and `metric`: what they ask for, and what a person reads."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from tests.unit.cli.conftest import Konan, Script

WINDOW: dict[str, Any] = {
    "version": 1,
    "segment": None,
    "from": "2026-11-23T08:00:00Z",
    "to": "2026-11-24T08:00:00Z",
    "rows": 2488,
    "state": "provisional",
    "labelled": 1200,
    "share": 0.482,
    "metrics": [
        {
            "name": "accuracy",
            "value": 0.913,
            "low": 0.896,
            "high": 0.927,
            "rows": 1200,
            "better": "higher",
            "estimate": {"value": 0.95, "low": 0.94, "high": 0.96, "trustworthy": False, "why": "x"},
        },
        {"name": "auc", "value": 0.9, "rows": 1200, "precision": "bound", "least": 0.89, "most": 0.91},
        {"name": "recall", "of": "yes", "value": None, "note": "The class was never true."},
    ],
    "confusion": {"classes": ["no", "yes"], "counts": [[600, 40], [64, 496]]},
    "decision": {
        "threshold": 0.3,
        "positive": "yes",
        "metrics": [{"name": "recall", "value": 0.97}],
        "unit": "CHF",
        "total": -1200.0,
        "mean": -1.0,
        "low": -1.2,
        "high": -0.8,
        "best_threshold": 0.25,
        "best_mean": -0.9,
    },
    "weak": [
        {
            "where": "city = Bern",
            "segment": {"column": "city", "value": "Bern"},
            "metric": "accuracy",
            "value": 0.7,
            "rest": 0.93,
            "low": 0.12,
            "high": 0.34,
            "rows": 90,
            "rest_rows": 1110,
        }
    ],
    "looked": 7,
    "doubts": ["3 labelled rows are left out."],
}


@pytest.fixture
def at(server: Script, monkeypatch: pytest.MonkeyPatch) -> Script:
    monkeypatch.setenv("KONAN_URL", server.url)
    monkeypatch.setenv("KONAN_API_KEY", "kn_key")
    return server


def report(*windows: dict[str, Any]) -> dict[str, Any]:
    return {"deployment": "churn", "headline": "accuracy", "windows": list(windows)}


def test_performance_is_asked_for_as_the_flags_say(at: Script, konan: Konan) -> None:
    at.answer(report())
    done = konan("performance", "churn", "--window", "1d", "--by", "version", "--metric", "auc")
    path, _, query = at.asked[0].target.partition("?")
    assert path == "/v1/deployments/churn/performance"
    assert parse_qs(query) == {"window": ["1d"], "by": ["version"], "metric": ["auc"]}
    assert (done.code, done.out) == (0, "")
    assert "nothing" in done.err


def test_one_window_is_told_whole(at: Script, konan: Konan) -> None:
    at.answer(report(WINDOW))
    done = konan("performance", "churn")
    lines = done.out.splitlines()
    assert lines[:3] == [
        "version 1, 2026-11-23 08:00 to 2026-11-24 08:00 UTC, 2,488 rows",
        "labelled  1,200 of 2,488 rows (48 %): provisional",
        "doubt     3 labelled rows are left out.",
    ]
    assert any(
        line.split()[:6] == ["accuracy", "0.913", "0.896", "to", "0.927", "1200"]
        and line.endswith("0.95 (0.94 to 0.96), not trustworthy here")
        for line in lines
    )
    assert any("between 0.89 and 0.91" in line for line in lines)
    assert any("The class was never true." in line for line in lines)
    assert ["yes", "64", "496"] in [line.split() for line in lines]
    assert "threshold 0.3 of yes: recall 0.97" in lines
    assert "value     -1.00 CHF a row (-1.20 to -0.80), -1,200.00 CHF together" in lines
    assert any("threshold 0.25 would have brought -0.90 CHF" in line for line in lines)
    assert lines[-1].split() == ["city", "=", "Bern", "accuracy", "0.7", "0.93", "0.12", "to", "0.34", "90"]
    assert "7 slices" in done.err


def test_windows_have_a_line_with_a_band_each(at: Script, konan: Konan) -> None:
    empty = {**WINDOW, "state": "no labels", "labelled": 0, "share": 0.0, "metrics": []}
    worse = {
        **WINDOW,
        "metrics": [{"name": "accuracy", "value": 0.8, "low": 0.78, "high": 0.82, "rows": 900}],
    }
    at.answer(report(WINDOW, worse, empty))
    lines = konan("performance", "churn", "--window", "1h").out.splitlines()
    assert len(lines) == 4
    assert lines[1].index("●") > lines[2].index("●")
    assert lines[2].count("├") == lines[2].count("┤") == 1
    assert "●" not in lines[3]


def test_a_decision_is_sent_as_the_flags_say(at: Script, konan: Konan) -> None:
    sent = {
        "positive": "yes",
        "threshold": 0.3,
        "payoffs": [{"truth": "yes", "answer": "no", "value": -500.0}],
        "over": 0.0,
        "under": 0.0,
        "unit": "CHF",
        "labels_within": 604_800,
    }
    at.answer(sent)
    flags = ("--threshold", "0.3", "--positive", "yes", "--payoff", "yes:no=-500", "--unit", "CHF")
    done = konan("decision", "set", "churn", *flags, "--labels-within", "7d")
    assert (at.asked[0].method, at.asked[0].target) == ("PUT", "/v1/deployments/churn/decision")
    assert at.asked[0].json == sent
    assert "payoff     true yes, answered no: -500 CHF" in done.out.splitlines()
    assert konan("decision", "set", "churn", "--payoff", "yes=-500").code == 2


def test_a_program_is_sent_as_a_metric(at: Script, konan: Konan, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("def metric(rows): return 1\n")
    at.answer({"name": "regret", "code": "def metric(rows): return 1\n", "better": "lower"}, 201)
    done = konan("metric", "create", "churn", "regret", str(tmp_path / "own.py"), "--better", "lower")
    assert done.code == 0
    assert json.loads(at.asked[0].body) == {
        "name": "regret",
        "code": "def metric(rows): return 1\n",
        "better": "lower",
    }
    at.answer({"metrics": [{"name": "regret", "code": "x", "created_at": "2026-11-24T10:00:00Z"}]})
    assert "regret" in konan("metric", "list", "churn").out
    at.answer({"name": "regret", "code": "x"})
    assert konan("metric", "delete", "churn", "regret", "--yes").code == 0
    assert (at.asked[-1].method, at.asked[-1].target) == ("DELETE", "/v1/deployments/churn/metrics/regret")
    assert konan("metric", "create", "churn", "regret", str(tmp_path / "none.py")).code == 2
