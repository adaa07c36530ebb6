"""The section on drift: one verdict, and of each column its effect beside what noise alone would do."""

import math
from collections.abc import Iterator, Sequence

from konan.records.distributions import CellShares, ColumnDistribution
from konan.records.monitoring import DriftedColumn, DriftWindow
from konan.web import charts
from konan.web.charts import Cell
from konan.web.figures import (
    chance,
    count,
    decimal,
    fixed,
    lasting,
    moment,
    points,
    power,
    seconds,
    share,
    short,
    tick,
)
from konan.web.html import Child, Html, tag
from konan.web.report.facts import Facts
from konan.web.report.parts import Column, Section, figure, legend, more, note, pairs, pill, scrolled, table
from konan.web.report.verdict import State
from konan.web.scales import Scale

SMALL, LARGE = 0.1, 0.25
"""Effects that are often called small and large."""

FEATURES = "features."
_STATES: dict[str, State] = {"stable": "good", "drift": "attention"}
_OPEN = 6
_MOVED = 2
_NOTABLE = 0.01


def section(facts: Facts) -> Section:
    """The section."""
    window = facts.drift
    if window is None:
        return Section("drift", "Drift", "unknown", "There is no version whose rows could be compared.", None)
    state = _STATES.get(window.verdict, "unknown")
    body = [_meta(window), _columns(window), _distributions(facts), _over_time(facts)]
    return Section("drift", "Drift", state, _lead(window), body if window.columns else _meta(window))


def _lead(window: DriftWindow) -> str:
    told = {
        "drift": "The rows are not like those that the model knows.",
        "stable": f"The {count(window.rows)} rows look like those that the model knows.",
        "too few rows": f"{count(window.rows)} rows are too few: noise alone could look like a change.",
        "learning": "There is nothing to compare with yet.",
        "no rows": "There are no rows to compare.",
    }[window.verdict]
    return f"{told} {window.reason.replace(FEATURES, '')}".strip()


def _meta(window: DriftWindow) -> Html:
    entries: list[tuple[str, Child]] = [("Verdict", window.verdict)]
    if window.columns:
        entries.append(("Evidence", [_evidence(window), "; it is drift from ", power(window.threshold)]))
    if window.cause:
        entries.append(("Cause", window.cause))
    if window.reference:
        entries.append(("Reference", f"{count(_usual(window))} rows ({window.reference})"))
    return pairs(entries)


def _evidence(window: DriftWindow) -> Child:
    return power(window.evidence) if window.evidence > 0 else "none"


def _usual(window: DriftWindow) -> int:
    return max((column.usual_rows for column in window.columns), default=0)


def scale_of(columns: Sequence[DriftedColumn]) -> Scale:
    """Where effects are drawn; small ones get more room than they have."""
    most = max([0.5, *(max(one.effect, one.floor) * 1.1 for one in columns)])
    return Scale(0, most, 0, 100, math.sqrt)


def _columns(window: DriftWindow) -> Child:
    scale = scale_of(window.columns)
    marks = [
        at
        for at in (0.0, SMALL, LARGE, 1.0, 2.0, 4.0, 8.0)
        if at <= scale.high and at != 8.0 * (scale.high < 10)
    ]
    columns = (
        Column("column"),
        Column("verdict"),
        Column("effect beside noise", "chart", charts.axis(scale, _apart(marks, scale))),
        Column("effect", "num"),
        Column("noise", "num"),
        Column("p", "num"),
        Column("evidence", "num"),
        Column("what moved", "wide"),
    )
    rows = [_row(one, scale) for one in sorted(window.columns, key=lambda one: -one.evidence)]
    return [
        tag("h3", "Columns"),
        legend(
            ("drift", "effect of a column that drifted"),
            ("calm", "of one that did not"),
            ("noise", "what noise alone reaches in one of a thousand windows"),
        ),
        table("Drift of each column", columns, rows, "drift"),
        note(
            "The effect is the population stability index less what noise adds to it on average; 0.1 is "
            "often called small and 0.25 large. Drift needs both: an effect beyond noise, and evidence. "
            "Values that are missing, unseen or out of range have no part in the effect; their shares are "
            "judged by themselves and stand under what moved."
        ),
    ]


def _apart(marks: Sequence[float], scale: Scale) -> list[float]:
    """Marks that have room for their numbers."""
    kept: list[float] = []
    for mark in marks:
        if not kept or scale(mark) - scale(kept[-1]) > 12:
            kept.append(mark)
    return kept


def _row(one: DriftedColumn, scale: Scale) -> Sequence[Child]:
    drifted = one.verdict == "drift"
    kind = "drift" if drifted else "calm"
    state: State = "attention" if drifted else _STATES.get(one.verdict, "unknown")
    return (
        short(one.column),
        tag("span", one.verdict, class_="quiet") if state == "good" else pill(state, one.verdict),
        charts.effect(one.effect, one.floor, scale, kind, (SMALL, LARGE)),
        fixed(one.effect),
        fixed(one.floor),
        chance(one.p_value),
        power(one.evidence),
        moved(one) if drifted else None,
    )


def moved(column: DriftedColumn) -> str:
    """Where a column's values went, in words."""
    parts = [
        f"{one.what} {share(one.usual)} → {share(one.current)}"
        for one in column.shares
        if abs(one.current - one.usual) >= _NOTABLE
    ]
    named = {one.what for one in column.shares}
    cells = [one for one in column.moved if one.cell not in named][:_MOVED]
    parts += [f"{one.cell} {share(one.usual)} → {share(one.current)}" for one in cells]
    return ", ".join(parts)


def _distributions(facts: Facts) -> Child:
    if facts.drift is None or not facts.distributions:
        return None
    order = {one.column: -one.evidence for one in facts.drift.columns}
    shown = sorted(
        (one for one in facts.distributions if one.rows and one.cells and one.column in order),
        key=lambda one: order[one.column],
    )
    guilty = [one for one in shown if one.column in facts.drift.guilty][:_OPEN]
    rest = [one for one in shown if one not in guilty]
    title = "What the drifted columns hold" if guilty else "What the columns hold"
    hidden = "The other columns" if guilty else f"All {len(rest)} columns"
    return [
        tag("h3", title),
        legend(
            ("now", "share of the rows now"),
            ("special", "of values that are unusual"),
            ("outline", "share of the reference"),
        ),
        tag("div", *map(_small, guilty), class_="smalls") if guilty else None,
        more(hidden, tag("div", *map(_small, rest), class_="smalls")) if rest else None,
    ]


def _small(one: ColumnDistribution) -> Html:
    cells = [_cell(cell, ordered=one.ordered) for cell in one.cells]
    name = short(one.column)
    rows = [(cell.label, share(cell.usual), share(cell.current)) for cell in cells]
    columns = (Column("values"), Column("reference", "num"), Column("now", "num"))
    return figure(
        name,
        charts.distribution(f"Values of {name} in the reference and now", cells),
        more("Table", table(f"Values of {name}", columns, rows)),
    )


def _cell(cell: CellShares, *, ordered: bool) -> Cell:
    """A cell as it is drawn; one of numbers has the number where it begins."""
    edge = _rounded(cell.cell.strip("[(= ").partition(",")[0]) if ordered and not cell.special else ""
    return Cell(cell.cell, cell.usual, cell.current, cell.special, edge)


def _rounded(number: str) -> str:
    """A number of a cell with three digits.

    >>> _rounded("0.0392855"), _rounded("12")
    ('0.0393', '12')
    """
    return f"{float(number):.3g}"


def _over_time(facts: Facts) -> Child:
    """A table of columns by windows: how large the effect was, and whether it was more than noise."""
    windows = [one for one in facts.drift_windows if one.columns]
    if facts.drift is None or len(windows) < 2:
        return None
    names = [one.column for one in sorted(facts.drift.columns, key=lambda one: -one.evidence)]
    heads = [tag("th", "column", scope="col")]
    heads += [tag("th", tick(seconds(one.since), facts.every), scope="col", class_="num") for one in windows]
    body = [
        tag(
            "tr",
            tag("th", "rows", scope="row"),
            *(tag("td", count(one.rows), class_="num") for one in windows),
        )
    ]
    body += [tag("tr", tag("th", short(name), scope="row"), *_heat(name, windows)) for name in names]
    caption = f"Effect of each column in windows of {lasting(facts.every)}"
    whole = tag(
        "table",
        tag("caption", caption, class_="unseen"),
        tag("thead", tag("tr", *heads)),
        tag("tbody", *body),
        class_="heat",
    )
    return [
        tag("h3", "Over time"),
        legend(
            ("h0", "within noise"),
            ("h1", "beyond noise"),
            ("h2", f"from {SMALL}"),
            ("h3", f"from {LARGE}"),
            ("", "pt: points by which values that are missing, unseen or out of range became more"),
        ),
        scrolled(caption, whole),
    ]


def _heat(name: str, windows: Sequence[DriftWindow]) -> Iterator[Html]:
    for window in windows:
        one = next((found for found in window.columns if found.column == name), None)
        if one is None or not one.rows:
            yield tag("td", "—", class_="num")
            continue
        size = f"effect {decimal(one.effect)}, noise reaches {decimal(one.floor)}"
        title = f"{short(name)}, {moment(window.since)} UTC: {size}"
        yield tag("td", _heated(one), class_=f"num h{level(one)}", title=f"{title}; {moved(one)}")


def level(one: DriftedColumn) -> int:
    """How large an effect is, in four steps: within noise, beyond it, from `SMALL`, from `LARGE`."""
    size = abs(_shift(one)) if _by_share(one) else one.effect
    if size <= one.floor:
        return 0
    return 1 + (size >= SMALL) + (size >= LARGE)


def _heated(one: DriftedColumn) -> str:
    """An effect, or how many points a share moved where that is what drifted."""
    return f"{points(_shift(one))} pt" if _by_share(one) else f"{max(one.effect, 0):.2f}"


def _by_share(one: DriftedColumn) -> bool:
    """Whether a column drifted by values that are missing, unseen or out of range alone."""
    return one.verdict == "drift" and one.effect < SMALL and abs(_shift(one)) > max(one.effect, _NOTABLE)


def _shift(one: DriftedColumn) -> float:
    """By how much the share moved that moved most."""
    return max((share.current - share.usual for share in one.shares), key=abs, default=0.0)
