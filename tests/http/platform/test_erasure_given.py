"""Files given at deploy lose the rows of a person who is erased, and so does all that was learned of them."""

import json
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.http.platform.persons import traces
from tests.http.platform.server import Server, eventually

ANNA = "anna-4711@example.org"
LARGEST = 987654.25
"""An income that Anna alone has."""


def rows(count: int) -> pd.DataFrame:
    chance = np.random.default_rng(0)
    found = pd.DataFrame({"income": chance.normal(4, 1, count), "age": chance.integers(20, 70, count)})
    found["paid"] = found["income"] + chance.normal(0, 1, count)
    found["who"] = [f"person-{number}" for number in range(count)]
    found.loc[[0, 5], "who"] = ANNA
    found.loc[[0, 5], "income"] = LARGEST
    return found


def deploy(server: Server) -> None:
    data, holdout = rows(90), rows(60)
    model = make_pipeline(make_column_transformer((StandardScaler(), ["income", "age"])), LinearRegression())
    model.fit(data.iloc[6:][["income", "age"]], data.iloc[6:]["paid"])
    joblib.dump(model, server.work / "loans.joblib")
    data.to_csv(server.work / "data.csv", index=False)
    holdout.to_parquet(server.work / "holdout.parquet")
    files = ("--data", "data.csv", "--holdout", "holdout.parquet", "--target", "paid", "--subject", "who")
    done = server.run("deploy", "loans", "loans.joblib", *files, "--yes")
    assert done.returncode == 0, done.stderr


def version(server: Server) -> dict[str, Any]:
    status, found = server.call("GET", "/v1/deployments/loans/versions/1")
    assert status == 200
    return dict(found)


def test_files_given_at_deploy_lose_their_rows(server: Server) -> None:
    server.start()
    deploy(server)
    eventually(lambda: bool(version(server)["reference"].get("predictions")), "it has a reference")
    before = version(server)
    assert traces(server.data, [ANNA])
    done = server.run("erasure", "create", "--subject", ANNA, "--yes", "--wait", "--json")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert (record["state"], record["erased"]["loans"]) == ("done", {"given": 4})
    assert not traces(server.data, [ANNA, str(LARGEST)])
    after = version(server)
    assert [file["rows"] for file in after["datasets"]] == [88, 58]
    for old, new in zip(before["datasets"], after["datasets"], strict=True):
        assert old["sha256"] != new["sha256"]
        (note,) = new["erased"]
        assert (note["erasure"], note["rows"], note["was"][0]) == (record["id"], 2, old["sha256"])
        assert not [path for path in gone(server, note["was"]) if path.exists()]
    (income,) = [one for one in after["schema"]["features"] if one["name"] == "income"]
    assert income["learned"]["maximum"] < 100
    eventually(lambda: version(server)["reference"].get("rows") == 58, "it is compared with what is left")
    again = server.run("erasure", "create", "--subject", ANNA, "--yes", "--wait", "--json")
    assert json.loads(again.stdout)["erased"]["loans"] == {}
    server.stop()
    server.start()
    status, answer = server.call("POST", "/v1/deployments/loans/predict", {"income": 4.0, "age": 30})
    assert status == 200, answer


def gone(server: Server, digests: list[str]) -> list[Path]:
    return [path for path in (server.data / "blobs").rglob("*") if path.name in digests]
