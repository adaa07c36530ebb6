"""How an alarm goes from state to state (pure).

::

    learning ──► ok ◄──► warning ──► firing ──► resolved ──► ok

``no data`` is a day without anything to look at. ``warning`` begins at half of the evidence that fires and
ends below a quarter. ``firing`` needs evidence *and* an effect as large as the rule asks. It ends after so
many windows without the effect (four fifths of it, so that it does not flicker), with a new live version, or
by a person; the detectors then begin anew. Silence changes nothing of this, only who is told.
"""

from dataclasses import dataclass, field

from msgspec.structs import replace

from konan.records.alarms import DAY, Alarm, AlarmEvent, AlarmRule, AlarmState, Grounds

USUAL = "usual "
"""Before the name of what an alarm remembers of how things usually are; it outlives versions."""

_WARNS = 0.5
_WARNS_STILL = 0.25
_CLEAN = 0.8
_SILENT = DAY


@dataclass(frozen=True, slots=True)
class Look:
    """What one window says.

    Attributes:
        grounds: what is known after it; None if it says nothing, as it has too few rows.
        memory: of the detectors after it, by stream.
        learning: why there is nothing to compare with yet; empty if there is.
        what: what is found, in words that follow "version 3: "; empty if nothing is.
    """

    grounds: Grounds | None = None
    memory: dict[str, tuple[float, ...]] = field(default_factory=dict)
    learning: str = ""
    what: str = ""


def looked(alarm: Alarm, look: Look, at: str) -> Alarm:
    """An alarm after a window that it had not looked at.

    Args:
        alarm: before.
        look: what the window says.
        at: its end, RFC 3339.
    """
    if look.learning:
        state: AlarmState = alarm.state if alarm.state == "firing" else "learning"
        return _moved(replace(alarm, until=at, memory=look.memory), state, look.learning, at)
    empty = 0 if look.grounds else alarm.empty + 1
    seen = replace(alarm, until=at, looks=alarm.looks + 1, empty=empty, memory=look.memory)
    if look.grounds is None:
        return _nothing(seen, at)
    seen = replace(seen, grounds=look.grounds)
    if alarm.state == "firing":
        return _while_firing(seen, look, at)
    state = _reached(alarm, look.grounds)
    return _moved(seen, state, _why(seen, state, look), at)


def renewed(alarm: Alarm, version: int, at: str) -> Alarm:
    """An alarm whose deployment has another live version: its detectors begin anew.

    Args:
        alarm: before.
        version: number of the live version.
        at: when, RFC 3339.
    """
    state: AlarmState = "resolved" if alarm.state == "firing" else "learning"
    why = f"Version {version} is live now; what was known of version {alarm.version} counts no more."
    if alarm.version is None:
        why = f"Version {version} is live; it looks for something to compare it with."
    return _moved(_anew(replace(alarm, version=version, grounds=None)), state, why, at)


def resolved(alarm: Alarm, at: str, why: str) -> Alarm:
    """An alarm that somebody has ended; its detectors begin anew, and it learns anew what is usual."""
    state: AlarmState = "resolved" if alarm.state in {"firing", "warning"} else alarm.state
    return _moved(replace(_anew(alarm), memory={}), state, why, at)


def event_of(before: Alarm, after: Alarm, at: str, by: str = "") -> AlarmEvent | None:
    """The change of state between two forms of an alarm; None if there is none.

    Args:
        before: an alarm.
        after: the same, later.
        at: when, RFC 3339.
        by: public id of the key of the person who did it.
    """
    if before.state == after.state:
        return None
    return AlarmEvent(
        alarm=after.id,
        number=before.events + 1,
        name=after.name,
        deployment=after.deployment,
        version=after.version,
        at=at,
        before=before.state,
        after=after.state,
        why=after.why,
        grounds=after.grounds,
        by=by,
        incident=after.incident or before.incident,
    )


def is_news(alarm: Alarm, at: str) -> str:
    """The state that receivers should be told of now; empty if they know enough.

    A silenced alarm tells nothing, and tells at the end of the silence if it still fires.
    """
    if alarm.silenced(at):
        return ""
    if alarm.state == "firing":
        return "" if alarm.told == "firing" else "firing"
    if alarm.state == "warning":
        return "" if alarm.told in {"warning", "firing"} else "warning"
    return "resolved" if alarm.told == "firing" else ""


def _moved(alarm: Alarm, state: AlarmState, why: str, at: str) -> Alarm:
    if state == alarm.state:
        return alarm if state == "firing" else replace(alarm, why=why or alarm.why)
    kept = replace(alarm, state=state, since=at, why=why, clean=0)
    return kept if state == "firing" else replace(kept, acknowledged_at=None, acknowledged_by="")


def _anew(alarm: Alarm) -> Alarm:
    """Without what its detectors know; what is usual stays."""
    usual = {name: kept for name, kept in alarm.memory.items() if name.startswith(USUAL)}
    return replace(alarm, memory=usual, clean=0, empty=0)


def _nothing(alarm: Alarm, at: str) -> Alarm:
    if alarm.state == "firing" or alarm.empty * alarm.rule.window < _SILENT:
        return alarm
    return _moved(alarm, "no data", f"Nothing to look at since {_since(alarm)}.", at)


def _since(alarm: Alarm) -> str:
    hours = alarm.empty * alarm.rule.window // 3600
    return f"{hours} hours" if hours < 72 else f"{hours // 24} days"


def _while_firing(alarm: Alarm, look: Look, at: str) -> Alarm:
    grounds = alarm.grounds
    still = grounds is not None and grounds.now >= _CLEAN * alarm.rule.effect
    clean = 0 if still else alarm.clean + 1
    if clean < alarm.rule.clean:
        return replace(alarm, clean=clean, why=_told(alarm, look.what) if still else alarm.why)
    windows = "1 window" if clean == 1 else f"{clean} windows in a row"
    return _moved(_anew(alarm), "resolved", f"Nothing of it in {windows}.", at)


def _reached(alarm: Alarm, grounds: Grounds) -> AlarmState:
    """The state that evidence and effect lead to, from any but firing."""
    if grounds.evidence >= grounds.threshold and grounds.effect >= alarm.rule.effect:
        return "firing"
    warns = _WARNS_STILL if alarm.state == "warning" else _WARNS
    return "warning" if grounds.evidence >= warns * grounds.threshold else "ok"


def _why(alarm: Alarm, state: AlarmState, look: Look) -> str:
    if state == "firing":
        return _told(alarm, look.what)
    if state == "warning":
        return f"{_told(alarm, look.what)} It is not certain, or not large enough, to fire yet."
    return "Nothing has changed."


def _told(alarm: Alarm, what: str) -> str:
    return f"Version {alarm.version}: {what}" if what else "Something has changed."


def first_alarms() -> tuple[tuple[str, AlarmRule], ...]:
    """The alarms that every deployment has from its first deploy, by name.

    Together they are allowed one false alarm a year. Inputs change with the hour of the day, so drift is
    looked at by the day; shares of missing values and of errors do not, and are looked at by the hour.

    >>> sum(rule.false_alarms for _, rule in first_alarms())
    1.0
    """
    return (
        ("drift", AlarmRule(kind="drift", window=DAY, clean=2, effect=0.1)),
        ("data-fault", AlarmRule(kind="data-fault", effect=0.02)),
        ("errors", AlarmRule(kind="errors", effect=0.02)),
        ("volume", AlarmRule(kind="volume", effect=0.5, clean=1)),
    )
