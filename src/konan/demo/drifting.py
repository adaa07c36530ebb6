"""The second part of the story: real hours of another year are sent, and Konan says what changed in them.

No row is made up or altered. First come hours
from all of 2012, then a summer as it went. What is said of them is asked from the server, and told with what
it rests on.
"""

import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import msgspec

from konan import clock
from konan.client import Client
from konan.demo.telling import Teller
from konan.errors import KonanError
from konan.records.alarms import HOUR, AlarmRule, Replay
from konan.records.monitoring import DriftedColumn, DriftWindow

Rows = Callable[[str], Iterable[dict[str, Any]]]
"""The rows of a file by its name, as they are sent."""

_SHOWN = 4
_PATIENCE = 180.0
_PAUSE = 0.2
_MOVED = 0.01


class Drifted(msgspec.Struct, frozen=True, kw_only=True):
    """What was said of the rows, for programs.

    Attributes:
        before: verdict on hours from all of 2012.
        after: verdict on these and a summer.
        evidence: for the second, a power of ten.
        guilty: columns that changed.
        rows: how many rows were looked at.
        alarm: state of a drift alarm that looks at the hour so far.
        alarm_evidence: of it, a power of ten.
    """

    before: str
    after: str
    evidence: float
    guilty: tuple[str, ...]
    rows: int
    alarm: str
    alarm_evidence: float


def drift(
    teller: Teller, client: Client, name: str, version: int, rows: Rows
) -> tuple[Drifted, dict[str, list[str]]]:
    """Send the rows, and tell what is said of them.

    Args:
        teller: where.
        client: with a key that may predict and read.
        name: of the deployment.
        version: number of the version that answers.
        rows: reads ``year.csv`` and ``summer.csv``.

    Returns:
        What was said, and the ids of the predictions by file.

    Raises:
        KonanError: the summer is not seen.
    """
    teller.heading("Send it hours of another year")
    with teller.waiting("Waiting for the reference, which is made beside traffic"):
        _await_reference(client, name, version)
    year = _send(teller, client, name, rows("year.csv"))
    teller.line(f"{len(year):,} hours of 2012: every eleventh, so that all seasons and hours are there.")
    before = _seen(teller, client, name)
    largest = max(before.columns, key=lambda column: column.effect, default=None)
    if largest is not None:
        teller.line(f"  {_told(largest)}")
    teller.heading("Send it a summer")
    summer = _send(teller, client, name, rows("summer.csv"))
    teller.line(f"Now all {len(summer):,} hours of July and August 2012, in their order, as they were.")
    after = _seen(teller, client, name)
    for column in after.columns[:_SHOWN]:
        if column.verdict == "drift":
            teller.line(f"  {_told(column)}")
    if after.verdict != "drift" or "features.season" not in after.guilty:
        raise KonanError(f"The summer is not seen: {after.verdict}, {', '.join(after.guilty) or 'nothing'}.")
    alarm = _alarmed(teller, client, name)
    told = Drifted(
        before=before.verdict,
        after=after.verdict,
        evidence=round(after.evidence, 1),
        guilty=after.guilty,
        rows=after.rows,
        alarm=alarm.state,
        alarm_evidence=round(alarm.grounds.evidence, 1) if alarm.grounds else 0.0,
    )
    return told, {"year.csv": year, "summer.csv": summer}


def _alarmed(teller: Teller, client: Client, name: str) -> Replay:
    """What a drift alarm says of the hour so far; the hour before is looked at too, if it has just ended."""
    teller.heading("Ask an alarm")
    first = ", ".join(alarm.name for alarm in client.alarms.list(name))
    teller.line(f"The deployment has these alarms from the start: {first}.")
    teller.line(
        "An alarm looks at each window once, when it has ended. This hour has not, so a rule is tried on it:"
    )
    hour = clock.now().replace(minute=0, second=0, microsecond=0)
    since, until = (clock.rfc3339(hour + timedelta(hours=hours)) for hours in (-1, 1))
    teller.line(f"$ konan alarm replay {name} --kind drift --window 1h --from {since} --to {until}")
    with teller.waiting("Looking"):
        found = client.alarms.replay(name, AlarmRule(kind="drift", window=HOUR), since, until)
    teller.line(f"{found.state}: {found.why}")
    if found.state != "firing" or found.grounds is None:
        raise KonanError(f"The alarm does not see the summer: {found.state}.")
    grounds = found.grounds
    teller.line(
        f"Evidence {_power(grounds.evidence)}, and it fires from {_power(grounds.threshold)}: at most "
        f"{found.budget.per_year:g} false alarms a year. Effect {grounds.effect:.2f}, noise reaches "
        f"{grounds.floor:.2f}."
    )
    return found


def _await_reference(client: Client, name: str, version: int) -> None:
    deadline = clock.monotonic() + _PATIENCE
    while not client.version(name, version).reference.profile:
        if clock.monotonic() > deadline:
            raise KonanError(f"Version {version} has no reference after {_PATIENCE:g} s.")
        time.sleep(_PAUSE)


def _send(teller: Teller, client: Client, name: str, rows: Iterable[dict[str, Any]]) -> list[str]:
    with teller.waiting("Sending"):
        return [one.id for one in client.predict_many(name, rows)]


def _seen(teller: Teller, client: Client, name: str) -> DriftWindow:
    """The one window of the last 24 hours, told."""
    with teller.waiting("Counting"):
        windows = client.drift(name).windows
    if len(windows) != 1:
        raise KonanError(f"Drift is told of {len(windows)} windows where one was asked for.")
    window = windows[0]
    teller.line(f"$ konan drift {name}")
    teller.line(
        f"{window.rows:,} rows against {_usual(window):,} of 2011: {window.verdict}. "
        f"Evidence {_power(window.evidence)}; drift needs {_power(window.threshold)} and a large effect."
    )
    if window.cause:
        teller.line(f"Cause: {window.cause}. {window.reason}")
    return window


def _usual(window: DriftWindow) -> int:
    return max((column.usual_rows for column in window.columns), default=0)


def _power(evidence: float) -> str:
    return f"10^{evidence:.1f}"


def _told(column: DriftedColumn) -> str:
    """A column in a line: its effect beside the noise of so many rows, and where its values went."""
    name = column.column.removeprefix("features.")
    moved = [f"{one.cell} {one.usual:.0%} → {one.current:.0%}" for one in column.moved[:2]]
    told = f"{name}: effect {column.effect:.2f}, noise alone reaches {column.floor:.2f}"
    return f"{told}; {', '.join(moved)}" if moved else told
