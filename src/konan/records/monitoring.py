"""Drift and quality of live rows as they are told: over HTTP, in the SDK and by the command line.

Shares are fractions in [0, 1]. ``usual`` is what the reference, or the time before, has. Evidence is the
base-10 logarithm of an e-value: 3 means that one would have to bet a thousand times to see it by chance.
"""

from typing import Literal

import msgspec

Verdict = Literal["no rows", "learning", "too few rows", "stable", "drift"]
"""Of a window or a column. ``learning`` has nothing valid to be compared with yet; of ``too few rows`` noise
alone could be as large as what matters."""

QualityKind = Literal[
    "rejected",
    "missing",
    "unseen",
    "invalid",
    "out of range",
    "repeated",
    "constant",
    "stale",
    "volume",
]
"""What is looked at: requests that were refused; values that are absent, of no known category, no finite
number or of a wrong type, or beyond the smallest and largest of the reference; rows that were sent before; a
feature that does not vary at all, or no more; and how many rows there are."""

QualityState = Literal["ok", "notice", "problem", "too few rows", "learning"]


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A slice of the rows: those with a value in a declared segment column.

    Attributes:
        column: its name.
        value: as text; null stands for rows without one.
    """

    column: str
    value: str | None


class Window(msgspec.Struct, frozen=True, kw_only=True, rename={"since": "from", "until": "to"}):
    """Rows that are looked at together.

    Attributes:
        version: number of the version that answered them.
        segment: the slice they are of; null is all.
        since: earliest time, RFC 3339.
        until: the time before which they lie, RFC 3339.
        rows: how many they are.
    """

    version: int
    segment: Segment | None
    since: str
    until: str
    rows: int


class MovedCell(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a column's values that has become more or less frequent.

    Attributes:
        cell: which values, as ``[20, 25)`` or ``summer``.
        current: its share of the rows.
        usual: its share of the reference.
    """

    cell: str
    current: float
    usual: float


class ShareChange(msgspec.Struct, frozen=True, kw_only=True):
    """A share of the rows beside what it usually is, with an interval of the difference.

    Attributes:
        what: ``missing``, ``unseen``, ``invalid``, ``below`` or ``above``.
        current: the share.
        usual: the share in the reference.
        low: lower end of the interval of ``current - usual``.
        high: upper end.
    """

    what: str
    current: float
    usual: float
    low: float
    high: float


class DriftedColumn(msgspec.Struct, frozen=True, kw_only=True):
    """How one column of a window compares with the reference: always significance and effect.

    Attributes:
        column: ``features.NAME``, ``output.label``, ``output.value``, ``output.score`` or ``target``.
        verdict: of this column alone; ``drift`` if it is one of the guilty ones.
        p_value: of the two-sample test; null when there was nothing to test.
        evidence: that the column changed; see the module.
        effect: population stability index less what noise adds to it on average; 0.1 is often called small
            and 0.25 large.
        floor: so large does noise alone make the index in one of a thousand windows with so many rows.
        rows: values that were compared.
        usual_rows: values of the reference.
        measures: other distances by their names, as ``ks`` or ``jensen_shannon``.
        moved: the cells that changed most, largest change first.
        shares: what is missing, unseen, invalid or out of range.
    """

    column: str
    verdict: Verdict
    p_value: float | None
    evidence: float
    effect: float
    floor: float
    rows: int
    usual_rows: int
    measures: dict[str, float] = {}
    moved: tuple[MovedCell, ...] = ()
    shares: tuple[ShareChange, ...] = ()


class SeasonDrift(msgspec.Struct, frozen=True, kw_only=True, rename={"since": "from", "until": "to"}):
    """The same window beside live rows of the same season before.

    Attributes:
        since: earliest time of these, RFC 3339.
        until: the time before which they lie, RFC 3339.
        rows: how many they are.
        verdict: of the window beside them; ``learning`` if they were counted with other cells.
        evidence: see the module.
    """

    since: str
    until: str
    rows: int
    verdict: Verdict
    evidence: float = 0.0


class DriftWindow(Window, frozen=True, kw_only=True, rename={"since": "from", "until": "to"}):
    """The drift of one window.

    Attributes:
        verdict: one for the model, from the averaged evidence of all columns.
        evidence: the average over the columns; see the module.
        threshold: evidence from which the verdict is ``drift``.
        guilty: columns that e-BH names, largest evidence first.
        cause: ``data fault``, ``covariate``, ``label`` or ``concept``; empty while there is none.
        reason: the verdict in a sentence.
        reference: rows that are compared with come from ``data``, ``holdout``, ``cross-fitted`` or ``live``;
            empty while there are none.
        segments: slices that drift while others do not, as ``city=Bern``.
        season: beside the same season before; null where none was asked for.
        doubts: what makes the evidence doubtful, as rows that depend on each other.
        columns: largest evidence first.
    """

    verdict: Verdict
    evidence: float = 0.0
    threshold: float = 0.0
    guilty: tuple[str, ...] = ()
    cause: str = ""
    reason: str = ""
    reference: str = ""
    segments: tuple[str, ...] = ()
    season: SeasonDrift | None = None
    doubts: tuple[str, ...] = ()
    columns: tuple[DriftedColumn, ...] = ()


class DriftReport(msgspec.Struct, frozen=True, kw_only=True):
    """The drift of a deployment.

    Attributes:
        deployment: its name.
        windows: by version or segment, oldest first in each.
    """

    deployment: str
    windows: tuple[DriftWindow, ...]


class ColumnPart(msgspec.Struct, frozen=True, kw_only=True):
    """How much a column does to tell rows of a window from rows of the reference.

    Attributes:
        column: ``features.NAME``.
        share: of all that was gained by looking at columns, in [0, 1].
    """

    column: str
    share: float


class MultivariateDrift(Window, frozen=True, kw_only=True, rename={"since": "from", "until": "to"}):
    """Whether a classifier can tell rows of a window from rows of the reference, by all inputs together.

    Attributes:
        verdict: ``drift`` if the area is above 0.5 for certain, and at least 0.55.
        auc: area under the ROC curve on rows that it did not learn from: 0.5 is chance, 1 is every pair of
            rows told apart; null when there are too few rows, or none to compare with.
        low: lower end of its 99 % interval; null likewise.
        high: upper end.
        p_value: chance of so large an area where nothing changed.
        columns: those that tell them apart, the largest share first; one without any is left out.
        used: rows of the window that were drawn.
        usual_used: rows of the reference that were drawn.
        reference: the latter come from ``data`` or ``holdout``; empty while there are none.
        reason: the verdict in a sentence.
    """

    verdict: Verdict
    auc: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    columns: tuple[ColumnPart, ...] = ()
    used: int = 0
    usual_used: int = 0
    reference: str = ""
    reason: str = ""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at.

    Attributes:
        kind: what.
        column: of which column; empty if it is about whole rows.
        state: ``problem`` is more than chance and large enough to matter; ``notice`` only the first.
        current: the share, or for ``volume`` the rows.
        usual: what it usually is; null while nobody knows.
        low: of ``volume`` the fewest rows that are usual, else the lower end of the interval of
            ``current - usual``; null likewise.
        high: the most, or the upper end.
        detail: what was found, in a sentence.
    """

    kind: QualityKind
    column: str
    state: QualityState
    current: float
    usual: float | None
    low: float | None
    high: float | None
    detail: str


class QualityWindow(Window, frozen=True, kw_only=True, rename={"since": "from", "until": "to"}):
    """The quality of one window.

    Attributes:
        state: the worst of the findings.
        rejected: refused requests, by the code of their error; of a segment it is empty.
        findings: problems first.
    """

    state: QualityState
    rejected: dict[str, int] = {}
    findings: tuple[Finding, ...] = ()


class QualityReport(msgspec.Struct, frozen=True, kw_only=True):
    """The quality of what a deployment is sent.

    Attributes:
        deployment: its name.
        windows: by version or segment, oldest first in each.
    """

    deployment: str
    windows: tuple[QualityWindow, ...]
