"""Alarms: what is watched, how it stands, on what evidence, and what was told of it."""

from typing import Annotated, Literal

import msgspec

AlarmKind = Literal["drift", "data-fault", "errors", "volume", "performance"]
"""What an alarm watches: inputs and scores; shares of missing, unseen and out-of-range values; the share of
requests without an answer; whether predictions come at all; whether answers are wrong more often."""

AlarmState = Literal["learning", "ok", "warning", "firing", "resolved", "no data"]
HOUR = 3600
DAY = 24 * HOUR
Name = Annotated[str, msgspec.Meta(pattern="^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$", max_length=63)]


class AlarmRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an alarm watches and when it fires.

    Attributes:
        kind: see `AlarmKind`.
        columns: only these, as ``features.temp`` or ``output.score``, of performance ``accuracy``, ``recall
            CLASS`` or ``precision CLASS``; none means all.
        segment: only rows with this value in a segment column, as ``country=de``; empty is all rows.
        window: seconds of one window, whole hours; it is looked at once, when it has ended.
        wait: seconds after its end until it is looked at, so that truths can come; whole hours.
        effect: smallest effect that fires: for drift the population stability index corrected for noise,
            for the other kinds a difference of shares in [0, 1].
        false_alarms: false alarms that are allowed in a year, on average.
        clean: windows without the effect, one after another, after which it is resolved.
        rows: fewer rows than this make a window that says nothing.
    """

    kind: AlarmKind
    columns: tuple[Annotated[str, msgspec.Meta(min_length=1, max_length=300)], ...] = ()
    segment: Annotated[str, msgspec.Meta(max_length=300)] = ""
    window: Annotated[int, msgspec.Meta(ge=HOUR, le=30 * DAY, multiple_of=HOUR)] = HOUR
    wait: Annotated[int, msgspec.Meta(ge=0, le=366 * DAY, multiple_of=HOUR)] = 0
    effect: Annotated[float, msgspec.Meta(ge=0, le=100)] = 0.1
    false_alarms: Annotated[float, msgspec.Meta(gt=0, le=1000)] = 0.25
    clean: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 3
    rows: Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)] = 1


class ColumnGrounds(msgspec.Struct, frozen=True, kw_only=True):
    """What one column says.

    Attributes:
        column: as ``features.temp``, ``output.score``; ``requests`` for what is about whole requests.
        evidence: its own, as in `Grounds`.
        effect: of the last window.
        guilty: whether it is named as a cause (e-BH over the columns).
        moved: the parts of its values that have become more or less frequent, in words.
    """

    column: str
    evidence: float
    effect: float
    guilty: bool = False
    moved: tuple[str, ...] = ()


class Grounds(msgspec.Struct, frozen=True, kw_only=True):
    """What an alarm knows after a window.

    Attributes:
        rows: of the window.
        evidence: against "nothing changed", as the base-10 logarithm of the detector's value.
        threshold: evidence that fires; it follows from the budget of false alarms.
        effect: in the unit of the rule, of the window or of the last day, whichever says more.
        floor: effect that chance alone makes in one of a thousand windows with so many rows.
        now: effect of the window alone.
        cause: ``data fault``, ``covariate``, ``label``, ``concept``, or empty if not known.
        columns: what each column says, the strongest first; at most 20.
        doubts: assumptions that may not hold, for people.
    """

    rows: int
    evidence: float
    threshold: float
    effect: float
    floor: float = 0.0
    now: float = 0.0
    cause: str = ""
    columns: tuple[ColumnGrounds, ...] = ()
    doubts: tuple[str, ...] = ()


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """False alarms: how many are allowed, and how many of these are used up at most.

    Attributes:
        per_year: allowed in a year, on average.
        run_length: windows between two false alarms, on average at least.
        looks: windows looked at since the alarm was made.
        spent: bound on the false alarms to expect in the windows of the last year, as looks / run_length.
    """

    per_year: float
    run_length: float
    looks: int
    spent: float


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm as it stands.

    Attributes:
        id: UUIDv7.
        project: name of the project.
        deployment: name of the deployment.
        name: unique in the deployment.
        rule: what it watches.
        made_by: public id of the key that made it; empty for those that each deployment has from the start.
        created_at: RFC 3339.
        state: see `AlarmState`; a silenced alarm has a state like any other.
        since: when the state began: the end of the window, or the moment of a person's act.
        why: the state in a sentence.
        version: number of the version that it watches, or null.
        until: end of the last window it has looked at, or null.
        looks: windows looked at since it was made.
        events: changes of its state so far.
        clean: clean windows in a row while it fires.
        empty: windows in a row that said nothing.
        grounds: after the last window, or null.
        memory: state of its detectors, by stream; not shown.
        told: the last state that receivers were told of; empty if none.
        incident: id of the incident that it belongs to while it fires; else empty.
        silenced_until: RFC 3339; until then nobody is told, while it counts on.
        silenced_by: public id of the key.
        silence_reason: a person's words.
        acknowledged_at: when somebody took it on, or null; ends with the incident.
        acknowledged_by: public id of the key.
        budget: worked out when it is shown.
        revision: counts its changes.
    """

    id: str
    project: str
    deployment: str
    name: str
    rule: AlarmRule
    created_at: str
    made_by: str = ""
    state: AlarmState = "learning"
    since: str = ""
    why: str = ""
    version: int | None = None
    until: str | None = None
    looks: int = 0
    events: int = 0
    clean: int = 0
    empty: int = 0
    grounds: Grounds | None = None
    memory: dict[str, tuple[float, ...]] = {}
    told: str = ""
    incident: str = ""
    silenced_until: str | None = None
    silenced_by: str = ""
    silence_reason: str = ""
    acknowledged_at: str | None = None
    acknowledged_by: str = ""
    budget: Budget | None = None
    revision: int = 0

    def silenced(self, at: str) -> bool:
        """Whether nobody is told at a moment (RFC 3339 in UTC, as `konan.clock.rfc3339` writes it)."""
        return self.silenced_until is not None and at < self.silenced_until


class AlarmEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A change of an alarm's state.

    Attributes:
        alarm: its id.
        number: 1, 2, … of the alarm.
        name: of the alarm.
        deployment: name of the deployment.
        version: that was watched.
        at: end of the window that made the change, or the moment of a person's act; RFC 3339.
        before: state.
        after: state.
        why: in a sentence.
        grounds: at that time.
        silenced: whether nobody was told.
        by: public id of the key of the person who did it; empty if a window did.
        incident: id, or empty.
    """

    alarm: str
    number: int
    name: str
    deployment: str
    version: int | None
    at: str
    before: AlarmState
    after: AlarmState
    why: str
    grounds: Grounds | None = None
    silenced: bool = False
    by: str = ""
    incident: str = ""


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """Alarms of one deployment that fire for one cause.

    Attributes:
        id: UUIDv7.
        project: name of the project.
        deployment: name of the deployment.
        opened_at: end of the window that opened it, RFC 3339.
        joined_at: end of the window in which the last alarm joined.
        closed_at: when the last of its alarms was resolved, or null.
        alarms: names of its alarms, the first first.
        firing: names of those that fire still.
        headline: what happened, in a sentence; the model's verdict when it is among the alarms.
        cause: as in `Grounds`.
    """

    id: str
    project: str
    deployment: str
    opened_at: str
    joined_at: str
    closed_at: str | None = None
    alarms: tuple[str, ...] = ()
    firing: tuple[str, ...] = ()
    headline: str = ""
    cause: str = ""


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule would have done over a stretch of the logged past.

    Attributes:
        deployment: name.
        rule: that was tried.
        start: of the first window, RFC 3339, or null when there is none.
        end: of the last window, RFC 3339, or null when there is none.
        windows: that were looked at.
        events: changes of its state, in their order.
        state: at the end.
        why: that state in a sentence.
        grounds: after the last window, or null.
        budget: used up at most.
    """

    deployment: str
    rule: AlarmRule
    start: str | None
    end: str | None
    windows: int
    events: tuple[AlarmEvent, ...]
    state: AlarmState
    why: str
    grounds: Grounds | None
    budget: Budget
