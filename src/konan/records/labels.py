"""How sound ground truth is, and which rows should get one next: over HTTP, in the SDK, by the command line.

Shares are fractions in [0, 1], delays seconds from an answer to its first truth.
"""

from typing import Any, Literal

import msgspec

from konan.records.monitoring import Segment

LabelKind = Literal[
    "coverage",
    "one-sided",
    "selection",
    "single class",
    "copied answers",
    "unknown truths",
    "contradicting sender",
    "revised",
]
"""What is looked at: slices whose truths come less often; answers of which hardly any truth comes; rows with
a truth that are others than those without; truths that are all the same; truths that repeat the answer;
truths that the reference never had; senders whose truths disagree with those of all others; and truths that
were changed later."""

LabelState = Literal["no rows", "no labels", "ok", "notice", "problem"]


class LabelDelay(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows have their truth at an age.

    Attributes:
        seconds: the age.
        share: of all rows that are that old, those whose truth had come by then.
    """

    seconds: float
    share: float


class LabelCoverage(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a slice is labelled.

    Attributes:
        segment: the slice.
        rows: of the slice.
        labelled: of these, those whose truth is known.
        share: ``labelled`` of ``rows``.
        low: lower end of the interval of ``share`` less that of all other rows. All intervals of a report
            hold at once with a probability of 95 % (Bonferroni).
        high: upper end.
        state: ``problem`` where truths certainly come less often, by enough to matter.
    """

    segment: Segment
    rows: int
    labelled: int
    share: float
    low: float
    high: float
    state: Literal["ok", "problem"]


class LabelFinding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at and is not as it should be.

    Attributes:
        kind: see `LabelKind`.
        state: ``problem`` is more than chance and large enough to matter; ``notice`` is worth knowing.
        about: a class, a column or the id of the key that sent them; may be empty.
        current: the share that was found.
        usual: what was to be expected; null where nothing is.
        detail: in a sentence.
    """

    kind: LabelKind
    state: Literal["notice", "problem"]
    about: str = ""
    current: float
    usual: float | None = None
    detail: str


class LabelReport(msgspec.Struct, frozen=True, kw_only=True, rename={"since": "from", "until": "to"}):
    """How sound the truths of a deployment's rows are.

    Attributes:
        deployment: its name.
        version: number of the version that answered.
        since: earliest time of the rows, RFC 3339.
        until: the time before which they lie.
        state: the worst of all.
        rows: how many rows there are.
        labelled: those whose truth is known.
        share: ``labelled`` of ``rows``.
        delays: by rising age; counted so that young rows, whose truth may still come, do no harm
            (Kaplan-Meier). Of rows of the last 30 days.
        median_delay: half of the truths that have come did so within this; null of none.
        slowest_delay: 95 % of them did.
        coverage: of the slices of segment columns, the least labelled first.
        findings: problems first.
    """

    deployment: str
    version: int
    since: str
    until: str
    state: LabelState
    rows: int
    labelled: int
    share: float
    delays: tuple[LabelDelay, ...] = ()
    median_delay: float | None = None
    slowest_delay: float | None = None
    coverage: tuple[LabelCoverage, ...] = ()
    findings: tuple[LabelFinding, ...] = ()


class QueuedLabel(msgspec.Struct, frozen=True, kw_only=True):
    """A prediction whose truth would tell much.

    Attributes:
        prediction_id: to send the truth for.
        at: when it was answered, RFC 3339.
        output: what was answered.
        group: the rows it stands for, as ``score in [0.4, 0.6)``.
        reason: why it was chosen, in a sentence.
    """

    prediction_id: str
    at: str
    output: Any
    group: str
    reason: str


class LabelQueue(msgspec.Struct, frozen=True, kw_only=True):
    """Rows to label next: those that make the interval of the headline metric narrowest.

    Attributes:
        deployment: its name.
        version: number of the version that answered.
        unlabelled: rows without a truth among those that were looked at.
        labels: in the order in which they should be labelled.
    """

    deployment: str
    version: int
    unlabelled: int
    labels: tuple[QueuedLabel, ...]
