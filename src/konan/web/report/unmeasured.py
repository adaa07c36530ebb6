"""The section on what was not measured, and why: a report that is silent about something says so."""

from collections.abc import Iterator

from konan.records.schema import Schema
from konan.web.figures import listed
from konan.web.html import Child, tag
from konan.web.report.facts import Facts
from konan.web.report.parts import Section

_WHY = {
    "mask": "only whether there was a value is kept (masked)",
    "hash": "only whether there was a value is counted (hashed)",
    "drop": "nothing of it is kept (dropped)",
}


def section(facts: Facts) -> Section:
    """The section."""
    found = list(gaps(facts))
    lead = "What this report is silent about, and why." if found else "Everything that could be measured was."
    items = [tag("div", tag("dt", what), tag("dd", why)) for what, why in found]
    return Section("gaps", "Not measured", None, lead, tag("dl", *items, class_="gaps") if items else None)


def gaps(facts: Facts) -> Iterator[tuple[str, Child]]:
    """What was not measured, each with the reason."""
    if facts.version is None:
        yield "Everything", "There is no live version. Deploy one, or name one that was live in this time."
        return
    yield from facts.failed.items()
    yield from _drift(facts)
    if facts.version.schema is not None:
        yield from _private(facts.version.schema)
    yield from _performance(facts)
    learning = [alarm.name for alarm in facts.alarms if alarm.state in {"learning", "no data"}]
    if learning:
        yield f"Alarms: {listed(learning, 6)}", "They do not know yet what is usual, or see too little."
    doubts = facts.drift.doubts if facts.drift is not None else ()
    yield from (("To be taken with care", doubt) for doubt in doubts)


def _drift(facts: Facts) -> Iterator[tuple[str, Child]]:
    window, version = facts.drift, facts.version
    if window is None or version is None:
        return
    if window.verdict == "learning":
        why = [
            window.reason,
            " Rows given at deploy make a reference: ",
            tag("code", "konan deploy … --data FILE"),
        ]
        yield "Drift", why
    if version.reference.source == "learning":
        yield (
            "Drift of what the model answers",
            [
                "Its answers on rows that it was fitted on are no reference. Give a holdout: ",
                tag("code", "konan deploy … --holdout FILE"),
            ],
        )


def _private(schema: Schema) -> Iterator[tuple[str, Child]]:
    for way, why in _WHY.items():
        names = [feature.name for feature in schema.features if feature.privacy == way]
        if names:
            yield f"Values of {listed(names, 6)}", f"By its owner's wish {why}."
    moments = [
        feature.name
        for feature in schema.features
        if feature.type == "datetime" and feature.privacy == "keep"
    ]
    if moments:
        yield f"Values of {listed(moments, 6)}", "They are moments, which move on by themselves."


def _performance(facts: Facts) -> Iterator[tuple[str, Child]]:
    window = facts.performance
    if "Performance" in facts.failed:
        return
    if window is None or window.state in {"no labels", "no rows"}:
        yield (
            "Performance",
            [
                "No ground truth is known of these rows. Send it: ",
                tag("code", f"konan feedback {facts.deployment} FILE"),
            ],
        )
    elif window.state == "provisional":
        yield "The rest of the ground truth", "More truths are expected; what is shown is provisional."
