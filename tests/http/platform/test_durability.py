"""What a whole server promises: a deployment's own durability, and one execution whoever is asked."""

import http.client
import json
from collections.abc import Iterator

import pytest
from tests.http.platform.server import PATIENCE, Server

from konan.journal.reader import tail


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with two gateways."""
    made = Server(tmp_path_factory.mktemp("durability"))
    made.configure(gateways=2)
    made.start()
    try:
        made.deploy("twice")
        yield made
    finally:
        made.stop()


def ask(server: Server, name: str, x: float, **headers: str) -> tuple[bytes, dict[str, str]]:
    """Ask for a prediction on a connection of its own; the body and the headers of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    sent = {"Authorization": f"Bearer {server.profile['key']}", "Content-Type": "application/json"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("POST", f"/v1/deployments/{name}/predict", json.dumps({"x": x}), sent)
    answer = connection.getresponse()
    found = answer.read(), {name.lower(): value for name, value in answer.getheaders()}
    connection.close()
    assert answer.status == 200, found
    return found


def test_a_key_is_executed_once_whichever_gateway_is_asked(two: Server) -> None:
    for number in range(10):
        bodies, ids = set(), set()
        for _ in range(10):
            body, headers = ask(two, "twice", 1.5, Idempotency_Key=f"k{number}")
            bodies.add(body)
            ids.add(headers["konan-request-id"])
        assert len(bodies) == 1
        assert ids == {json.loads(bodies.pop())["id"]}
    counts = [len(list(tail(two.data / "journal" / name, 0))) for name in ("0", "1")]
    assert sum(counts) == 10
    assert min(counts) > 0


def test_durability_is_chosen_at_deploy(two: Server) -> None:
    assert ask(two, "twice", 1.0)[1]["konan-durability"] == "durable"
    deploy = ("deploy", "quick", "model.py", "--data", "rows.csv", "--yes")
    done = two.run(*deploy, "--durability", "buffered")
    assert done.returncode == 0, done.stderr
    assert ask(two, "quick", 1.0)[1]["konan-durability"] == "buffered"
    assert two.run(*deploy).returncode == 0
    assert ask(two, "quick", 1.0)[1]["konan-durability"] == "durable"


def test_the_journal_of_a_running_server_is_verified(two: Server) -> None:
    ask(two, "twice", 1.0)
    done = two.run("journal", "verify", "--data-dir", str(two.data), "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["ok"]
    names = [journal["journal"] for journal in report["journals"]]
    assert names[:3] == ["0", "1", "truth"]
    assert set(names[3:]) == {"shelf", "parked-truth"}
    assert sum(journal["records"] for journal in report["journals"]) > 0
