"""What the sections of a report are put together from."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from konan.web.html import Child, Html, tag
from konan.web.report.verdict import WORDS, State

_SIGNS: dict[State, str] = {"good": "✓", "attention": "▲", "problem": "✕", "unknown": "?", "measured": "•"}


class Section(NamedTuple):
    """A part of the page.

    Attributes:
        key: its anchor.
        title: its heading.
        state: how what it is about stands; None if it is not about that.
        lead: what it found, in a sentence.
        body: the rest.
    """

    key: str
    title: str
    state: State | None
    lead: Child
    body: Child


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        title: its heading; an element may stand below it.
        kind: ``num`` for figures, ``chart`` for pictures, ``wide`` for sentences, else text.
        below: what stands below the heading, as an axis.
    """

    title: str
    kind: str = ""
    below: Html | None = None


def rendered(section: Section) -> Html:
    """A section of the page."""
    sign = pill(section.state) if section.state else None
    heading = tag("header", tag("h2", section.title, id=f"{section.key}-title"), sign)
    lead = tag("p", section.lead, class_="lead") if section.lead else None
    return tag("section", heading, lead, section.body, id=section.key, aria_labelledby=f"{section.key}-title")


def pill(state: State, text: str = "") -> Html:
    """How something stands, by a sign, a word and a colour."""
    sign = tag("span", _SIGNS[state], aria_hidden="true", class_="sign")
    return tag("span", sign, text or WORDS[state], class_=f"pill {state}")


def table(caption: str, columns: Sequence[Column], rows: Iterable[Sequence[Child]], kind: str = "") -> Html:
    """A table that scrolls by itself where the screen is narrow.

    Args:
        caption: what it shows; read out, and not seen.
        columns: their headings.
        rows: a cell for each column; the first one names the row.
        kind: class of the table.
    """
    heads = [
        tag("th", column.title, column.below, scope="col", class_=column.kind or None) for column in columns
    ]
    body = [
        tag(
            "tr",
            *(
                tag("td" if at else "th", cell, class_=column.kind or None, scope=None if at else "row")
                for at, (cell, column) in enumerate(zip(row, columns, strict=True))
            ),
        )
        for row in rows
    ]
    inner = tag(
        "table",
        tag("caption", caption, class_="unseen"),
        tag("thead", tag("tr", *heads)),
        tag("tbody", *body),
        class_=kind or None,
    )
    return scrolled(caption, inner)


def scrolled(name: str, content: Html) -> Html:
    """What may be wider than the screen; whoever has only a keyboard can scroll it too."""
    return tag("div", content, class_="scroll", tabindex="0", role="region", aria_label=name)


def more(summary: Child, *body: Child, opened: bool = False) -> Html:
    """What is shown when it is asked for; on paper it always is."""
    return tag("details", tag("summary", summary), *body, open=opened)


def figure(caption: Child, *content: Child) -> Html:
    """A chart with its words."""
    return tag("figure", tag("figcaption", caption), *content)


def pairs(entries: Iterable[tuple[str, Child]]) -> Html:
    """A few figures with their names above them."""
    shown = [tag("div", tag("dt", name), tag("dd", value)) for name, value in entries]
    return tag("dl", *shown, class_="facts")


def note(*content: Child) -> Html:
    """A remark."""
    return tag("p", *content, class_="note")


def legend(*entries: tuple[str, str]) -> Html:
    """What the colours of a chart stand for: class and meaning of each."""
    return tag(
        "ul",
        *(
            tag("li", tag("span", class_=f"key {kind}", aria_hidden="true") if kind else None, text)
            for kind, text in entries
        ),
        class_="legend",
    )
