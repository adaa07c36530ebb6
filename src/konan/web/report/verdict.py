"""What a report says first: one sentence, from what each section found (pure)."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from konan.records.monitoring import DriftWindow, QualityKind
from konan.web.figures import count, listed, share, short
from konan.web.report.facts import Facts

State = Literal["good", "attention", "problem", "unknown", "measured"]
WORDS: dict[State, str] = {
    "good": "OK",
    "attention": "Attention",
    "problem": "Problem",
    "unknown": "Not known",
    "measured": "Measured",
}
_GRAVE = frozenset({"data fault", "concept"})
_MOST = 3
_FEW, _MANY = 0.01, 0.05
"""Shares of failed requests that are worth a look, and that are a problem."""

_KINDS: dict[QualityKind, str] = {
    "rejected": "many requests are refused",
    "missing": "values of {} are missing",
    "unseen": "{} has unknown categories",
    "invalid": "{} has invalid values",
    "out of range": "{} is out of range",
    "repeated": "rows repeat",
    "constant": "{} does not vary",
    "stale": "{} has stopped varying",
    "volume": "the number of rows is unusual",
}


class Finding(NamedTuple):
    """What one section found.

    Attributes:
        state: how bad it is.
        clause: it, to stand in a sentence.
    """

    state: State
    clause: str


class Verdict(NamedTuple):
    """The whole in a sentence, and how it stands."""

    state: State
    sentence: str


def verdict(facts: Facts) -> Verdict:
    """What there is to say of a deployment.

    A problem is an alarm that fires, bad rows, one in twenty requests that fails, or a drift that is a fault
    of the data or a changed meaning; other drift and slices where the model is worse want attention. Without
    rows, or without anything to compare them with, nobody knows.
    """
    if not facts.rows and not facts.refused:
        return Verdict("unknown", f"{facts.deployment} has answered nothing in this time.")
    found = list(findings(facts))
    wrong = [one.clause for one in found if one.state == "problem"]
    odd = [one.clause for one in found if one.state == "attention"]
    if wrong:
        return Verdict("problem", f"Something is wrong: {_sentence([*wrong, *odd])}")
    if odd:
        return Verdict("attention", f"Worth a look: {_sentence(odd)}")
    unknown = [one.clause for one in found if one.state == "unknown"]
    if any(one.state == "good" for one in found):
        rest = f" Not known yet: {_sentence(unknown)}" if unknown else ""
        return Verdict(
            "good", f"All is well: {_sentence([one.clause for one in found if one.state == 'good'])}{rest}"
        )
    return Verdict("unknown", f"Too early to tell: {_sentence(unknown)}")


def findings(facts: Facts) -> Iterator[Finding]:
    """What each section found, the gravest kinds first."""
    yield from _alarms(facts)
    yield from _failures(facts)
    yield from _quality(facts)
    if facts.drift is not None:
        yield drift(facts.drift)
    yield from _performance(facts)


def drift(window: DriftWindow) -> Finding:
    """What the drift of a window comes to."""
    rows = count(window.rows)
    if window.verdict == "stable":
        return Finding("good", f"{rows} rows look like the reference")
    if window.verdict == "drift":
        names = listed([short(name) for name in window.guilty], _MOST)
        kind = f" ({window.cause})" if window.cause else ""
        return Finding("problem" if window.cause in _GRAVE else "attention", f"{names} drifted{kind}")
    if window.verdict == "too few rows":
        return Finding("unknown", f"whether anything drifts, of {rows} rows")
    if window.verdict == "learning":
        return Finding("unknown", "whether anything drifts, without a reference")
    return Finding("unknown", "whether anything drifts, without rows")


def _alarms(facts: Facts) -> Iterator[Finding]:
    firing = [alarm.name for alarm in facts.alarms if alarm.state == "firing"]
    warning = [alarm.name for alarm in facts.alarms if alarm.state == "warning"]
    if firing:
        yield Finding("problem", _verbal(firing, "fires", "fire"))
    if warning:
        yield Finding("attention", _verbal(warning, "warns", "warn"))


def _verbal(names: list[str], one: str, many: str) -> str:
    """Alarms and what they do.

    >>> _verbal(["drift"], "fires", "fire"), _verbal(["drift", "volume"], "fires", "fire")
    ('the alarm drift fires', 'the alarms drift and volume fire')
    """
    return f"the alarm {names[0]} {one}" if len(names) == 1 else f"the alarms {listed(names)} {many}"


def _failures(facts: Facts) -> Iterator[Finding]:
    """Requests that nobody can be blamed for but the model and the platform."""
    errors = facts.traffic.errors if facts.traffic is not None else ()
    lost = sum(one.share for one in errors if one.kind in {"model", "platform"})
    if lost >= _FEW:
        yield Finding("problem" if lost >= _MANY else "attention", f"{share(lost)} of the requests fail")


def _quality(facts: Facts) -> Iterator[Finding]:
    if facts.quality is None:
        return
    bad = [found for found in facts.quality.findings if found.state == "problem"]
    if bad:
        told = [_KINDS[one.kind].format(short(one.column)) for one in bad]
        yield Finding("problem", listed(told, _MOST))
    elif facts.quality.state == "ok":
        yield Finding("good", "what it is sent is as usual")


def _performance(facts: Facts) -> Iterator[Finding]:
    found = facts.performance
    if found is None:
        return
    if found.weak:
        places = listed([one.where for one in found.weak], 2)
        yield Finding("attention", f"it is worse where {places}")
    if facts.labels is not None and facts.labels.state == "problem":
        kinds = listed([one.kind for one in facts.labels.findings if one.state == "problem"])
        yield Finding("attention", f"the ground truth looks unsound ({kinds})")
    if found.state in {"no labels", "no rows"}:
        yield Finding("unknown", "how good its answers are, without ground truth")


def _sentence(clauses: list[str]) -> str:
    return f"{'; '.join(clauses)}."
