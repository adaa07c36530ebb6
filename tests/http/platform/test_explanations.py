"""Why a running platform's model answers as it does: by command and over HTTP, through a real worker."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.http.platform.server import Server

MODEL = """
class Model:
    def predict(self, rows):
        towns = {"Bern": 5.0}
        return [{"price": 3 * row["size"] + towns.get(row["town"], 0.0) * row["rooms"]} for row in rows]
"""
ROWS = "size,rooms,town,colour\n" + "".join(
    f"{number % 10}.0,{number % 4 + 1},{'Bern' if number % 2 else 'Rome'},{'red' if number % 3 else 'blue'}\n"
    for number in range(60)
)
ROW = {"size": 20.0, "rooms": 3, "town": "Bern", "colour": "blue"}
PRICE = 75.0


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A deployment of a model that looks at three of its four inputs."""
    server = Server(tmp_path_factory.mktemp("explanations"))
    server.start()
    try:
        (server.work / "model.py").write_text(MODEL)
        (server.work / "rows.csv").write_text(ROWS)
        done = server.run("deploy", "homes", "model.py", "--data", "rows.csv", "--yes")
        assert done.returncode == 0, done.stderr
        yield server
    finally:
        server.stop()


def answered(server: Server, *words: str) -> Any:
    done = server.run(*words, "--json", "--quiet")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_a_prediction_is_explained_by_its_id(homes: Server) -> None:
    status, prediction = homes.call("POST", "/v1/deployments/homes/predict", ROW)
    assert status == 200
    found = answered(homes, "explain", prediction["id"])
    assert (found["deployment"], found["version"], found["output"]) == ("homes", 1, "price")
    assert found["value"] == found["logged"] == PRICE
    assert (found["method"], found["background"], found["background_rows"]) == ("exact", "data", 60)
    added = {one["feature"]: one for one in found["contributions"]}
    assert added["size"]["contribution"] == pytest.approx(3 * (20 - 4.5))
    assert added["colour"]["contribution"] == added["colour"]["error"] == 0
    assert sum(one["contribution"] for one in added.values()) == pytest.approx(PRICE - found["base"])
    assert found["contributions"][0]["feature"] == "size"
    shown = homes.run("explain", prediction["id"], "--deployment", "homes").stdout.splitlines()
    assert shown[0] == "homes v1 answers price: 75"
    assert shown[1].startswith("note  Against 60 rows of the data; all coalitions of inputs, ")
    assert [line.split()[0] for line in (shown[-6], shown[-1])] == ["(average)", "(answer)"]
    assert shown[-5].split()[:3] == ["size", "20.0", "+46.50"]


def test_a_row_is_explained_against_given_rows_and_not_logged(homes: Server) -> None:
    asked = {"deployment": "homes", "row": ROW, "background": [{**ROW, "town": "Rome"}]}
    before = homes.logged("homes")
    status, found = homes.call("POST", "/v1/explanations", asked)
    assert (status, found["background"], found["base"]) == (200, "given", 60.0)
    assert [one["contribution"] for one in found["contributions"]] == [15.0, 0.0, 0.0, 0.0]
    assert homes.logged("homes") == before


def test_importance_is_over_rows_like_the_data(homes: Server) -> None:
    found = answered(homes, "importance", "homes", "--rows", "20")
    assert (found["version"], found["rows"], found["background"]) == (1, 20, "data")
    assert found["features"][0]["feature"] == "size"
    assert found["features"][-1] == {"feature": "colour", "importance": 0, "share": 0, "error": 0}
    assert sum(one["share"] for one in found["features"]) == pytest.approx(1)


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({}, 422),
        ({"row": ROW}, 422),
        ({"prediction_id": "nothing"}, 404),
        ({"prediction_id": "nothing", "row": ROW, "deployment": "homes"}, 422),
        ({"deployment": "none", "row": ROW}, 404),
        ({"deployment": "homes", "row": ROW, "version": 9}, 404),
        ({"deployment": "homes", "row": {"size": 1}}, 422),
        ({"deployment": "homes", "row": ROW, "background": [{"size": "much"}]}, 422),
        ({"deployment": "homes", "row": ROW, "output": "rent"}, 422),
    ],
)
def test_what_cannot_be_meant_is_refused(homes: Server, asked: dict[str, Any], status: int) -> None:
    assert homes.call("POST", "/v1/explanations", asked)[0] == status


def test_a_row_takes_the_scope_predict_too(homes: Server) -> None:
    key = answered(homes, "key", "create", "--scope", "read")["key"]
    asked = {"deployment": "homes", "row": ROW}
    assert homes.call("POST", "/v1/explanations", asked, key=key)[0] == 403
    assert homes.call("GET", "/v1/deployments/homes/importance?rows=1", key=key)[0] == 200
