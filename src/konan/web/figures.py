"""Figures as people read them: fixed forms of counts, shares, times and evidence (pure)."""

import math
from datetime import UTC, datetime

from konan.web.html import Html, html, tag

NONE = "—"
"""Stands where there is no figure."""

MINUS = "\N{MINUS SIGN}"
_SUFFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def count(number: float) -> str:
    """A whole number with its thousands parted.

    >>> count(1234567)
    '1,234,567'
    """
    return f"{number:,.0f}"


def counted(number: int, noun: str) -> str:
    """So many of something.

    >>> counted(1, "request"), counted(1200, "request")
    ('1 request', '1,200 requests')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def brief(number: float) -> str:
    """A number in as little room as an axis has.

    >>> brief(0), brief(950), brief(1500), brief(2_000_000), brief(0.25)
    ('0', '950', '1.5k', '2M', '0.25')
    """
    size = abs(number)
    sign = MINUS if number < 0 else ""
    for unit, suffix in _SUFFIXES:
        if size >= unit:
            return f"{sign}{_digits(size / unit, 3)}{suffix}"
    return f"{sign}{_digits(size, 3)}"


def share(part: float) -> str:
    """A fraction as per cent, with two digits that count.

    >>> share(0.0), share(0.256), share(0.0004), share(0.9996), share(1.0)
    ('0 %', '26 %', '0.04 %', '99.96 %', '100 %')
    """
    percent = 100 * part
    if percent == 0 or 1 <= abs(percent) < 99.5:
        return f"{percent:.2g} %" if abs(percent) < 10 else f"{percent:.0f} %"
    return f"{percent:.4g} %" if abs(percent) >= 99.5 else f"{percent:.2g} %"


def points(difference: float) -> str:
    """A difference of fractions in percentage points, with its sign.

    >>> points(0.125), points(0.004), points(0.0)
    ('+12', '+0.4', '0')
    """
    value = 100 * difference
    return "0" if value == 0 else f"{'+' if value > 0 else MINUS}{_digits(abs(value), 2)}"


def decimal(number: float) -> str:
    """An effect or a metric, with three digits that count.

    >>> decimal(0.01234), decimal(12.5), decimal(0.0), decimal(1234.5)
    ('0.0123', '12.5', '0', '1,234')
    """
    if not math.isfinite(number):
        return NONE
    return count(number) if abs(number) >= 1000 else _digits(number, 3).replace("-", MINUS)


def fixed(number: float) -> str:
    """An effect with three decimals, so that those of a column stand below each other.

    >>> fixed(0.12345), fixed(-0.0001)
    ('0.123', '0.000')
    """
    return f"{number + 0.0:.3f}".replace("-0.000", "0.000").replace("-", MINUS)


def rate(part: float) -> str:
    """A fraction as per cent with one decimal, for metrics.

    >>> rate(0.80149), rate(1.0)
    ('80.1 %', '100.0 %')
    """
    return f"{100 * part:.1f} %"


def power(evidence: float) -> Html:
    """Evidence as a power of ten; of none, a dash.

    >>> power(14.23), power(-2.0)
    ('10<sup>14.2</sup>', '—')
    """
    return html(["10", tag("sup", f"{evidence:.1f}")]) if evidence > 0 else Html(NONE)


def chance(p_value: float | None) -> str:
    """The p-value of a test.

    >>> chance(0.0341), chance(1e-40), chance(None)
    ('0.034', '<1e-16', '—')
    """
    if p_value is None or math.isnan(p_value):
        return NONE
    return "<1e-16" if p_value < 1e-16 else f"{p_value:.2g}"


def moment(at: str) -> str:
    """A time in RFC 3339 to the minute, in UTC.

    >>> moment("2026-11-23T08:05:00.000000Z")
    '23 Nov 2026, 08:05'
    """
    return _parsed(at).strftime("%-d %b %Y, %H:%M")


def period(since: str, until: str) -> str:
    """A stretch of time, without saying anything twice.

    >>> period("2026-11-16T00:00:00Z", "2026-11-23T09:00:00Z")
    '16 Nov 2026, 00:00 to 23 Nov 2026, 09:00 UTC'
    >>> period("2026-11-23T08:00:00Z", "2026-11-23T09:00:00Z")
    '23 Nov 2026, 08:00 to 09:00 UTC'
    """
    start, end = _parsed(since), _parsed(until)
    last = end.strftime("%H:%M") if start.date() == end.date() else moment(until)
    return f"{moment(since)} to {last} UTC"


def seconds(at: str) -> float:
    """A time in RFC 3339 as seconds since 1970-01-01 UTC.

    >>> seconds("2026-11-23T08:00:00Z")
    1795420800.0
    """
    return _parsed(at).timestamp()


def tick(at: float, every: int) -> str:
    """A time (seconds since 1970-01-01 UTC) on an axis whose windows have so many seconds.

    >>> tick(1795420800, 3600), tick(1795420800, 86400)
    ('23 Nov 08:00', '23 Nov')
    """
    return datetime.fromtimestamp(at, UTC).strftime("%-d %b %H:%M" if every < 86_400 else "%-d %b")


def lasting(seconds: float) -> str:
    """A length of time in words.

    >>> lasting(3600), lasting(7 * 86400), lasting(90), lasting(0.25)
    ('1 hour', '7 days', '2 minutes', '0.25 seconds')
    """
    for unit, name in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= unit:
            number = round(seconds / unit)
            return f"{number} {name}{'s' if number != 1 else ''}"
    return f"{seconds:.2g} seconds"


def duration(length: float) -> str:
    """Seconds as people tell how fast something was.

    >>> duration(0.00042), duration(0.0127), duration(0.178), duration(2.5), duration(95)
    ('0.42 ms', '13 ms', '180 ms', '2.5 s', '95 s')
    """
    return f"{_digits(1000 * length, 2)} ms" if length < 1 else f"{_digits(length, 2)} s"


def size(number: int) -> str:
    """Bytes.

    >>> size(812), size(143_000), size(2_500_000)
    ('812 B', '143 kB', '2.5 MB')
    """
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if number >= unit:
            return f"{number / unit:.3g} {name}"
    return f"{number} B"


def listed(names: list[str], most: int = 3) -> str:
    """Names in a sentence, the first few of them.

    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c", "d", "e"])
    ('a', 'a and b', 'a, b, c and 2 more')
    """
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def short(column: str) -> str:
    """A column's name without the word that nearly all have.

    >>> short("features.season"), short("output.value")
    ('season', 'output.value')
    """
    return column.removeprefix("features.")


def _parsed(at: str) -> datetime:
    return datetime.fromisoformat(at)


def _digits(number: float, digits: int) -> str:
    """A number with so many digits that count, never with an exponent where it is large.

    >>> _digits(178.2, 2), _digits(99.7, 2), _digits(0.0123456, 3), _digits(999_900, 3)
    ('180', '100', '0.0123', '1,000,000')
    """
    rounded = float(f"{number:.{digits}g}")
    return f"{rounded:,.0f}" if rounded == int(rounded) else f"{rounded:.{digits}g}"
