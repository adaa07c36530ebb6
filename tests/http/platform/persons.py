"""Three people on a whole platform, each with all kinds of traces; and a search for what is left of them."""

import http.client
import json
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from tests.http.platform.server import PATIENCE, Server

NAMES = ("anna-4711@example.org", "béla 'x' 0815", "carla-2342@example.org")


class People:
    """What was done for each person.

    Args:
        server: with the deployment ``risk``, whose subject is the column ``who``.

    Attributes:
        ids: of the predictions of each.
        answers: of the requests with an idempotency key of each.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self.ids: dict[str, list[str]] = {name: [] for name in NAMES}
        self.answers: dict[str, bytes] = {}

    def act(self, count: int = 3) -> None:
        """Predictions alone and together, truths, a repeated request and rejected ones, of everybody."""
        for name in NAMES:
            for number in range(count):
                self._predict(name, number)
            self.answers[name] = self.repeat(name)
            self.ids[name].append(json.loads(self.answers[name])["id"])
            refused = self.server.call("POST", "/v1/deployments/risk/predict", {"who": name, "y": 1})
            assert refused[0] == 422
        # The first row lends its id to the request, and the rows of others keep that.
        rows = [{"x": 7.0, "who": name} for name in ("first", *NAMES)]
        status, answer = self.server.call("POST", "/v1/deployments/risk/predict", rows)
        assert status == 200
        for name, one in zip(NAMES, answer["predictions"][1:], strict=True):
            self.ids[name].append(one["id"])
        items = [{"prediction_id": one, "target": len(one)} for ids in self.ids.values() for one in ids[::2]]
        status, answer = self.server.call("POST", "/v1/deployments/risk/feedback", items)
        assert {one["status"] for one in answer["results"]} <= {"accepted", "duplicate"}

    def repeat(self, name: str) -> bytes:
        """The answer to a request with the person's idempotency key."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE)
        headers = {
            "Authorization": f"Bearer {self.server.profile['key']}",
            "Content-Type": "application/json",
            "Idempotency-Key": f"once-{NAMES.index(name)}",
        }
        try:
            body = json.dumps({"x": 5.0, "who": name})
            connection.request("POST", "/v1/deployments/risk/predict", body, headers)
            answer = connection.getresponse()
            assert answer.status == 200
            return answer.read()
        finally:
            connection.close()

    def shown(self, name: str) -> list[dict[str, Any]]:
        """All that is shown of a person's predictions, in the order of their ids."""
        found = []
        for one in sorted(self.ids[name]):
            status, shown = self.server.call("GET", f"/v1/deployments/risk/predictions/{one}")
            if status == 200:
                found.append(shown)
        return found

    def _predict(self, name: str, number: int) -> None:
        row = {"x": float(number), "who": name}
        status, answer = self.server.call("POST", "/v1/deployments/risk/predict", row)
        assert status == 200, answer
        self.ids[name].append(answer["id"])


def traces(data: Path, texts: list[str]) -> list[str]:
    """Files below a directory with any of some texts: as they are, as JSON, or in a table's pages."""
    needles = {form for text in texts for form in _forms(text)}
    return sorted(
        f"{path.relative_to(data)}: {needle.decode()}"
        for path in data.rglob("*")
        if path.is_file() and "environments" not in path.parts
        for needle in needles
        if needle in _content(path)
    )


def rejected_bodies(data: Path) -> list[str]:
    """The bodies in the tables of rejected requests."""
    found: list[str] = []
    for path in data.glob("predictions/*-rejected/table/day=*/*.parquet"):
        found += pq.ParquetFile(path).read(columns=["body"])["body"].to_pylist()
    return found


def _forms(text: str) -> set[bytes]:
    return {text.encode(), json.dumps(text)[1:-1].encode(), text.encode("utf-16-le")}


def _content(path: Path) -> bytes:
    """The bytes of a file, and those of what is compressed in it."""
    data = path.read_bytes()
    if path.suffix == ".parquet":
        rows = pq.ParquetFile(path).read()
        texts = [str(row) for batch in rows.to_batches() for row in batch.to_pylist()]
        data += "\n".join(texts).encode()
        statistics = pq.ParquetFile(path).metadata.to_dict()
        data += str(statistics).encode()
    if path.name == "answers.db":
        with tempfile.TemporaryDirectory() as directory:
            copy = Path(directory) / "answers.db"
            copy.write_bytes(data)
            database = sqlite3.connect(copy)
            data += str(database.execute("SELECT * FROM answers").fetchall()).encode()
            database.close()
    return data
