"""The certificate: what a version proves in the environment and the sandbox that will serve it.

It must reproduce what its owner saw on golden rows. What else is found out (does a row's answer depend on
other rows, does ``null`` fail, may a plain array be used) decides how the version is served. Probing one
worker takes a fraction of a second; a version that fails a probe which makes it unusable is refused.
"""

from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, Literal, NamedTuple

import msgspec

from konan import clock
from konan.errors import GateFailed, OutputInvalid
from konan.packaging.features import Described
from konan.packaging.golden import EQUAL, SAME, Golden, Row, differ, named, outputs
from konan.packaging.trial import Form, ModelRaised, Trial
from konan.records.deployments import Certificate, NullProbe
from konan.records.schema import Feature, Output, Schema, class_text
from konan.worker.frames import Frame

_UNSEEN = "konan: a text that was never seen"
_ALONE = 16
_VALUES_AT_ONCE = 200_000
_TEXTS = frozenset({"string", "datetime"})
_LIBRARIES = frozenset({"sklearn", "imblearn", "xgboost", "lightgbm", "catboost"})
_LABELS_OF_THEIR_OWN = frozenset({"SVC", "NuSVC"})
"""Classifiers whose label may differ from their highest probability, whatever a sample of rows shows."""

Result = Literal["answers", "raises"]


class Proof(NamedTuple):
    """What a trial proved.

    Attributes:
        certificate: for people.
        schema: the final schema, with the features that take no ``null`` and the way labels are found.
        form: how its workers give rows to the model.
        warnings: notices for the owner.
    """

    certificate: Certificate
    schema: Schema
    form: Form
    warnings: tuple[str, ...]


def certify(trial: Trial, described: Described, features: tuple[Feature, ...], golden: Golden) -> Proof:
    """Try a loaded model; blocks, so it belongs in a thread.

    Args:
        trial: a worker with the model loaded.
        described: what the model says about itself.
        features: its inputs.
        golden: rows to try it on; without any, a row of zeros is tried.

    Raises:
        GateFailed: the model cannot be served as it is; the message says why.
        ModelRaised: it raised on rows that it had answered before.
        WorkerDied: its process is no more.
    """
    output = _output(described)
    rows = golden.rows or (tuple(_blank(feature) for feature in features),)
    positions = golden.positions or (0,)
    trial.begin("asked for its answers to the first rows")
    found = _first_answers(trial, described, Form(features, output, "frame"), rows)
    first = _readable(found.answer, output, lambda at: positions[found.kept[at]])
    places = [positions[at] for at in found.kept]
    largest = _reproduced(golden, places, first)
    kept = tuple(rows[at] for at in found.kept)
    trial.begin("asked the same again")
    deterministic = _same(trial.ask(kept), found.answer)
    independent = _independent(trial, output, kept, first)
    form = _with_labels(trial, found.form, described, first)
    trial.begin("given rows with missing and unseen values")
    example = next((row for row in kept if None not in row), kept[0])
    probes = _Probes(trial, form, example, together=independent)
    nulls = probes.nulls()
    certificate = Certificate(
        golden_rows=len(kept) if golden.rows else 0,
        golden="reproduced" if golden.expected else "self-consistent only",
        largest_difference=largest,
        row_independent=independent,
        deterministic=deterministic,
        null=tuple(NullProbe(feature=name, result=result) for name, result in nulls.items()),
        unseen_category=probes.unseen(),
        empty_batch=probes.result([]),
        latency_one_ms=_latency(trial, [example], 9),
        input=form.input,
        latency_hundred_ms=_latency(trial, (kept * (100 // len(kept) + 1))[:100], 3) if independent else 0.0,
    )
    final = tuple(_nullable(feature, nulls[feature.name]) for feature in features)
    schema = Schema(features=final, output=form.output, example=named(features, example))
    warnings = _warnings(final, dropped=len(rows) - len(kept), deterministic=deterministic)
    return Proof(certificate, schema, form._replace(features=final), warnings)


def _output(described: Described) -> Output:
    keys = [class_text(one) for one in described.classes]
    if len(set(keys)) != len(keys):
        raise GateFailed(
            "Two classes of the model have the same text, so their probabilities could not be told apart.",
            hint="Fit the model with classes of one type.",
        )
    if described.values < 1 or (described.probabilities and not keys):
        raise GateFailed("What the model says about its outputs is not consistent.")
    return Output(
        kind=described.kind,
        classes=described.classes if described.kind == "classifier" else (),
        probabilities=described.kind == "classifier" and described.probabilities,
        values=described.values,
    )


def _blank(feature: Feature) -> Any:
    return {"string": "", "datetime": "1970-01-01T00:00:00Z", "boolean": False}.get(feature.type, 0.0)


class _First(NamedTuple):
    form: Form
    kept: tuple[int, ...]
    answer: Frame


def _first_answers(trial: Trial, described: Described, form: Form, rows: Sequence[Row]) -> _First:
    """The rows that the model answers at all, in the fastest form that gives the same answers.

    A data frame and an array lie in memory in another order, so the last bits of a sum may differ.
    """
    numeric = all(feature.type not in _TEXTS and feature.dtype != "category" for feature in form.features)
    array = form._replace(input="array")
    if described.feature_names is None:
        try:
            kept, answer = _answered(trial, array, rows)
        except GateFailed:
            kept, answer = _answered(trial, form, rows)
            return _First(form, kept, answer)
        return _First(array, kept, answer)
    kept, answer = _answered(trial, form, rows)
    if numeric:
        trial.form(array)
        try:
            faster = trial.ask([rows[at] for at in kept])
            if not differ(outputs(answer, form.output), outputs(faster, form.output), SAME).place:
                return _First(array, kept, faster)
        except (ModelRaised, OutputInvalid):
            pass  # it finds its columns by name, or its answers are refused in a moment
        trial.form(form)
    return _First(form, kept, answer)


def _answered(trial: Trial, form: Form, rows: Sequence[Row]) -> tuple[tuple[int, ...], Frame]:
    """Ask for all rows; a model that takes no missing values is asked for the rows without any."""
    trial.form(form)
    everything = tuple(range(len(rows)))
    whole = tuple(at for at in everything if None not in rows[at])
    try:
        return everything, trial.ask(list(rows))
    except ModelRaised as error:
        raised = error
    if whole and len(whole) < len(everything):
        try:
            return whole, trial.ask([rows[at] for at in whole])
        except ModelRaised as error:
            raised = error
    raise GateFailed(
        f"The model raised {raised.kind} on the rows that were given.",
        hint="Its traceback is kept with the version. Give --data with rows in the form it was fitted on.",
    ) from raised


def _readable(answer: Frame, output: Output, place: Callable[[int], int]) -> list[Any]:
    try:
        return outputs(answer, output, place)
    except OutputInvalid as error:
        raise GateFailed(
            error.message, hint="Every answer must be a finite number or a known class."
        ) from None


def _reproduced(golden: Golden, places: Sequence[int], first: Sequence[Any]) -> float:
    """Largest difference to the expected outputs, which must all be reproduced."""
    largest = 0.0
    for place, actual in zip(places, first, strict=True):
        if place not in golden.expected:
            continue
        found = differ(golden.expected[place], actual, EQUAL)
        if found.place:
            raise GateFailed(
                f"The version does not give what its owner saw: row {place}, {found.place}: {found.said}.",
                hint="Deploy from the environment in which the model was made, or state its requirements.",
            )
        largest = max(largest, found.largest)
    missing = set(golden.expected) - set(places)
    if golden.expected and len(missing) == len(golden.expected):
        raise GateFailed("None of the rows with an expected output can be answered by the version.")
    return largest


def _same(one: Frame, other: Frame) -> bool:
    return (one.numbers, one.texts) == (other.numbers, other.texts)


def _independent(trial: Trial, output: Output, rows: Sequence[Row], first: Sequence[Any]) -> bool:
    """Whether rows alone, and in another company, are answered as among all others."""
    trial.begin("given rows one by one")
    step = max(1, len(rows) // _ALONE)
    try:
        for at in range(0, len(rows), step):
            alone = outputs(trial.ask([rows[at]]), output)
            if differ(first[at], alone[0], SAME).place:
                return False
        backwards = outputs(trial.ask(list(reversed(rows))), output)
    except (ModelRaised, OutputInvalid):
        return False
    return not differ(list(reversed(first)), backwards, SAME).place


def _with_labels(trial: Trial, form: Form, described: Described, first: Sequence[Any]) -> Form:
    """Let the gateway find labels from the probabilities, where that is what the model does."""
    if not form.output.probabilities or not _follows_probabilities(described.estimators):
        return form
    for one in first:
        chances = one["probabilities"]
        if max(chances, key=chances.__getitem__) != class_text(one["label"]):
            return form
    final = form._replace(output=msgspec.structs.replace(form.output, label="argmax"))
    trial.form(final)
    return final


def _follows_probabilities(estimators: Sequence[str]) -> bool:
    """Whether all classes in a model are known to take the label with the highest probability.

    >>> _follows_probabilities(["sklearn.linear_model._logistic.LogisticRegression"])
    True
    >>> _follows_probabilities(["sklearn.svm._classes.SVC"]), _follows_probabilities(["mine.Model"])
    (False, False)
    """
    for name in estimators:
        library, kind = name.partition(".")[0], name.rpartition(".")[2]
        if library not in _LIBRARIES or kind in _LABELS_OF_THEIR_OWN or "ThresholdClassifier" in kind:
            return False
    return bool(estimators)


class _Probes:
    """Asks for rows that differ from the example in one value."""

    def __init__(self, trial: Trial, form: Form, example: Row, *, together: bool) -> None:
        self._trial = trial
        self._form = form
        self._example = example
        self._together = together

    def nulls(self) -> dict[str, Result]:
        """What ``null`` in each feature does."""
        features = self._form.features
        found = self._each(range(len(features)), None)
        return dict(zip((feature.name for feature in features), found, strict=True))

    def unseen(self) -> str:
        """What a text that was never seen does, in any feature of text."""
        texts = [at for at, feature in enumerate(self._form.features) if feature.type == "string"]
        if not texts:
            return "not applicable"
        return "raises" if "raises" in self._each(texts, _UNSEEN) else "answers"

    def result(self, rows: list[Row]) -> Result:
        """Whether the model gives valid answers to some rows."""
        try:
            outputs(self._trial.ask(rows), self._form.output)
        except (ModelRaised, OutputInvalid):
            return "raises"
        return "answers"

    def _each(self, places: Sequence[int], value: str | None) -> list[Result]:
        """What a value does in each place; many places at once where rows are independent."""
        size = max(1, _VALUES_AT_ONCE // len(self._example)) if self._together else 1
        found: list[Result] = []
        for start in range(0, len(places), size):
            some = places[start : start + size]
            if self.result([self._with(at, value) for at in some]) == "answers":
                found += ["answers"] * len(some)
            elif len(some) == 1:
                found.append("raises")
            else:
                found += [self.result([self._with(at, value)]) for at in some]
        return found

    def _with(self, at: int, value: str | None) -> Row:
        return (*self._example[:at], value, *self._example[at + 1 :])


def _latency(trial: Trial, rows: Sequence[Row], calls: int) -> float:
    """Median milliseconds of a call."""
    trial.begin("timed")
    times = []
    for _ in range(calls):
        start = clock.monotonic()
        trial.ask(list(rows))
        times.append(clock.monotonic() - start)
    return median(times) * 1000


def _nullable(feature: Feature, result: Result) -> Feature:
    return feature if result == "answers" else msgspec.structs.replace(feature, nullable=False)


def _warnings(features: tuple[Feature, ...], *, dropped: int, deterministic: bool) -> tuple[str, ...]:
    warnings = []
    if dropped:
        warnings.append(f"The model raises on {dropped} of the tried rows, which have missing values.")
    gaps = [one.name for one in features if not one.nullable and one.learned and one.learned.missing]
    if gaps:
        warnings.append(
            f"Missing values occur in the data, but the model fails on them: {', '.join(gaps[:10])}."
        )
    if not deterministic:
        warnings.append("The model answers the same rows differently when it is asked again.")
    return tuple(warnings)
