"""How much the tests of faults do: little in every run, the full size with ``KONAN_TEST_SIZE=full``."""

import os

FULL = os.environ.get("KONAN_TEST_SIZE") == "full"


def size(small: int, full: int) -> int:
    """One of two sizes."""
    return full if FULL else small
