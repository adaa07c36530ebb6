"""The truth on a whole platform: through a gateway, over a restart, and shown beside its prediction."""

import csv
import json
from typing import Any

from tests.http.platform.server import Server, eventually


def truths(server: Server) -> dict[str, Any]:
    status, found = server.call("GET", "/v1/deployments/twice/predictions")
    assert status == 200
    return {one["id"]: one["ground_truth"] for one in found["predictions"]}


def test_truth_comes_back_with_its_prediction(server: Server) -> None:
    server.start()
    server.deploy("twice")
    ids = [server.predict("twice", number)[1]["id"] for number in (1.0, 2.0, 3.0)]
    with (server.work / "truth.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [("prediction_id", "target"), (ids[0], 2), (ids[1], ""), (ids[2], 6), (server.data.name, 1)]
        )
    done = server.run("feedback", "twice", "truth.csv", "--json")
    assert done.returncode == 0, done.stderr
    sent = json.loads(done.stdout)
    assert (sent["accepted"], sent["left_out"], sent["refused"]) == (2, 1, 1)
    assert truths(server) == {ids[0]: "2", ids[1]: None, ids[2]: "6"}
    server.stop()
    server.start()
    eventually(lambda: server.call("GET", "/v1/system")[0] == 200, "it answers again")
    assert truths(server) == {ids[0]: "2", ids[1]: None, ids[2]: "6"}
    assert json.loads(server.run("journal", "verify", "--data-dir", str(server.data), "--json").stdout)["ok"]


def test_a_large_body_passes_the_gateway(server: Server) -> None:
    server.start()
    server.deploy("twice")
    one = server.predict("twice", 1.0)[1]["id"]
    items = [{"prediction_id": one, "target": {"twice": number}} for number in range(20_000)]
    assert len(json.dumps(items)) > 1024 * 1024
    status, found = server.call("POST", "/v1/deployments/twice/feedback", items)
    assert (status, len(found["results"])) == (200, 20_000)
    assert truths(server) == {one: {"twice": 19_999}}
    status, _ = server.call("POST", "/v1/deployments/twice/predictions", items)
    assert status == 413
