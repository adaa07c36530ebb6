"""What games gave, as explanations are told (pure)."""

from typing import Any

import msgspec
import numpy as np

from konan.errors import Invalid, OutputInvalid
from konan.monitoring.explanation.playing import Played
from konan.records.deployments import Version
from konan.records.explanations import (
    BackgroundSource,
    Contribution,
    Explanation,
    FeatureImportance,
    Importance,
    Method,
)
from konan.records.logged import LoggedPrediction

_FEW = 30
_MIXED = "The model is asked rows with mixed inputs, which may not exist where inputs depend on each other."
_RESTLESS = "The model answers the same rows differently when it is asked again."
_SMALL = f"There are fewer than {_FEW} background rows; see the errors."


def explanation(
    version: Version,
    inputs: dict[str, Any],
    logged: LoggedPrediction | None,
    output: str | None,
    source: BackgroundSource,
    played: Played,
) -> Explanation:
    """Why a row is answered as it is.

    Args:
        version: that was asked.
        inputs: the row's values by name.
        logged: the prediction, if it is one.
        output: which output; None is the answered label, or the only one.
        source: whose background rows.
        played: one row's games.

    Raises:
        Invalid: there is no such output.
    """
    answered = None if logged is None else _plain(logged.output)
    place = _place(played, output, answered)
    found = played.found[0]
    features = version.schema.features if version.schema else ()
    contributions = [
        Contribution(
            feature=feature.name,
            value=inputs.get(feature.name),
            contribution=float(found.values[at, place]),
            error=float(found.errors[at, place]),
        )
        for at, feature in enumerate(features)
    ]
    return Explanation(
        deployment=version.deployment,
        version=version.version,
        output=played.scores.names[place],
        method=_method(played),
        background=source,
        background_rows=played.background,
        evaluations=played.evaluations,
        notes=_notes(version, played),
        prediction_id=logged.id if logged else None,
        value=float(found.value[place]),
        logged=_logged(played, answered, place),
        base=float(found.base[place]),
        contributions=tuple(sorted(contributions, key=lambda one: -abs(one.contribution))),
    )


def importance(version: Version, output: str | None, source: BackgroundSource, played: Played) -> Importance:
    """Which inputs matter.

    Args:
        version: that was asked.
        output: which output; None is the average over all.
        source: whose rows.
        played: the games of many rows.

    Raises:
        Invalid: there is no such output.
    """
    sizes = np.abs(np.array([one.values for one in played.found]))
    names = played.scores.names
    if output is not None:
        place = played.scores.place(output, played.answers[0])
        sizes = sizes[:, :, [place]]
    each = sizes.mean(axis=2)
    means = each.mean(axis=0)
    errors = each.std(axis=0, ddof=1) / np.sqrt(len(each)) if len(each) > 1 else np.zeros(len(means))
    total = float(means.sum())
    features = version.schema.features if version.schema else ()
    found = [
        FeatureImportance(
            feature=feature.name,
            importance=float(means[at]),
            share=float(means[at]) / total if total else 0.0,
            error=float(errors[at]),
        )
        for at, feature in enumerate(features)
    ]
    return Importance(
        deployment=version.deployment,
        version=version.version,
        output=output or (names[0] if len(names) == 1 else ""),
        method=_method(played),
        background=source,
        background_rows=played.background,
        evaluations=played.evaluations,
        notes=_notes(version, played),
        rows=len(played.found),
        features=tuple(sorted(found, key=lambda one: -one.importance)),
    )


def _place(played: Played, output: str | None, answered: Any) -> int:
    """Which output is meant: of a logged prediction the label that was answered then."""
    if output is None and answered is not None:
        try:
            return played.scores.place(None, answered)
        except (Invalid, KeyError, TypeError):  # another version has other classes
            pass
    return played.scores.place(output, played.answers[0])


def _logged(played: Played, answered: Any, place: int) -> float | None:
    if answered is None:
        return None
    try:
        return played.scores.of(answered)[place]
    except OutputInvalid:
        return None


def _plain(output: Any) -> Any:
    return msgspec.json.decode(output) if isinstance(output, msgspec.Raw) else output


def _method(played: Played) -> Method:
    return "exact" if played.exact else "sampled"


def _notes(version: Version, played: Played) -> tuple[str, ...]:
    restless = version.certificate is not None and not version.certificate.deterministic
    said = ((_MIXED, True), (_RESTLESS, restless), (_SMALL, played.background < _FEW))
    return tuple(note for note, holds in said if holds)
