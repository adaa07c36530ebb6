"""What alarms know of drift and quality, and the newest performance, as gauges for ``/metrics``.

They come from the last window that each alarm has looked at, and from what was counted when truths came:
reading them costs no look at any row, and a program that asks every few seconds changes nothing of a budget.
"""

from collections.abc import Iterable, Iterator
from typing import get_args

from konan.control.exposition import Exposition
from konan.control.services import Services
from konan.errors import KonanError
from konan.monitoring.reports.newest_performance import Newest, newest
from konan.ports import AlarmStore
from konan.records.access import Principal
from konan.records.alarms import Alarm, AlarmState, Grounds

_Labels = dict[str, str | int | None]


_PAGE = 1000


def seen(store: AlarmStore, caller: Principal) -> list[Alarm]:
    """All alarms that a caller may see; none while they cannot be read: the other figures are wanted then."""
    found: list[Alarm] = []
    while True:
        try:
            page = store.list_alarms(caller, _PAGE, found[-1].id if found else "")
        except KonanError:
            return []
        found += page
        if len(page) < _PAGE:
            return found


def page(alarms: Iterable[Alarm], at: str) -> str:
    """The families of alarms, to stand behind those of `konan.control.metrics.page`.

    Args:
        alarms: that the caller may see.
        at: now, RFC 3339.
    """
    shown = Exposition()
    labelled = [
        ({"project": alarm.project, "deployment": alarm.deployment, "alarm": alarm.name}, alarm)
        for alarm in alarms
    ]
    shown.family(
        "konan_alarm_state",
        "gauge",
        "1 for the state that an alarm is in.",
        [
            ({**labels, "state": state}, float(alarm.state == state))
            for labels, alarm in labelled
            for state in get_args(AlarmState)
        ],
    )
    shown.family(
        "konan_alarm_silenced",
        "gauge",
        "Whether nobody is told of an alarm.",
        [(labels, float(alarm.silenced(at))) for labels, alarm in labelled],
    )
    known = [
        ({**labels, "kind": alarm.rule.kind, "version": alarm.version}, alarm.grounds)
        for labels, alarm in labelled
        if alarm.grounds is not None
    ]
    families = (
        ("konan_alarm_evidence", "Evidence that something changed, a power of ten.", "evidence"),
        ("konan_alarm_threshold", "Evidence that fires, a power of ten.", "threshold"),
        ("konan_alarm_effect", "Size of the change, less noise.", "effect"),
        ("konan_alarm_floor", "Size that noise alone reaches in one of a thousand windows.", "floor"),
        ("konan_alarm_rows", "Rows of the last window.", "rows"),
    )
    for name, meaning, field in families:
        shown.family(name, "gauge", meaning, [(labels, getattr(one, field)) for labels, one in known])
    _add_columns(shown, known)
    return shown.text()


def performance(labelled: Iterable[tuple[_Labels, Newest]]) -> str:
    """The families of the newest day's performance, as it was last counted.

    Args:
        labelled: project and deployment, and what is known of a version.
    """
    shown = Exposition()
    known = [({**labels, "version": one.version}, one) for labels, one in labelled]
    told = [({**labels, "metric": each.name}, each) for labels, one in known for each in one.metrics]
    families = (
        ("konan_performance", "A metric of the newest 24 hours with truths.", "value"),
        ("konan_performance_low", "Lower end of its interval of 95 %.", "low"),
        ("konan_performance_high", "Upper end of its interval of 95 %.", "high"),
    )
    for name, meaning, field in families:
        values = [(labels, getattr(each, field)) for labels, each in told]
        shown.family(name, "gauge", meaning, [pair for pair in values if pair[1] is not None])
    for name, meaning, field in (
        ("konan_performance_rows", "Rows of those 24 hours.", "rows"),
        ("konan_performance_labelled_rows", "Of these with a truth.", "labelled"),
        ("konan_performance_counted_timestamp_seconds", "When they were last counted.", "at"),
    ):
        shown.family(name, "gauge", meaning, [(labels, getattr(one, field)) for labels, one in known])
    return shown.text()


def newest_seen(services: Services, caller: Principal) -> list[tuple[_Labels, Newest]]:
    """The newest performance of all deployments that a caller may see; none while they cannot be read."""
    found: list[tuple[_Labels, Newest]] = []
    after = ""
    while True:
        try:
            page = services.store.list_deployments(caller, _PAGE, after)
        except KonanError:
            return []
        for one in page:
            labels: _Labels = {"project": one.project, "deployment": one.name}
            found += [(labels, each) for each in newest(services.paths.predictions, one.uuid)]
        if len(page) < _PAGE:
            return found
        after = page[-1].name


def _add_columns(shown: Exposition, known: list[tuple[_Labels, Grounds]]) -> None:
    meaning = "Size of the change of a column: {}, in the last window."
    families = (
        ("konan_drift_effect", "drift", "stability index less noise"),
        ("konan_quality_effect", "data-fault", "difference of shares less noise"),
        ("konan_performance_effect", "performance", "difference of shares of wrong answers"),
    )
    for name, kind, unit in families:
        shown.family(name, "gauge", meaning.format(unit), _effects(known, kind))


def _effects(known: list[tuple[_Labels, Grounds]], kind: str) -> Iterator[tuple[_Labels, float]]:
    for labels, grounds in known:
        if labels["kind"] == kind:
            kept = {name: value for name, value in labels.items() if name != "kind"}
            for one in grounds.columns:
                yield {**kept, "column": one.column}, one.effect
