"""How an alarm goes from state to state, without any window."""

import pytest
from msgspec.structs import replace

from konan.monitoring.alarms import states as alarms
from konan.monitoring.alarms.budget import YEAR, budget, run_length, threshold
from konan.monitoring.alarms.states import Look, event_of, first_alarms, is_news, looked, renewed, resolved
from konan.records.alarms import DAY, Alarm, AlarmRule, AlarmState, Grounds

AT = "2026-11-23T12:00:00.000000Z"
RULE = AlarmRule(kind="drift", effect=0.1, clean=2)
A = threshold(RULE)


def alarm(state: AlarmState = "ok", rule: AlarmRule = RULE) -> Alarm:
    return Alarm(
        id="a",
        project="p",
        deployment="bikes",
        name="drift",
        rule=rule,
        created_at=AT,
        state=state,
        version=1,
    )


def look(evidence: float, effect: float = 0.5, now: float | None = None) -> Look:
    grounds = Grounds(
        rows=100, evidence=evidence, threshold=A, effect=effect, now=effect if now is None else now
    )
    return Look(grounds, {"x": (evidence,)}, what="It rains.")


@pytest.mark.parametrize(
    ("before", "evidence", "effect", "after"),
    [
        ("learning", 0.0, 0.0, "ok"),
        ("ok", 0.49 * A, 1.0, "ok"),
        ("ok", 0.5 * A, 0.0, "warning"),
        ("warning", 0.26 * A, 0.0, "warning"),
        ("warning", 0.24 * A, 0.0, "ok"),
        ("ok", A, 0.09, "warning"),
        ("ok", A, 0.1, "firing"),
        ("warning", 2 * A, 0.1, "firing"),
        ("resolved", 0.0, 0.0, "ok"),
        ("resolved", A, 0.1, "firing"),
        ("no data", 0.0, 0.0, "ok"),
    ],
)
def test_evidence_and_effect_decide(
    before: AlarmState, evidence: float, effect: float, after: AlarmState
) -> None:
    found = looked(alarm(before), look(evidence, effect), AT)
    assert (found.state, found.until, found.looks) == (after, AT, 1)
    assert found.memory == {"x": (evidence,)}


def test_firing_ends_after_clean_windows_in_a_row_and_begins_anew() -> None:
    found = looked(looked(alarm(), look(A), AT), look(9 * A, 1.0, 0.0), AT)
    assert (found.state, found.clean) == ("firing", 1)
    found = looked(found, look(9 * A, 1.0, 0.081), AT)
    assert (found.state, found.clean) == ("firing", 0)
    for clean in (1, 2):
        found = looked(found, look(9 * A, 1.0, 0.079), AT)
        assert found.state == ("firing" if clean == 1 else "resolved")
    assert found.memory == {}
    assert looked(found, look(0.0, 0.0), AT).state == "ok"


def test_a_day_without_anything_is_a_state_of_its_own() -> None:
    found = alarm()
    for _ in range(DAY // RULE.window - 1):
        found = looked(found, Look(memory={"x": (1.0,)}), AT)
        assert found.state == "ok"
    found = looked(found, Look(memory={"x": (1.0,)}), AT)
    assert (found.state, found.memory) == ("no data", {"x": (1.0,)})
    assert looked(alarm("firing"), Look(), AT).state == "firing"
    assert looked(found, look(0.0, 0.0), AT).empty == 0


def test_learning_is_left_when_there_is_something_to_compare_with() -> None:
    learnt: dict[str, tuple[float, ...]] = {alarms.USUAL + "x": (1.0,)}
    found = looked(alarm("ok"), Look(memory=learnt, learning="There is no reference."), AT)
    assert found.memory == learnt
    assert (found.state, found.why, found.looks) == ("learning", "There is no reference.", 0)
    assert looked(found, look(0.0, 0.0), AT).state == "ok"


@pytest.mark.parametrize(
    ("before", "after"), [("firing", "resolved"), ("ok", "learning"), ("warning", "learning")]
)
def test_another_live_version_begins_anew(before: AlarmState, after: AlarmState) -> None:
    kept = {"x": (1.0,), alarms.USUAL + "requests": (2.0,)}
    found = renewed(replace(alarm(before), memory=kept), 2, AT)
    assert (found.state, found.version) == (after, 2)
    assert found.memory == {alarms.USUAL + "requests": (2.0,)}


def test_a_person_ends_what_fires_and_what_is_usual_is_learnt_anew() -> None:
    kept = {"x": (1.0,), alarms.USUAL + "requests": (2.0,)}
    found = resolved(replace(alarm("firing"), memory=kept, acknowledged_at=AT), AT, "Mended.")
    assert (found.state, found.memory, found.acknowledged_at) == ("resolved", {}, None)


def test_only_changes_of_state_are_events() -> None:
    assert event_of(alarm(), alarm(), AT) is None
    event = event_of(alarm(), replace(alarm("firing"), why="It rains."), AT, by="me")
    assert event is not None
    assert (event.before, event.after, event.why, event.by, event.number) == (
        "ok",
        "firing",
        "It rains.",
        "me",
        1,
    )


@pytest.mark.parametrize(
    ("state", "told", "news"),
    [
        ("firing", "", "firing"),
        ("firing", "warning", "firing"),
        ("firing", "firing", ""),
        ("warning", "", "warning"),
        ("warning", "firing", ""),
        ("resolved", "firing", "resolved"),
        ("ok", "firing", "resolved"),
        ("resolved", "", ""),
        ("ok", "warning", ""),
    ],
)
def test_each_change_is_news_once(state: AlarmState, told: str, news: str) -> None:
    assert is_news(replace(alarm(state), told=told), AT) == news


def test_silence_holds_news_back_until_it_ends() -> None:
    fires = replace(alarm("firing"), silenced_until="2026-11-23T13:00:00.000000Z")
    assert is_news(fires, AT) == ""
    assert is_news(fires, "2026-11-23T13:00:00.000000Z") == "firing"


def test_the_first_alarms_keep_the_budget_of_a_model() -> None:
    rules = [rule for _, rule in first_alarms()]
    looks = [int(YEAR / rule.window) for rule in rules]
    expected = [count / run_length(rule) for rule, count in zip(rules, looks, strict=True)]
    assert sum(expected) == pytest.approx(1, abs=1e-3)
    spent = [budget(rule, count).spent for rule, count in zip(rules, looks, strict=True)]
    assert sum(spent) == pytest.approx(1, abs=1e-3)


def test_what_is_spent_is_that_of_a_year() -> None:
    rule = AlarmRule(kind="errors", false_alarms=0.5)
    assert budget(rule, 0).spent == 0
    assert budget(rule, 10**9).spent == 0.5
