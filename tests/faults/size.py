"""How much the tests of faults do: little, or with ``KONAN_TEST_SIZE`` all (``full``) or a part (``20%``)."""

import os

_SAID = os.environ.get("KONAN_TEST_SIZE", "")
_PART = 1.0 if _SAID == "full" else float(_SAID.removesuffix("%") or 0) / 100

FULL = _PART > 0
"""Whether more is done than in every run."""


def size(small: int, full: int) -> int:
    """The small size, or so much of the full one as was asked for."""
    return max(small, round(full * _PART))
