"""A model that breaks itself, one way a row: it raises, dies, hangs, or answers nonsense."""

import ctypes
import math
import os
import signal
import sys
import time
from collections.abc import Callable

Unspeakable = type("Unspeakable", (Exception,), {"__str__": lambda _: str(1 / 0)})
"""An error that raises when it is put into words."""


def well(_row: int) -> object:
    return _row


def raises(_row: int) -> object:
    raise ValueError("the model is not in the mood")


def raises_unspeakable(_row: int) -> object:
    raise Unspeakable


def raises_much(_row: int) -> object:
    raise ValueError("x" * 10_000_000)


def exits(_row: int) -> object:
    sys.exit("enough")


def interrupts(_row: int) -> object:
    raise KeyboardInterrupt


def recurses(_row: int) -> object:
    return recurses(_row + 1)


def takes_all_memory(_row: int) -> object:
    held = []
    while True:
        held.append(bytearray(64 << 20))


def answers_gigabyte(_row: int) -> object:
    return [0] * 125_000_000


def answers_megabytes(_row: int) -> object:
    return "x" * (65 << 20)


def answers_nan(_row: int) -> object:
    return math.nan


def answers_object(_row: int) -> object:
    return object()


def answers_itself(_row: int) -> object:
    found: list[object] = []
    found.append(found)
    return found


def blinds_the_log(_row: int) -> object:
    sys.stderr = None
    sys.stdout = None
    raise ValueError("in the dark")


def dies(_row: int) -> object:
    os._exit(7)


def segfaults(_row: int) -> object:
    return ctypes.string_at(0)


def aborts(_row: int) -> object:
    os.abort()


def kills_itself(_row: int) -> object:
    os.kill(os.getpid(), signal.SIGKILL)
    return None


def closes_everything(_row: int) -> object:
    for descriptor in range(101):
        try:
            os.close(descriptor)
        except OSError:
            pass
    return None


def loops(_row: int) -> object:
    while True:
        pass


def sleeps(_row: int) -> object:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(1000)


class Model:
    """Does to itself what the first row says."""

    def predict(self, rows: list[dict[str, str]]) -> object:
        """One answer a row, or none at all."""
        if rows[0]["way"] == "answers_too_few":
            return []
        if rows[0]["way"] == "answers_no_list":
            return 1
        way: Callable[[int], object] = globals()[rows[0]["way"]]
        return [way(0) for _ in rows]
