"""What a version is compared with is there soon after the deploy, and its rows are counted by it."""

import json

from tests.http.platform.server import Server, eventually

MODEL = """
class Model:
    def predict(self, rows):
        return [{"risk": 2 * row["x"]} for row in rows]
"""
ROWS = "x,city\n" + "".join(f"{number},{'Rome' if number % 3 else 'Bern'}\n" for number in range(90))


def reference(server: Server) -> dict[str, object]:
    found = json.loads(server.run("version", "show", "risk", "1", "--json").stdout)
    return dict(found.get("reference", {}))


def test_rows_given_at_deploy_are_what_later_rows_are_compared_with(server: Server) -> None:
    server.start()
    (server.work / "model.py").write_text(MODEL)
    (server.work / "rows.csv").write_text(ROWS)
    done = server.run("deploy", "risk", "model.py", "--data", "rows.csv", "--yes")
    assert done.returncode == 0, done.stderr
    eventually(lambda: "profile" in reference(server), "the version has a reference")
    shown = server.run("version", "show", "risk").stdout.splitlines()
    assert shown[-2].strip() == "inputs: 90 rows"
    assert shown[-1].strip().startswith("answers: learning")
    eventually(lambda: bool(list(server.data.rglob("*.layout"))), "its rows are to be counted")
    layout = json.loads(next(server.data.rglob("*.layout")).read_bytes())
    assert [cells["name"] for cells in layout["columns"]] == ["features.x", "features.city"]
    assert layout["columns"][1]["values"] == ["Rome", "Bern"]
    before = reference(server)
    server.stop()
    server.start()
    assert reference(server) == before
