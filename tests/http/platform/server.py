"""A whole platform as a test starts it: ``konan up`` on a free port with a data directory of its own."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

KONAN = Path(sys.executable).with_name("konan")
PATIENCE = 60.0

MODEL = """
import os
import time


class Model:
    def predict(self, rows):
        return [self.one(row["x"]) for row in rows]

    def one(self, x):
        if x == 13:
            os.abort()
        if x == 14:
            while True:
                pass
        if x < 0:
            time.sleep(-x)
        return {"twice": 2 * x}
"""


def eventually(condition: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether a process runs and is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Server:
    """One server of one data directory; its command can be started again and again."""

    def __init__(self, root: Path) -> None:
        self.data = root / "data"
        self.home = root / "home"
        self.work = root / "work"
        self.work.mkdir(exist_ok=True)
        self.process: subprocess.Popen[str] | None = None
        self.seen: set[int] = set()

    @property
    def environment(self) -> dict[str, str]:
        """What its commands inherit: this process's environment with a home of its own."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("KONAN_")}
        return {**kept, "KONAN_HOME": str(self.home)}

    def configure(self, **settings: object) -> None:
        """Write settings into the data directory, before the first start."""
        self.data.mkdir(mode=0o700)
        (self.data / "config.json").write_text(json.dumps(settings))

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of the command line to its end."""
        return subprocess.run(
            [KONAN, *arguments],
            env=self.environment,
            cwd=self.work,
            capture_output=True,
            text=True,
            timeout=170,
            check=False,
        )

    def start(self, *flags: str, port: int = 0) -> None:
        """Start it in the foreground and wait until it says that it serves."""
        self.launch(*flags, port=port)
        assert self.process is not None
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(self.end())
        assert json.loads(line)["url"] == self.profile["url"]

    def launch(self, *flags: str, port: int = 0) -> None:
        """Start it in the foreground."""
        self.process = subprocess.Popen(
            [KONAN, "up", "--json", "--port", str(port), "--data-dir", str(self.data), *flags],
            env=self.environment,
            cwd=self.work,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self, number: int = 0) -> tuple[int, str]:
        """Send it a signal, wait for its end; returns exit code and what it said on standard error."""
        assert self.process is not None
        if number:
            self.process.send_signal(number)
        _, said = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, said

    def stop(self) -> None:
        """Stop it if it runs, and see that nothing of it is left."""
        if self.process is not None and self.process.poll() is None:
            self.pids()
            assert self.end(signal.SIGTERM)[0] == 0
        self.gone()

    def gone(self) -> None:
        """Wait until no process of it is left."""
        eventually(lambda: not [pid for pid in self.seen if alive(pid)], "processes are left")
        self.seen.clear()

    @property
    def profile(self) -> dict[str, str]:
        """The profile that ``konan up`` wrote."""
        found: dict[str, str] = json.loads((self.home / "profile.json").read_text())
        return found

    @property
    def port(self) -> int:
        """The port that it listens on."""
        port = urlsplit(self.profile["url"]).port
        assert port is not None
        return port

    def call(self, method: str, path: str, body: object = None, key: str | None = None) -> tuple[int, Any]:
        """Send one request; returns the status and the decoded answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        headers = (
            {"Authorization": f"Bearer {self.profile['key'] if key is None else key}"} if key != "" else {}
        )
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        return answer.status, json.loads(content) if b"json" in _type(answer) else content.decode()

    def pids(self) -> dict[str, int]:
        """Process ids by name as the server tells them; ``supervisor`` too."""
        assert self.process is not None
        status, system = self.call("GET", "/v1/system")
        assert status == 200
        found = {entry["name"]: entry["pid"] for entry in system["processes"]}
        found["supervisor"] = self.process.pid
        self.seen.update(found.values())
        return found

    def worker(self, label: str) -> int | None:
        """Process id of a worker of a version, as ``twice v1``; None while it has none."""
        found = [pid for name, pid in self.pids().items() if name.startswith(f"worker {label} ")]
        return found[0] if found else None

    def logged(self, deployment: str) -> list[str]:
        """Ids of all predictions that the log lists, in the journal, waiting or in the table."""
        ids: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            after = f"&cursor={cursor}" if cursor else ""
            status, page = self.call("GET", f"/v1/deployments/{deployment}/predictions?limit=1000{after}")
            assert status == 200, page
            ids += [one["id"] for one in page["predictions"]]
            cursor = page["next"]
        return ids

    def deploy(self, name: str) -> None:
        """Deploy the model above and wait until it is live."""
        (self.work / "model.py").write_text(MODEL)
        (self.work / "rows.csv").write_text("x\n1.0\n2.5\n3.5\n")
        done = self.run("deploy", name, "model.py", "--data", "rows.csv", "--yes")
        assert done.returncode == 0, done.stderr

    def predict(self, name: str, x: float) -> tuple[int, Any]:
        """Ask for one prediction; returns the status and the decoded answer."""
        return self.call("POST", f"/v1/deployments/{name}/predict", {"x": x})


def _type(answer: http.client.HTTPResponse) -> bytes:
    return (answer.getheader("Content-Type") or "").encode()
