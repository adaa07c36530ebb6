"""Ask a peer about windows or a stream; run in the peers' environment, prints JSON."""

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"
os.environ["DO_NOT_TRACK"] = "1"

Told = dict[str, Any]
Make = Callable[[], Any]
Setting = tuple[Make, str]


def read(place: str) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """The reference, and the windows, as data frames."""
    usual, now = (pd.read_parquet(f"{place}/{name}.parquet") for name in ("reference", "windows"))
    return usual, [rows.drop(columns="window").reset_index(drop=True) for _, rows in now.groupby("window")]


def evidently(place: str) -> Told:
    """The preset on drift, one report a window."""
    begun = time.process_time()
    report = import_module("evidently").Report
    preset = import_module("evidently.presets").DataDriftPreset

    loaded = time.process_time() - begun
    usual, windows = read(place)
    drifted, whole = [], []
    begun = time.process_time()
    for rows in windows:
        found = report([preset()], include_tests=True).run(rows, usual).dict()
        names = [t["name"] for t in found["tests"] if t["id"] == "drift" and t["status"] == "FAIL"]
        drifted.append([name.removeprefix("Value Drift for column ") for name in names])
        whole.append(found["metrics"][0]["value"]["share"] >= 0.5)
    cpu = time.process_time() - begun
    return {"cpu": cpu, "import": loaded, "drifted": drifted, "whole": whole}


def nannyml(place: str, chunk: str = "0", continuous: str = "jensen_shannon") -> Told:
    """Univariate drift; a chunk is a window, or a tenth of the rows if 0."""
    begun = time.process_time()
    nml = import_module("nannyml")

    loaded = time.process_time() - begun
    usual, windows = read(place)
    now = pd.concat(windows, ignore_index=True)
    begun = time.process_time()
    sizes = {"chunk_size": int(chunk)} if int(chunk) else {"chunk_number": 10}
    calculator = nml.UnivariateDriftCalculator(
        column_names=list(usual.columns), continuous_methods=[continuous], **sizes
    )
    found = calculator.fit(usual).calculate(now).filter(period="analysis").to_df()
    cpu = time.process_time() - begun
    alerts = {name: found[name].xs("alert", axis=1, level=1).any(axis=1) for name in usual.columns}
    drifted = [[name for name, one in alerts.items() if one.iloc[at]] for at in range(len(found))]
    return {"cpu": cpu, "import": loaded, "drifted": drifted, "whole": [False] * len(drifted)}


class Rises:
    """ADWIN of which only alarms count at which the mean has risen."""

    def __init__(self, make: Make) -> None:
        self._own = make()
        self.drift_detected = False

    def update(self, value: float) -> None:
        """One more value."""
        before = self._own.estimation
        self._own.update(value)
        self.drift_detected = self._own.drift_detected and self._own.estimation > before


def detectors() -> dict[str, list[Setting]]:
    """Of each detector: its defaults, and from bold to timid."""
    known, of_errors = import_module("river.drift"), import_module("river.drift.binary")
    deltas = (2e-3, *(10.0**-power for power in range(1, 15)))
    adwins = {one: partial(known.ADWIN, delta=one) for one in deltas}
    return {
        "ADWIN": [(make, f"delta {one:g}") for one, make in adwins.items()],
        "ADWIN, rises only": [(partial(Rises, make), f"delta {one:g}") for one, make in adwins.items()],
        "DDM": [
            (partial(of_errors.DDM, drift_threshold=one), f"threshold {one:g}")
            for one in (3, 2.5, 3.5, 4, 5, 6, 8, 12)
        ],
        "Page-Hinkley": [
            (partial(known.PageHinkley, threshold=one), f"threshold {one:g}")
            for one in (50, 25, 75, 100, 150, 200, 300, 500, 1000)
        ],
        "KSWIN": [(partial(known.KSWIN, alpha=one, seed=1), f"alpha {one:g}") for one in (5e-3, 1e-6, 1e-10)],
    }


def alarms(make: Make, stream: Sequence[float], last: int = 0) -> list[int]:
    """Positions after which a detector fires, up to the first after a last one."""
    one, found = make(), []
    for at, value in enumerate(stream):
        one.update(value)
        if one.drift_detected:
            found.append(at + 1)
            if at >= last:
                break
    return found


def river(place: str) -> Told:
    """Each detector as it comes, and with the boldest setting that is quiet on 19 of 20 quiet streams."""
    given = np.load(f"{place}/streams.npz")
    quiet, stream, change = given["quiet"].tolist(), given["stream"].tolist(), int(given["change"])
    told = []
    for name, settings in detectors().items():
        streams = quiet[: max(len(quiet) // 20, 2)] if name == "KSWIN" else quiet
        share = loud(settings[0][0], streams)
        told.append(report(name + ", as it comes", settings[0][0], share, len(streams), stream, change))
        shares = []
        for make, words in settings[1:]:
            shares.append(loud(make, streams))
            if shares[-1] <= 0.05:
                told.append(report(f"{name}, {words}", make, shares[-1], len(streams), stream, change))
                break
        else:
            words = f"{name}: none of its settings is quiet enough"
            told.append(
                {"name": words, "quiet": min(shares), "streams": len(streams), "early": "", "delay": None}
            )
    return {"detectors": told}


def loud(make: Make, streams: Sequence[Sequence[float]]) -> float:
    """Share of streams on which a detector fires."""
    return sum(bool(alarms(make, one)) for one in streams) / len(streams)


def report(name: str, make: Make, share: float, streams: int, stream: Sequence[float], change: int) -> Told:
    """What a detector does on the stream itself."""
    found = alarms(make, stream, change)
    late = [at - change for at in found if at > change]
    early = len(found) - len(late)
    return {
        "name": name,
        "quiet": share,
        "streams": streams,
        "early": early,
        "delay": late[0] if late else None,
    }


if __name__ == "__main__":
    peer, *rest = sys.argv[1:]
    peers: dict[str, Callable[..., Told]] = {"evidently": evidently, "nannyml": nannyml, "river": river}
    print(json.dumps(peers[peer](*rest)))
