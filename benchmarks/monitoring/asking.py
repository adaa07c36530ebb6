"""Peers, each asked in an environment of their own, with the defaults that they come with."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent
PEERS = HERE / ".env-peers"
PYTHON = PEERS / "bin" / "python"


def prepare() -> None:
    """Make the environment once."""
    if (PEERS / "ready").exists():
        return
    uv = shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        raise RuntimeError("uv is not in this environment; run `make setup`")
    subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(PEERS)], check=True)
    requirements = str(HERE / "peers" / "requirements.txt")
    subprocess.run([uv, "pip", "install", "--quiet", "--python", str(PYTHON), "-r", requirements], check=True)
    (PEERS / "ready").touch()


def of_windows(peer: str, usual: pa.Table, windows: Sequence[pa.Table], *more: str) -> dict[str, Any]:
    """What a peer says of windows.

    Args:
        peer: ``evidently`` or ``nannyml``.
        usual: the reference.
        windows: of equal numbers of rows.
        more: options of ``peers/ask.py``.

    Returns:
        ``cpu`` and ``import``: processor seconds; ``drifted``: names of columns for each window; ``whole``:
        for each window whether it drifts as a whole (where the peer says so).
    """
    with tempfile.TemporaryDirectory() as place:
        pq.write_table(usual, f"{place}/reference.parquet")
        marked = [
            rows.append_column("window", pa.array(np.full(rows.num_rows, at)))
            for at, rows in enumerate(windows)
        ]
        pq.write_table(pa.concat_tables(marked), f"{place}/windows.parquet")
        return _asked(peer, place, *more)


def of_stream(quiet: npt.NDArray[np.float64], stream: npt.NDArray[np.float64], change: int) -> dict[str, Any]:
    """What river's detectors do on a stream, calibrated on quiet ones.

    Args:
        quiet: ``(streams, length)`` of 0 and 1.
        stream: likewise, ``(n,)``.
        change: position from which on an alarm is right.
    """
    with tempfile.TemporaryDirectory() as place:
        np.savez(f"{place}/streams.npz", quiet=quiet, stream=stream, change=change)
        return _asked("river", place)


def _asked(*words: str) -> dict[str, Any]:
    command = [str(PYTHON), "-W", "ignore", str(HERE / "peers" / "ask.py"), *words]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found
