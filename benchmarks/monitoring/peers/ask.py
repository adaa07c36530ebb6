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


def detectors() -> dict[str, list[Setting]]:
    """Of each detector: its defaults, and from bold to timid."""
    known, of_errors = import_module("river.drift"), import_module("river.drift.binary")
    return {
        "ADWIN": [
            (partial(known.ADWIN, delta=one), f"delta {one:g}")
            for one in (2e-3, 1e-1, 1e-2, 1e-3, 1e-5, 1e-8, 1e-12, 1e-20)
        ],
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
        shares = []
        for make, _ in settings:
            shares.append(sum(bool(alarms(make, one)) for one in streams) / len(streams))
        told.append(report(name + ", as it comes", settings[0][0], shares[0], len(streams), stream, change))
        right = [at for at, share in enumerate(shares) if at and share <= 0.05]
        if not right:
            words = f"{name}: none of its settings is quiet enough"
            told.append(
                {"name": words, "quiet": min(shares[1:]), "streams": len(streams), "early": "", "delay": ""}
            )
            continue
        make, words = settings[right[0]]
        told.append(report(f"{name}, {words}", make, shares[right[0]], len(streams), stream, change))
    return {"detectors": told}


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
