"""Looks for truths that are one-sided or wrong, in counts of the rows that have one (pure).

Truths that come for some answers only (nobody learns what a refused applicant would have done), that repeat
the answer, that are always the same, or that one sender turns round, all make metrics look like something
they are not. Each check compares two shares by Newcombe's interval at a level of one in a thousand, and wants
a difference that matters.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from konan.monitoring.drift.comparison import drift
from konan.monitoring.profiles.profile import FEATURES, LABEL, SCORE, TARGET, VALUE, Layout, Profile
from konan.monitoring.reports.quality import Share, difference
from konan.records.labels import LabelFinding

LEVEL = 0.001
"""Chance that a check finds something where nothing is."""

FEWEST = 30
"""Labelled rows that a check takes."""

_HALF = 0.5
_MATTERS = 0.10
_UNKNOWN = 0.01
_REVISED = 0.05
_NAMED = 3


class Sender(NamedTuple):
    """Truths that came by one key.

    Attributes:
        key_id: public id of the key.
        rows: how many of them can be compared with the answer.
        agree: those that agree with it; of numbers those that are nearer to it than the median of all.
    """

    key_id: str
    rows: int
    agree: int


def one_sided(rows: Mapping[str, int], labelled: Mapping[str, int]) -> list[LabelFinding]:
    """Answers of which truths come far less often than of the others.

    Args:
        rows: by the answered class.
        labelled: those whose truth is known, likewise.

    >>> [found.detail for found in one_sided({"no": 900, "yes": 100}, {"no": 0, "yes": 80})]
    ['Of rows that were answered with no 0 % have a truth, of the others 80 %.']
    """
    found = []
    all_rows, all_labelled = sum(rows.values()), sum(labelled.values())
    if all_labelled < FEWEST:
        return []
    for name, count in rows.items():
        own, rest = (
            Share(labelled.get(name, 0), count),
            Share(all_labelled - labelled.get(name, 0), all_rows - count),
        )
        if not own.of or not rest.of or not _lower(own, rest) or own.value > _HALF * rest.value:
            continue
        found.append(
            LabelFinding(
                kind="one-sided",
                state="problem",
                about=name,
                current=own.value,
                usual=rest.value,
                detail=f"Of rows that were answered with {name} {_percent(own.value)} have a truth, "
                f"of the others {_percent(rest.value)}.",
            )
        )
    return found


def selection(layout: Layout, whole: Profile, labelled: Profile) -> list[LabelFinding]:
    """Columns in which rows with a truth differ from those without.

    Args:
        layout: of both.
        whole: of all rows.
        labelled: of those with a truth.
    """
    if labelled.rows < FEWEST or whole.rows - labelled.rows < FEWEST:
        return []
    rest = Profile(whole.layout, whole.lengths, whole.vector - labelled.vector)
    own = {TARGET: 0.0}
    verdict = drift(rest, labelled, layout, weights=own)
    moved = {one.column: one.effect for one in verdict.columns if one.column != TARGET}
    named = [name for name in verdict.guilty if moved.get(name, 0.0) >= _MATTERS][:_NAMED]
    return [
        LabelFinding(
            kind="selection",
            state="notice",
            about=name,
            current=labelled.rows / whole.rows,
            detail=f"Rows with a truth are others than those without, by {_bare(name)} "
            f"(population stability index {moved[name]:.2f}): metrics of labelled rows are not those of all.",
        )
        for name in named
    ]


def single_class(truths: Mapping[str, int], usual: Mapping[str, int]) -> list[LabelFinding]:
    """Truths that are all the same where the reference has several.

    Args:
        truths: rows by the true class.
        usual: of the reference; may be empty.

    >>> [found.detail for found in single_class({"yes": 500, "no": 0}, {"yes": 300, "no": 700})]
    ['All 500 truths are yes, in the reference 30 %.']
    """
    count, total = sum(truths.values()), sum(usual.values())
    top = max(truths, key=lambda one: truths[one], default="")
    if count < FEWEST or truths[top] < count or not total:
        return []
    before = Share(usual.get(top, 0), total)
    if not _lower(before, Share(count, count)):
        return []
    return [
        LabelFinding(
            kind="single class",
            state="problem",
            about=top,
            current=1.0,
            usual=before.value,
            detail=f"All {count:,} truths are {top}, in the reference {_percent(before.value)}.",
        )
    ]


def copied(agree: int, rows: int, expected: Share | None) -> list[LabelFinding]:
    """Truths that agree with the answer far too often: then it is often the answer that was sent back.

    Args:
        agree: rows whose truth is exactly the answer.
        rows: labelled ones.
        expected: how often it was so in the reference; None where nobody knows.

    >>> [found.detail for found in copied(500, 500, Share(830, 1000))]
    ['100 % of 500 truths are exactly the answer, in the reference 83 %: are answers sent back as truths?']
    """
    own = Share(agree, rows)
    if rows < FEWEST or expected is None or not expected.of:
        return []
    half_way = expected.value + _HALF * (1 - expected.value)
    if own.value < half_way or not _lower(expected, own):
        return []
    return [
        LabelFinding(
            kind="copied answers",
            state="problem",
            current=own.value,
            usual=expected.value,
            detail=f"{_percent(own.value)} of {rows:,} truths are exactly the answer, in the reference "
            f"{_percent(expected.value)}: are answers sent back as truths?",
        )
    ]


def unknown(layout: Layout, usual: Profile, now: Profile) -> list[LabelFinding]:
    """Truths that the reference never had: of another class, or beyond its numbers.

    Args:
        layout: of both.
        usual: of the reference.
        now: of the rows.
    """
    if TARGET not in layout.positions:
        return []
    at, special = layout.positions[TARGET], layout.cells(TARGET).special
    places = [place for name, place in special.items() if name != "missing"]
    own, before = (
        Share(
            int(one.counts[at][places].sum()),
            int(one.counts[at].sum()) - int(one.counts[at][special["missing"]]),
        )
        for one in (now, usual)
    )
    if own.of < FEWEST or not before.of or own.value < before.value + _UNKNOWN or not _lower(before, own):
        return []
    return [
        LabelFinding(
            kind="unknown truths",
            state="problem" if own.value >= before.value + _MATTERS else "notice",
            current=own.value,
            usual=before.value,
            detail=f"{_percent(own.value)} of {own.of:,} truths are of no known class, or beyond all of the "
            f"reference, there {_percent(before.value)}: is a unit or a code another one?",
        )
    ]


def senders(found: Sequence[Sender]) -> list[LabelFinding]:
    """Keys whose truths disagree with the answers far more often than those of all other keys.

    >>> told = senders([Sender("a", 500, 450), Sender("b", 200, 40)])
    >>> [one.detail for one in told]
    ['Truths sent by the key b agree with the answer in 20 % of 200 rows, those of other keys in 90 %.']
    """
    told = []
    for one in found if len(found) > 1 else ():
        rest = Share(
            sum(each.agree for each in found) - one.agree, sum(each.rows for each in found) - one.rows
        )
        own = Share(one.agree, one.rows)
        if min(own.of, rest.of) < FEWEST or own.of > rest.of or abs(own.value - rest.value) < _MATTERS:
            continue
        low, high = difference(own, rest, LEVEL / len(found))
        if low <= 0 <= high:
            continue
        told.append(
            LabelFinding(
                kind="contradicting sender",
                state="problem",
                about=one.key_id,
                current=own.value,
                usual=rest.value,
                detail=f"Truths sent by the key {one.key_id} agree with the answer in {_percent(own.value)} "
                f"of {one.rows:,} rows, those of other keys in {_percent(rest.value)}.",
            )
        )
    return told


def revised(changed: int, rows: int) -> list[LabelFinding]:
    """Truths that were changed after they had come.

    >>> [found.state for found in revised(60, 100)], revised(1, 100)
    (['problem'], [])
    """
    if rows < FEWEST or changed < _REVISED * rows:
        return []
    return [
        LabelFinding(
            kind="revised",
            state="problem" if changed >= _HALF * rows else "notice",
            current=changed / rows,
            detail=f"{_percent(changed / rows)} of {rows:,} truths were changed after they had come.",
        )
    ]


def ordered(found: Iterable[LabelFinding]) -> tuple[LabelFinding, ...]:
    """Problems first, the largest differences first."""
    return tuple(sorted(found, key=lambda one: (one.state != "problem", -_size(one))))


def _size(one: LabelFinding) -> float:
    return abs(one.current - one.usual) if one.usual is not None else 0.0


def _lower(one: Share, other: Share) -> bool:
    """Whether a share is certainly lower than another."""
    return difference(one, other, LEVEL)[1] < 0


def _bare(name: str) -> str:
    return {LABEL: "the answer", VALUE: "the answer", SCORE: "its probability"}.get(
        name, name.removeprefix(FEATURES)
    )


def _percent(share: float) -> str:
    if math.isclose(share, 1.0):
        return "100 %"
    return f"{100 * share:.2g} %" if share < 0.995 else f"{100 * share:.4g} %"
