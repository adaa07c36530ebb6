"""What `konan alarm create` and `konan alarm replay` have in common: the flags that make a rule."""

import re
from collections.abc import Callable
from typing import Any

import click
import msgspec

from konan.errors import Usage
from konan.records.alarms import AlarmRule

_UNITS = {"m": 60, "h": 3600, "d": 86_400}
_LENGTH = re.compile(r"([1-9][0-9]{0,4})([mhd])", re.ASCII)
_FLAGS = (
    click.option(
        "--kind",
        type=click.Choice(["drift", "data-fault", "errors", "volume", "performance"]),
        help="What is watched; drift unless told.",
    ),
    click.option("--column", "columns", multiple=True, metavar="NAME", help="Only this column; may repeat."),
    click.option("--segment", metavar="COLUMN=VALUE", help="Only rows of this slice."),
    click.option("--window", metavar="LENGTH", help="Length of a window, as 1h or 1d."),
    click.option(
        "--wait", metavar="LENGTH", help="So long after its end a window is looked at, for truths; 0 at once."
    ),
    click.option("--effect", type=float, help="Smallest effect that fires: of drift the stability index."),
    click.option("--false-alarms", type=float, help="False alarms allowed in a year; 0.25 unless told."),
    click.option("--clean", type=int, help="Windows without the effect after which it is resolved."),
    click.option("--rows", type=int, help="Fewer rows than this make a window that says nothing."),
)


def ruled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the flags that make a rule."""
    for flag in reversed(_FLAGS):
        function = flag(function)
    return function


def rule(given: dict[str, Any]) -> AlarmRule:
    """The rule that flags make; what is not given is as usual for its kind.

    >>> rule({"kind": "errors", "window": "2h", "columns": ()}).window
    7200
    >>> rule({"kind": "performance", "wait": "0", "columns": ()}).wait
    0

    Raises:
        Usage: there can be no such rule.
    """
    kind = given.get("kind") or "drift"
    usual = {
        "drift": {"window": 86_400, "clean": 2, "effect": 0.1},
        "volume": {"effect": 0.5, "clean": 1},
        "performance": {"window": 86_400, "wait": 86_400, "effect": 0.05},
    }.get(kind, {"effect": 0.02})
    said = {name: value for name, value in given.items() if value not in {None, ()}}
    for name in said.keys() & {"window", "wait"}:
        said[name] = 0 if said[name] == "0" else seconds(said[name])
    try:
        return msgspec.convert({**usual, **said, "kind": kind}, AlarmRule)
    except msgspec.ValidationError as error:
        raise Usage(f"There can be no such rule: {error}.") from None


def seconds(length: str) -> int:
    """Seconds of a length of time.

    >>> seconds("90m"), seconds("4h"), seconds("1d")
    (5400, 14400, 86400)

    Raises:
        Usage: it is none.
    """
    found = _LENGTH.fullmatch(length)
    if found is None:
        raise Usage(
            f"{length!r} is no length of time.", hint="Write minutes, hours or days, as 30m, 4h or 7d."
        )
    return int(found[1]) * _UNITS[found[2]]
