"""The load: wrk with rotating bodies, on a core of its own, and the CPU time of the server's process tree."""

import json
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

_SCRIPT = """
local bodies = {BODIES}
local headers = {HEADERS}
local i = 0
request = function()
  i = i %% #bodies + 1
  return wrk.format("POST", nil, headers, bodies[i])
end
local bad = 0
done = function(summary, latency, requests)
  io.write(string.format("RESULT %%d %%d %%d %%d %%d %%d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
"""


@dataclass(frozen=True)
class Figures:
    """What one stretch of load showed.

    Attributes:
        rps: answered requests per second.
        p50_ms: median latency in milliseconds.
        p99_ms: 99th percentile in milliseconds.
        cpu_us: CPU microseconds of the server's whole process tree per request, until it is idle again.
        errors: answers that were not 2xx, and broken connections.
    """

    rps: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    errors: int


def script(path: Path, bodies: list[str], headers: dict[str, str]) -> None:
    """Write wrk's Lua script for these bodies."""
    quoted = "{" + ",".join(json.dumps(body) for body in bodies) + "}"
    heads = "{" + ",".join(f"[{json.dumps(k)}]={json.dumps(v)}" for k, v in headers.items()) + "}"
    text = _SCRIPT.replace("{BODIES}", quoted).replace("{HEADERS}", heads).replace("%%", "%")
    path.write_text(text)


def cpu_seconds(pid: int) -> float:
    """User and system CPU seconds of a process and all that live or lived below it."""
    total = 0.0
    process = psutil.Process(pid)
    for member in [process, *process.children(recursive=True)]:
        try:
            times = member.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def settled(pid: int) -> float:
    """Wait until a process tree rests, at most two minutes, and give its CPU seconds.

    What a server puts off until the load is over counts for it, and does not slow the next one down.
    """
    before, quiet = cpu_seconds(pid), 0
    for _ in range(600):
        time.sleep(0.2)
        after = cpu_seconds(pid)
        quiet = quiet + 1 if after - before <= 0.011 else 0
        before = after
        if quiet >= 5:
            break
    return before


def pss_bytes(pid: int) -> int:
    """Proportional set size of a process and all that live below it."""
    process = psutil.Process(pid)
    return sum(int(member.memory_full_info().pss) for member in [process, *process.children(recursive=True)])


def run(url: str, lua: Path, connections: int, seconds: float, pid: int) -> Figures:
    """Load a server in a closed loop.

    Args:
        url: where to post.
        lua: the script of `script`.
        connections: how many keep-alive connections, each with one request at a time.
        seconds: for how long.
        pid: root of the server's process tree.
    """
    before = settled(pid)
    command = ["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "20s"]
    output = subprocess.run(
        [*command, "-s", str(lua), url], capture_output=True, text=True, check=True, timeout=seconds + 60
    ).stdout
    cpu = settled(pid) - before
    match = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)", output)
    if match is None:
        raise RuntimeError(f"wrk said: {output}")
    requests, micros, p50, p99, status, broken = map(int, match.groups())
    return Figures(
        rps=requests / (micros / 1e6),
        p50_ms=p50 / 1e3,
        p99_ms=p99 / 1e3,
        cpu_us=cpu * 1e6 / max(requests, 1),
        errors=status + broken,
    )
