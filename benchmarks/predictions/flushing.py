"""Does the flusher keep up, and with how much memory? How does it fare with many quiet deployments?"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from benchmarks.predictions import feeding
from konan.predictions import table
from konan.predictions.flusher import Flusher, Rules
from konan.predictions.retention import FOR_EVER, Keeper

_PAUSE = 0.5
_MIB = 1024 * 1024


def busy(root: Path, rate: float, seconds: float) -> list[str]:
    """One deployment at a gateway's full rate."""
    flusher = Flusher(root / "journal", root / "predictions", feeding.schemas)
    process = feeding.feed(root / "journal", ["busy"], rate, seconds)
    waiting, memory, cpu = _follow(flusher, process.is_alive)
    flusher.flush()
    process.join()
    files = table.snapshot(root / "predictions" / "busy").files
    size = sum(file.bytes for file in files)
    return [
        f"rows: {flusher.rows:,} in {seconds:g} s, {flusher.commits} commits",
        f"rows that waited: median {statistics.median(waiting):,.0f}, most {max(waiting):,}",
        f"resident memory: first {memory[0] / _MIB:.0f} MiB, largest {max(memory) / _MIB:.0f} MiB, "
        f"last {memory[-1] / _MIB:.0f} MiB",
        f"processor: {cpu / max(flusher.rows, 1) * 1e6:.1f} us a row",
        f"disk: {size / max(flusher.rows, 1):.1f} bytes a row, {len(files)} files; "
        f"journal left: {_size(root / 'journal') / _MIB:.0f} MiB",
    ]


def quiet(root: Path, deployments: int, seconds: float) -> list[str]:
    """Many deployments at one row a second each, as if they had been running for long.

    Each has a first row of another age, so that commits because of age come evenly from the start.
    """
    names = [f"quiet-{number:04d}" for number in range(deployments)]
    rules = Rules()
    flusher = Flusher(root / "journal", root / "predictions", feeding.schemas, rules)
    keeper = Keeper(flusher, root / "predictions", FOR_EVER)
    process = feeding.feed(root / "journal", names, deployments, seconds)
    begun = time.monotonic()

    def aged() -> bool:
        """Let the waiting rows of one more deployment come of age."""
        due = int((time.monotonic() - begun) / rules.seconds * deployments)
        for name in names[flusher.commits : due]:
            flusher._commit(name)  # noqa: SLF001 - what the clock would do in the steady state
        keeper.step()
        return process.is_alive()

    _, memory, cpu = _follow(flusher, aged)
    process.join()
    logs = [path for path in (root / "predictions").rglob("*") if path.is_file()]
    return [
        f"{deployments:,} deployments at one row a second, {seconds:g} s: {flusher.commits} commits",
        f"processor: {cpu / seconds * 100:.1f} % of one core",
        f"resident memory: {memory[0] / _MIB:.0f} to {memory[-1] / _MIB:.0f} MiB",
        f"files: {len(logs):,} in the log, {len(list((root / 'journal' / '0').iterdir()))} in the journal",
    ]


def _follow(flusher: Flusher, goes_on: Callable[[], bool]) -> tuple[list[int], list[int], float]:
    """Step as the server does; rows that wait, resident memory after each step, and processor seconds."""
    process, waiting, memory = psutil.Process(), [], []
    before = process.cpu_times()
    while goes_on():
        flusher.step(_PAUSE)
        waiting.append(sum(log.rows for log in flusher._logs.values()))  # noqa: SLF001 - looked at, not used
        memory.append(process.memory_info().rss)
        time.sleep(_PAUSE)
    after = process.cpu_times()
    return waiting, memory, after.user + after.system - before.user - before.system


def _size(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
