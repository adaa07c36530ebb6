"""`konan drift` and `konan quality`: what they ask for, and what a person reads."""

from typing import Any
from urllib.parse import parse_qs

import pytest
from tests.unit.cli.conftest import Konan, Script

WINDOW = {
    "version": 1,
    "segment": None,
    "from": "2026-11-23T08:00:00Z",
    "to": "2026-11-23T09:00:00Z",
    "rows": 2488,
}
SEASON = {
    "column": "features.season",
    "verdict": "drift",
    "p_value": 1e-200,
    "evidence": 120.25,
    "effect": 1.2345,
    "floor": 0.012,
    "rows": 2488,
    "usual_rows": 8645,
    "measures": {"total_variation": 0.45},
    "moved": [{"cell": "summer", "current": 0.71, "usual": 0.26}],
    "shares": [{"what": "missing", "current": 0.25, "usual": 0.0, "low": 0.2, "high": 0.3}],
}
HOUR = {**SEASON, "column": "features.hour", "verdict": "stable", "p_value": 0.0341, "evidence": -0.4}
HOUR |= {"effect": 0.0, "moved": [], "shares": []}
DRIFT = {
    **WINDOW,
    "verdict": "drift",
    "evidence": 119.2,
    "threshold": 3.0,
    "guilty": ["features.season"],
    "cause": "covariate",
    "reason": "Inputs changed.",
    "reference": "data",
    "segments": ["city=Bern"],
    "season": {
        "from": "2026-11-16T08:00:00Z",
        "to": "2026-11-16T09:00:00Z",
        "rows": 2100,
        "verdict": "stable",
        "evidence": -0.3,
    },
    "doubts": ["Rows depend on each other."],
    "columns": [SEASON, HOUR],
}
FOUND = {
    "kind": "missing",
    "column": "features.weather",
    "state": "problem",
    "current": 0.6,
    "usual": 0.07,
    "low": 0.48,
    "high": 0.57,
    "detail": "60 % of 1,000 rows have no value, usually 7 %.",
}
VOLUME = {
    "kind": "volume",
    "column": "",
    "state": "learning",
    "current": 2488.0,
    "usual": None,
    "low": None,
    "high": None,
    "detail": "2,488 rows; what is usual is not known yet.",
}
QUALITY = {**WINDOW, "state": "problem", "rejected": {"rows_invalid": 3}, "findings": [FOUND, VOLUME]}


@pytest.fixture
def at(server: Script, monkeypatch: pytest.MonkeyPatch) -> Script:
    monkeypatch.setenv("KONAN_URL", server.url)
    monkeypatch.setenv("KONAN_API_KEY", "kn_key")
    return server


def report(*windows: dict[str, Any]) -> dict[str, Any]:
    return {"deployment": "bikes", "windows": list(windows)}


def test_drift_is_asked_for_as_the_flags_say(at: Script, konan: Konan) -> None:
    at.answer(report())
    done = konan("drift", "bikes", "--from", "2026-11-01T00:00:00Z", "--window", "1d", "--by", "segment:city")
    path, _, query = at.asked[0].target.partition("?")
    assert path == "/v1/deployments/bikes/drift"
    assert parse_qs(query) == {"from": ["2026-11-01T00:00:00Z"], "by": ["segment:city"], "window": ["1d"]}
    assert (done.code, done.out) == (0, "")
    assert "nothing" in done.err


def test_drift_shows_significance_effect_and_floor_of_each_column(at: Script, konan: Konan) -> None:
    at.answer(report(DRIFT))
    lines = konan("drift", "bikes").out.splitlines()
    assert lines[0] == "version 1, 2026-11-23 08:00 to 2026-11-23 09:00 UTC, 2,488 rows: DRIFT"
    assert "evidence  10^119.2, drift from 10^3.0 on if it matters" in lines
    assert "doubt     Rows depend on each other." in lines
    heading, season, hour = lines[-3:]
    assert heading.split() == ["column", "verdict", "effect", "floor", "p", "evidence", "rows", "moved"]
    assert season.split()[:6] == ["season", "DRIFT", "1.234", "0.012", "<1e-16", "10^120.2"]
    assert season.endswith("missing 0 % → 25 %, summer 26 % → 71 %")
    assert hour.split() == ["hour", "stable", "0.000", "0.012", "0.034", "-", "2488"]


def test_windows_have_a_line_each(at: Script, konan: Konan) -> None:
    calm = {**WINDOW, "verdict": "too few rows", "segment": {"column": "city", "value": None}}
    at.answer(report(calm, DRIFT))
    lines = konan("drift", "bikes", "--window", "1h").out.splitlines()
    assert len(lines) == 3
    assert "(none)" in lines[1]
    assert "too few rows" in lines[1]
    assert lines[2].endswith("season")


def test_drift_shows_where_it_is_and_how_it_was_last_season(at: Script, konan: Konan) -> None:
    at.answer(report(DRIFT))
    lines = konan("drift", "bikes", "--season", "7d").out.splitlines()
    assert "only in   city=Bern" in lines
    assert "season    stable beside 2026-11-16 08:00, 2,100 rows" in lines
    assert parse_qs(at.asked[-1].target.partition("?")[2])["season"] == ["7d"]


TOGETHER = {
    **WINDOW,
    "verdict": "drift",
    "auc": 0.812,
    "low": 0.79,
    "high": 0.83,
    "p_value": 1e-40,
    "columns": [{"column": "features.a", "share": 0.7}, {"column": "features.b", "share": 0.3}],
    "used": 2488,
    "usual_used": 8645,
    "reference": "data",
    "reason": "Rows can be told.",
}


def test_drift_of_all_inputs_together_is_told_in_lines(at: Script, konan: Konan) -> None:
    at.answer(TOGETHER)
    lines = konan("drift", "bikes", "--multivariate").out.splitlines()
    assert lines[0].endswith("2,488 rows: DRIFT")
    assert lines[1] == "area      0.812 (0.790 to 0.830), 2,488 rows beside 8,645 of data"
    assert lines[2:] == ["p         <1e-16", "told by   a 70 %, b 30 %", "Rows can be told."]
    assert at.asked[-1].target.startswith("/v1/deployments/bikes/drift/multivariate")


def test_drift_for_programs_is_the_report(at: Script, konan: Konan) -> None:
    at.answer(report(DRIFT))
    assert konan("drift", "bikes", "--json").json == report(DRIFT)


def test_quality_shows_problems_with_what_is_usual(at: Script, konan: Konan) -> None:
    at.answer(report(QUALITY))
    lines = konan("quality", "bikes").out.splitlines()
    assert lines[0].endswith("2,488 rows: PROBLEM")
    assert lines[1] == "refused   3 rows_invalid"
    assert lines[-2].split("  ")[0] == "PROBLEM"
    assert "+48 to +57 points" in lines[-2]
    assert lines[-1].endswith("not known yet.")


def test_quality_of_windows_names_the_problems(at: Script, konan: Konan) -> None:
    at.answer(report(QUALITY, {**QUALITY, "state": "ok", "findings": []}))
    lines = konan("quality", "bikes", "--window", "1h").out.splitlines()
    assert lines[1].endswith("weather missing")
    assert lines[2].endswith("ok")


def test_quality_for_programs_is_the_report(at: Script, konan: Konan) -> None:
    at.answer(report(QUALITY))
    assert konan("quality", "bikes", "--segment", "city=Bern", "--json").json == report(QUALITY)
    assert at.asked[0].target.endswith("/quality?segment=city%3DBern")
