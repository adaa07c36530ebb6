"""The reference of a version: the cells, and what the rows it is compared with have in them.

Inputs come from the rows that the model was fitted on. Its answers on these would look better than they are,
so answers and truths come from a holdout, from cross-fitting (`konan.packaging.reference`), or later from the
first labelled rows of live traffic; until then a version has no reference for them and is learning.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

import msgspec
import numpy as np
import numpy.typing as npt

from konan.errors import Invalid, NotFound
from konan.monitoring.estimation.estimator import Estimator, learn
from konan.monitoring.evidence.dependence import autocorrelation
from konan.monitoring.profiles.cells import (
    UNSEEN,
    CategoryCells,
    Cells,
    NumericCells,
    PresenceCells,
    category_texts,
    numbers,
)
from konan.monitoring.profiles.histogram import MOST_VALUES, fit_numeric, known_categories, left_out
from konan.monitoring.profiles.profile import FEATURES, LABEL, SCORE, TARGET, VALUE, Layout, Profile, beside
from konan.monitoring.reference.joint import JointCounts, joint_of
from konan.monitoring.reference.segments import SegmentPart
from konan.ports import Blobs
from konan.records import deployments
from konan.records.schema import Feature, Output, Schema, class_text

if TYPE_CHECKING:
    import pyarrow as pa

LIVE_ROWS = 1000
"""So many labelled rows of live traffic make a reference where there is no other."""

LAGS = 64
ERROR = "error"
"""Names the series of errors among the autocorrelations: 1 where a label is wrong; how far a value is off."""

_MOST_CATEGORIES = 6
_MOST_FOR_LAGS = 100_000
_ANSWERS = (LABEL, VALUE, SCORE, TARGET)

Source = Literal["data", "holdout", "cross-fitted", "live"]


class Part(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Columns that come from the same rows.

    Attributes:
        layout: their cells.
        counts: their profile as bytes; a row of a category that was too rare to be known without it is
            counted as unseen, see `konan.monitoring.profiles.histogram.left_out`.
        source: where the rows come from.
        autocorrelation: of each column of numbers or categories, and of `ERROR`, in the order of the rows: at
            lags 1 to `LAGS`, in [-1, 1]. Of categories it is the largest of any frequent one. Near 0 says
            that the rows are independent, or that they were shuffled. A column by which the rows are sorted
            has none, and none has one when the rows are sorted by the truth, for then their order is not
            that of time.
    """

    layout: Layout
    counts: bytes
    source: Source
    autocorrelation: dict[str, tuple[float, ...]] = {}

    @cached_property
    def profile(self) -> Profile:
        """What was counted."""
        return Profile.from_bytes(self.counts)


class Reference(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What later windows of a version are compared with.

    Attributes:
        inputs: of the model; None where no rows were given.
        answers: what it answered, and the truth; None while the version is learning.
        estimator: estimates metrics of rows whose truth is not known; None where nothing valid tells.
        joint: rows by score and truth; None where there is nothing valid.
        segments: the inputs of slices that have rows enough.
    """

    inputs: Part | None = None
    answers: Part | None = None
    estimator: Estimator | None = None
    joint: JointCounts | None = None
    segments: tuple[SegmentPart, ...] = ()

    @cached_property
    def layout(self) -> Layout:
        """The cells of all columns; what is in it may be compared."""
        return Layout(tuple(cells for part in self._parts for cells in part.layout.columns))

    @cached_property
    def profile(self) -> Profile:
        """What was counted of all columns; its rows are those of the inputs."""
        return beside(self.layout, [part.profile for part in self._parts])

    def of_segment(self, column: str, value: str | None) -> Profile | None:
        """The same of a slice, whose answers are those of all; None where it has no reference of its own."""
        for part in self.segments:
            if (part.column, part.value) == (column, value):
                answers = [self.answers.profile] if self.answers is not None else []
                return beside(self.layout, [part.profile, *answers])
        return None

    @property
    def autocorrelation(self) -> dict[str, tuple[float, ...]]:
        """Of all columns and of `ERROR`, see `Part`."""
        return {name: found for part in self._parts for name, found in part.autocorrelation.items()}

    @property
    def learning(self) -> bool:
        """Whether there is nothing yet that answers and truths may be compared with."""
        return self.answers is None

    def to_bytes(self) -> bytes:
        """As bytes."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """What `to_bytes` made.

        Raises:
            Invalid: it is no reference.
        """
        try:
            return msgspec.msgpack.decode(data, type=cls)
        except msgspec.DecodeError:
            raise Invalid("The reference cannot be read.") from None

    @property
    def _parts(self) -> list[Part]:
        return [part for part in (self.inputs, self.answers) if part is not None]


def load(blobs: Blobs, version: deployments.Version) -> Reference | None:
    """The reference of a version; None while it has none.

    Raises:
        Conflict: it is damaged.
        Invalid: likewise.
    """
    if not version.reference.profile:
        return None
    try:
        return Reference.from_bytes(blobs.read(version.reference.profile))
    except NotFound:
        return None


def keep(blobs: Blobs, reference: Reference, before: deployments.Reference) -> deployments.Reference:
    """Keep a reference as a blob.

    Args:
        blobs: where.
        reference: what is kept.
        before: what the version said of its reference until now.

    Returns:
        What the version says of it from now on.

    Raises:
        StorageFull: there is no room.
    """
    digest, _ = blobs.put(iter([reference.to_bytes()]))
    inputs, answers = reference.inputs, reference.answers
    known = msgspec.structs.replace(before, profile=digest, inputs=inputs.profile.rows if inputs else 0)
    if answers is None or answers.source != "live":
        return known
    return msgspec.structs.replace(known, source="live", rows=answers.profile.rows)


def inputs_of(schema: Schema, rows: "pa.Table", source: Source, *, timed: bool = True) -> Part:
    """The inputs' part of a reference.

    Args:
        schema: of the version.
        rows: with ``features.NAME`` (`konan.monitoring.reference.given_rows`); others are passed over.
        source: where they come from.
        timed: whether their order may be that of time.
    """
    by_name = {FEATURES + feature.name: feature for feature in schema.features}
    hidden = {schema.key, schema.subject}
    found = [
        PresenceCells(name) if by_name[name].name in hidden else _input(name, rows[name], by_name[name])
        for name in rows.column_names
        if name in by_name and by_name[name].privacy != "drop"
    ]
    return _part(Layout(tuple(found)), rows, source, timed=timed)


def answers_of(schema: Schema, rows: "pa.Table", source: Source) -> Part:
    """The answers' part of a reference.

    Args:
        schema: of the version.
        rows: with what was answered and the truth (`konan.monitoring.reference.given_rows`);
            others are passed over.
        source: where they come from.
    """
    names = [name for name in _ANSWERS if name in rows.column_names]
    timed = TARGET not in names or not is_sorted(rows[TARGET])
    cells = tuple(_answer(name, rows[name], schema.output) for name in names)
    part = _part(Layout(cells), rows, source, timed=timed)
    errors = _errors(rows) if timed else {}
    return msgspec.structs.replace(part, autocorrelation=part.autocorrelation | errors)


def learned(
    before: Reference | None, schema: Schema, rows: "pa.Table", needed: int = LIVE_ROWS
) -> Reference | None:
    """A reference from the first labelled rows of live traffic, for a version that is learning.

    What is known of the inputs from the rows given at deploy stays; without those, they come from the live
    rows too.

    Args:
        before: what there is; None if there is nothing.
        schema: of the version.
        rows: of live traffic in the order of time, with ``features.NAME``, what was answered, and `TARGET`.
        needed: how many labelled rows it takes.

    Returns:
        None while there are too few rows, or when the version has learned already.
    """
    import pyarrow.compute as pc

    before = before or Reference()
    if not before.learning or TARGET not in rows.column_names:
        return None
    labelled = rows.filter(pc.is_valid(rows[TARGET])).slice(0, needed)
    if labelled.num_rows < needed:
        return None
    inputs = before.inputs or inputs_of(schema, labelled, "live")
    made = answered(schema, inputs, labelled, "live")
    return msgspec.structs.replace(made, segments=before.segments)


def answered(schema: Schema, inputs: Part, rows: "pa.Table", source: Source) -> Reference:
    """The reference of a version of which answers and truths are known too.

    Args:
        schema: of the version.
        inputs: what is known of them.
        rows: as of `answers_of`; also with inputs, where the estimator shall look at them.
        source: where the rows come from.
    """
    answers = answers_of(schema, rows, source)
    cells = (*inputs.layout.columns, *answers.layout.columns)
    mixed = rows
    if TARGET in rows.column_names and is_sorted(rows[TARGET]):  # groups of neighbours would differ in truth
        mixed = rows.take(np.random.default_rng(0).permutation(rows.num_rows))
    return Reference(
        inputs=inputs,
        answers=answers,
        estimator=learn(cells, mixed, schema.output),
        joint=joint_of(rows, schema.output),
    )


def _input(name: str, column: "pa.ChunkedArray", feature: Feature) -> Cells:
    if feature.privacy != "keep" or feature.type == "datetime":
        return PresenceCells(name)
    if feature.type in {"number", "integer"}:
        return fit_numeric(name, numbers(column)[0])
    if feature.type == "boolean":
        return CategoryCells(name, ("false", "true"))
    return known_categories(name, _frequencies(column))


def _answer(name: str, column: "pa.ChunkedArray", output: Output) -> Cells:
    if output.kind != "classifier" or name == SCORE:
        return fit_numeric(name, numbers(column)[0])
    classes = tuple(map(class_text, output.classes))
    if classes:
        return CategoryCells(name, classes[:MOST_VALUES], classes[MOST_VALUES:])
    return known_categories(name, _frequencies(column))


def _frequencies(column: "pa.ChunkedArray") -> dict[str, int]:
    """How many rows have each category."""
    import pyarrow.compute as pc

    texts = category_texts(column)
    if texts is None:
        return {}
    pairs = pc.value_counts(texts.drop_null())
    return dict(zip(pairs.field("values").to_pylist(), pairs.field("counts").to_pylist(), strict=True))


def is_sorted(column: "pa.ChunkedArray") -> bool:
    """Whether rows are sorted by a column, or grouped by its values; of one that is constant nobody can tell.

    >>> import pyarrow as pa
    >>> [is_sorted(pa.chunked_array([values])) for values in (["b", "b", "a", "a"], ["a", "b", "a", "b"])]
    [True, False]
    >>> [is_sorted(pa.chunked_array([values])) for values in ([3.0, 2.0, 1.0], [3.0, 1.0, 2.0], [1.0, 1.0])]
    [True, False, False]
    """
    import pyarrow.compute as pc

    coded = pc.dictionary_encode(column.combine_chunks().drop_null())
    codes = coded.indices.to_numpy(zero_copy_only=False)
    distinct = len(coded.dictionary)
    if distinct < 2:
        return False
    if 2 * distinct <= codes.size:
        return int(np.count_nonzero(np.diff(codes))) == distinct - 1
    steps = np.diff(numbers(coded.dictionary)[0][codes])
    return bool((steps >= 0).all() or (steps <= 0).all())


def _part(layout: Layout, rows: "pa.Table", source: Source, *, timed: bool) -> Part:
    """What rows have in cells that were fitted on them."""
    profile = Profile.of(layout, rows)
    series: dict[str, tuple[float, ...]] = {}
    for cells, counts in zip(layout.columns, profile.counts, strict=True):
        column = rows[cells.name]
        if timed and isinstance(cells, NumericCells | CategoryCells) and not is_sorted(column):
            codes = cells.assign(column.slice(0, _MOST_FOR_LAGS))
            ranks = cells.ranks[codes] if isinstance(cells, NumericCells) else None
            series[cells.name] = _of_categories(codes) if ranks is None else _lagged(ranks)
        if isinstance(cells, CategoryCells) and cells.name.startswith(FEATURES):
            moved = left_out(cells, _frequencies(column))
            counts[len(cells.values)] -= moved
            counts[cells.special[UNSEEN]] += moved
    return Part(layout=layout, counts=profile.to_bytes(), source=source, autocorrelation=series)


def _errors(rows: "pa.Table") -> dict[str, tuple[float, ...]]:
    """The autocorrelation of the errors, where both answer and truth are there."""
    import pyarrow as pa
    import pyarrow.compute as pc

    answer = next((name for name in (LABEL, VALUE) if name in rows.column_names), "")
    if not answer or TARGET not in rows.column_names:
        return {}
    if answer == LABEL:
        wrong = pc.cast(pc.not_equal(rows[LABEL], rows[TARGET]), pa.float64())
    else:
        wrong = pc.abs(pc.subtract(rows[VALUE], rows[TARGET]))
    return {ERROR: _lagged(numbers(wrong.drop_null())[0][:_MOST_FOR_LAGS])}


def _of_categories(codes: npt.NDArray[np.integer[Any]]) -> tuple[float, ...]:
    """At each lag the largest autocorrelation of the rows with one of the most frequent categories."""
    counts = np.bincount(codes)
    frequent = np.argsort(-counts, kind="stable")[:_MOST_CATEGORIES]
    found = [_lagged((codes == cell).astype(np.float64)) for cell in frequent if counts[cell]]
    return tuple(map(max, zip(*filter(None, found), strict=True)))


def _lagged(series: npt.NDArray[np.float64]) -> tuple[float, ...]:
    return autocorrelation(series, LAGS)
