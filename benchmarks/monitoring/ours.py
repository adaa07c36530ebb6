"""What Konan makes of rows: the same functions that the server calls, without a server."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from konan.monitoring.alarms import states as alarms
from konan.monitoring.alarms.evaluation import moment
from konan.monitoring.alarms.rules import judge
from konan.monitoring.alarms.windows import Window
from konan.monitoring.drift.comparison import Drift, drift
from konan.monitoring.profiles.profile import FEATURES, LABEL, SCORE, Profile
from konan.monitoring.reference.reference import Part, Reference, answers_of, inputs_of
from konan.records.alarms import DAY, Alarm
from konan.records.schema import Feature, Output, Schema

OUTPUT = Output(kind="classifier", classes=("0", "1"), probabilities=True)


def schema_of(rows: pa.Table) -> Schema:
    """Of rows in which every column is a feature."""
    features = tuple(
        Feature(name=name, type="number" if pa.types.is_floating(rows[name].type) else "string")
        for name in rows.column_names
    )
    return Schema(features=features, output=OUTPUT)


def named(rows: pa.Table, scores: npt.NDArray[np.float64] | None = None) -> pa.Table:
    """Rows under the names of layouts, with what a model answered, if it did."""
    found = rows.rename_columns([FEATURES + name for name in rows.column_names])
    if scores is None:
        return found
    labels = pa.array(np.where(scores > 0.5, "1", "0"))
    return found.append_column(LABEL, labels).append_column(SCORE, pa.array(scores))


def reference(
    rows: pa.Table, scores: npt.NDArray[np.float64] | None = None, *, timed: bool = False
) -> Reference:
    """What windows are compared with.

    Args:
        rows: of which every column is a feature.
        scores: probabilities of class 1 for these rows.
        timed: whether the rows are in the order of time.
    """
    schema = schema_of(rows)
    inputs = inputs_of(schema, named(rows), "data", timed=timed)
    answers: Part | None = None
    if scores is not None:
        answers = answers_of(schema, named(rows, scores).select([LABEL, SCORE]), "holdout")
    return Reference(inputs=inputs, answers=answers)


def compared(usual: Reference, rows: pa.Table, scores: npt.NDArray[np.float64] | None = None) -> Drift:
    """A window beside its reference."""
    profile = Profile.of(usual.layout, named(rows, scores))
    return drift(usual.profile, profile, usual.layout, correlated=usual.autocorrelation)


def fired(
    usual: Reference, windows: Sequence[pa.Table], names: Sequence[str] = ("drift", "data-fault")
) -> list[tuple[int, str]]:
    """Windows after which one of the alarms fires that every deployment has, and which.

    Args:
        usual: the reference.
        windows: one a day.
        names: of the alarms.
    """
    found = []
    rules = dict(alarms.first_alarms())
    for name in names:
        own = judge(rules[name], usual)
        alarm = Alarm(
            id=name, project="", deployment="", name=name, rule=rules[name], created_at=moment(0), version=1
        )
        for at, rows in enumerate(windows):
            profile = Profile.of(usual.layout, named(rows))
            seen = Window(at * DAY, (at + 1) * DAY, profile, profile.rows, 0, profile)
            after = alarms.looked(alarm, own.look(alarm.memory, seen), moment(seen.end))
            if after.state == "firing":
                found.append((at, name))
            alarm = after
    return sorted(found)


def told(found: Drift) -> str:
    """What a report names, in short."""
    if found.verdict != "drift":
        return found.verdict
    faults = [f"{fault.kind} {'+'.join(bare(fault.columns))}" for fault in found.faults]
    return "; ".join(faults) or f"drift {', '.join(bare(found.guilty))}"


def bare(columns: Sequence[str]) -> list[str]:
    """Columns as the user calls them."""
    return [name.removeprefix(FEATURES) for name in columns]


def table_of(columns: Mapping[str, npt.ArrayLike]) -> pa.Table:
    """Columns as rows; numbers as 64-bit floats."""
    return pa.table({name: pa.array(np.asarray(one)) for name, one in columns.items()})
