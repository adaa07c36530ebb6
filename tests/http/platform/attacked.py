"""A platform that is attacked: keys of every kind, models that misbehave, and things nobody may touch."""

import io
import json
import os
import secrets
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cloudpickle
import psutil
from tests.http.gateway.raw import Client
from tests.http.platform.server import Server
from typing_extensions import override

from konan.access.keys import mint
from konan.records.upload import MANIFEST_NAME

CANARY = f"canary-{secrets.token_hex(16)}"

ZOO = """
import os, socket, sys, time

class Model:
    def predict(self, rows):
        return [getattr(self, row["way"])(row) for row in rows]
    def good(self, row): return {"way": "good"}
    def spins(self, row):
        while True: pass
    def sleeps(self, row): time.sleep(3600)
    def leaves(self, row): os._exit(0)
    def aborts(self, row): os.abort()
    def raises(self, row): raise ValueError("SECRET-OF-THE-MODEL")
    def exits(self, row): sys.exit(1)
    def interrupts(self, row): raise KeyboardInterrupt
    def recurses(self, row): return self.recurses(row)
    def eats(self, row): return len(bytearray(100 << 30))
    def closes(self, row): os.closerange(0, 100)
    def descriptors(self, row): return len([open("/dev/null") for _ in range(10**5)])
    def nan(self, row): return float("nan")
    def infinite(self, row): return {"x": [float("-inf")]}
    def strange(self, row): return object()
    def huge(self, row): return "x" * (65 << 20)
    def script(self, row): return "</script>"
    def tries(self, row):
        found = {"environment": sorted(os.environ.values()), "places": []}
        for place in ("TARGETS"):
            try:
                listed = os.path.isdir(place) and str(sorted(os.listdir(place)))
                found["places"].append(listed or open(place).read())
            except OSError as error:
                found["places"].append(type(error).__name__)
        for family, address in ((socket.AF_INET, ("127.0.0.1", PORT)), (socket.AF_UNIX, "CONTROL")):
            try:
                socket.socket(family, socket.SOCK_STREAM).connect(address)
                found["places"].append("connected")
            except OSError as error:
                found["places"].append(type(error).__name__)
        for act in (os.fork, lambda: os.kill(os.getppid(), 9), lambda: open("CANARY", "w")):
            try:
                act()
                found["places"].append("done")
            except OSError as error:
                found["places"].append(type(error).__name__)
        return found
"""


def zipped(members: Mapping[Any, bytes], *, method: int = zipfile.ZIP_STORED, **manifest: object) -> bytes:
    """An archive with a manifest that names its members, and whatever else it shall say."""
    names = [getattr(name, "filename", name) for name in members] or ["model/m.joblib"]
    said = {
        "flavor": "sklearn",
        "model": names,
        "options": {"format": "joblib"},
        "python": "3.11",
        **manifest,
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        file.writestr(MANIFEST_NAME, json.dumps(said))
        for name, content in members.items():
            file.writestr(name, content, method)
    return buffer.getvalue()


class Payload:
    """A pickle that acts when it is loaded."""

    def __init__(self, target: Path) -> None:
        self.target = target

    @override
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.target}; cat /etc/passwd > {self.target}",)


class Attacked:
    """A running platform, its keys, and what must stay as it is.

    Attributes:
        server: the platform.
        keys: texts of keys by what they may do.
        canary: a file outside of the data directory.
        planted: a file that a payload wants to make.
    """

    def __init__(self, root: Path) -> None:
        self.server = Server(root)
        self.outside = Path(tempfile.mkdtemp(prefix="canary", dir=root))
        self.canary = self.outside / "canary.txt"
        self.planted = self.outside / "planted"
        self.canary.write_text(CANARY)
        self.keys: dict[str, str] = {}

    def start(self) -> None:
        """Start the platform with two models and a key for each part."""
        server = self.server
        waits = {"deadline": 1.5, "head_timeout": 1.0, "body_timeout": 1.0}
        server.configure(**waits, worker_crashes=10_000, upload_bytes=4 << 20)
        server.start()
        server.deploy("twice")
        targets = [server.data, server.home, self.canary, self.outside, "/proc/1/environ", "/work", "/root"]
        source = ZOO.replace("PORT", str(server.port)).replace("CANARY", str(self.canary))
        source = source.replace("CONTROL", str(server.data / "run" / "control.sock"))
        (server.work / "zoo.py").write_text(source.replace('("TARGETS")', repr(list(map(str, targets)))))
        (server.work / "ways.csv").write_text("way\ngood\n")
        self.keys = {"owner": server.profile["key"], "nobody": "", "stranger": mint().text}
        for name, *scopes in (
            ("caller", "predict"),
            ("reader", "read"),
            ("deployer", "deploy"),
            ("admin", "admin"),
            ("revoked", "admin"),
        ):
            status, made = server.call("POST", "/v1/keys", {"name": name, "scopes": scopes})
            assert status == 201
            self.keys[name] = made["key"]
        assert server.call("DELETE", f"/v1/keys/{self.keys['revoked'].split('_')[2]}")[0] == 200
        status, made = server.call(
            "POST", "/v1/keys", {"name": "elsewhere", "scopes": ["admin"], "deployments": ["other"]}
        )
        self.keys["elsewhere"] = made["key"]
        done = server.run("deploy", "zoo", "zoo.py", "--data", "ways.csv", "--yes")
        assert done.returncode == 0, done.stderr
        self.keys["mistyped"] = server.profile["key"][:-1] + (
            "0" if server.profile["key"][-1] != "0" else "1"
        )

    def client(self, key: str = "owner") -> Client:
        """A connection that sends a key."""
        return Client(("127.0.0.1", self.server.port), self.keys[key] or None)

    def well(self) -> None:
        """See that it answers, also for the model beside the attacked one, and that nothing was touched."""
        assert self.server.call("GET", "/healthz", key="")[0] == 200
        assert self.server.predict("twice", 2.5)[1]["output"] == {"twice": 5.0}
        assert self.canary.read_text() == CANARY
        assert list(self.outside.iterdir()) == [self.canary]

    def smuggled(self) -> list[dict[str, Any]]:
        """What was predicted with the number that no attack may get predicted."""
        path = "/v1/deployments/twice/predictions?where=%7B%22x%22%3A99%7D"
        status, listed = self.server.call("GET", path)
        assert status == 200
        found: list[dict[str, Any]] = listed["predictions"]
        return found

    def zoo(self, way: str) -> tuple[int, dict[str, Any]]:
        """Have the misbehaving model do something."""
        status, answer = self.server.call("POST", "/v1/deployments/zoo/predict", {"way": way})
        return status, answer

    def processes(self) -> Iterator[psutil.Process]:
        """Its processes."""
        assert self.server.process is not None
        parent = psutil.Process(self.server.process.pid)
        yield parent
        yield from parent.children(recursive=True)

    def hostile_pickle(self) -> bytes:
        """The bytes of a pickle with a payload."""
        content: bytes = cloudpickle.dumps(Payload(self.planted))
        return content
