"""A small, steady load that remembers what was acknowledged and what failed."""

import http.client
import json
import threading
from types import TracebackType

from tests.http.platform.server import PATIENCE, Server


class Load:
    """Sends predictions on several connections until it is left.

    Attributes:
        acknowledged: ids of predictions that were answered with 200.
        refused: statuses of all other answers.
        broken: connections that had answered before and broke instead of answering again.
        unserved: connections that ended before they answered anything.
    """

    def __init__(self, server: Server, name: str, connections: int = 4) -> None:
        self._port, self._key = server.port, server.profile["key"]
        self._path = f"/v1/deployments/{name}/predict"
        self._threads = [threading.Thread(target=self._run) for _ in range(connections)]
        self._stop = threading.Event()
        self._news = threading.Condition()
        self.acknowledged: list[str] = []
        self.refused: list[int] = []
        self.broken: list[str] = []
        self.unserved: list[str] = []

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def more(self, count: int = 50) -> None:
        """Wait until that many more predictions are acknowledged."""
        with self._news:
            wanted = len(self.acknowledged) + count
            assert self._news.wait_for(lambda: len(self.acknowledged) >= wanted, PATIENCE), self.refused[-5:]

    def _run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        served = False
        while not self._stop.is_set():
            try:
                connection.request("POST", self._path, '{"x": 1.5}', headers)
                answer = connection.getresponse()
                body = answer.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                (self.broken if served else self.unserved).append(repr(error))
                served = False
                self._stop.wait(0.01)
                continue
            served = not answer.will_close
            with self._news:
                if answer.status == 200:
                    self.acknowledged.append(json.loads(body)["id"])
                else:
                    self.refused.append(answer.status)
                self._news.notify_all()
            if answer.status != 200:
                self._stop.wait(0.01)
        connection.close()
