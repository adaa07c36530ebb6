"""HTML as values: a text is escaped unless it was made here, so that no user's name becomes markup."""

from collections.abc import Iterable
from html import escape as _escape
from typing import TypeAlias

_VOID = frozenset({"meta", "br", "hr", "img", "input", "link", "wbr"})


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


Child: TypeAlias = "str | Html | int | Iterable[Child] | None"
"""What may stand in an element: texts are escaped, None is nothing, and lists are their parts."""

Value: TypeAlias = str | float | bool | None


def html(child: Child) -> Html:
    """A child as HTML.

    >>> html(["a < b", Html("<br>"), None, 3])
    'a &lt; b<br>3'
    """
    if isinstance(child, Html):
        return child
    if child is None:
        return Html()
    if isinstance(child, str):
        return Html(_escape(child, quote=False))
    if isinstance(child, int):
        return Html(str(child))
    return Html("".join(map(html, child)))


def tag(name: str, /, *children: Child, **attributes: Value) -> Html:
    """An element.

    Args:
        name: of the element.
        *children: what stands in it.
        **attributes: ``class_`` is ``class``, ``stroke_width`` is ``stroke-width``; None and False are left
            out, and True stands without a value.

    >>> tag("td", "Rome & Bern", class_="num", hidden=False, data_at=1.5)
    '<td class="num" data-at="1.5">Rome &amp; Bern</td>'
    """
    opening = "".join(
        f" {_named(key)}" if value is True else f' {_named(key)}="{_escape(_valued(value))}"'
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in _VOID:
        return Html(f"<{name}{opening}>")
    return Html(f"<{name}{opening}>{html(children)}</{name}>")


def _named(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def _valued(value: str | float) -> str:
    """Coordinates need no more than two decimals.

    >>> _valued(3.14159), _valued(2.0), _valued(-0.001), _valued("a")
    ('3.14', '2', '0', 'a')
    """
    if isinstance(value, str):
        return value
    return f"{value:.2f}".rstrip("0").rstrip(".").replace("-0", "0") if abs(value) < 0.005 else _short(value)


def _short(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if value % 1 else f"{value:.0f}"
