"""Numbers of a column, as people compare them: as many decimals each, and right-aligned (pure)."""

import math
from collections.abc import Sequence

_DIGITS = 4


def decimals(numbers: Sequence[float]) -> int:
    """After how many decimals the largest number has four significant digits; 6 at most.

    >>> decimals([0.3385, -0.0009]), decimals([23.87, 0.05]), decimals([12345.0]), decimals([0.0])
    (4, 2, 0, 0)
    """
    largest = max(map(abs, numbers), default=0.0)
    if not largest or not math.isfinite(largest):
        return 0
    return min(6, max(0, _DIGITS - 1 - math.floor(math.log10(largest)))) if largest < 1e15 else 0


def figures(numbers: Sequence[float], places: int, sign: str = "") -> list[str]:
    """Numbers with so many decimals, all of one width.

    Args:
        numbers: finite.
        places: decimals.
        sign: ``+`` shows the sign of positive ones too.

    >>> figures([13.911, -0.294], 2, "+")
    ['+13.91', ' -0.29']
    """
    texts = [f"{number:{sign},.{places}f}" for number in numbers]
    width = max(map(len, texts), default=0)
    return [text.rjust(width) for text in texts]
