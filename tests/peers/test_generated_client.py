"""A client that a third-party generator makes from our documents: nothing dropped, typed, right answers."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import pytest
import uv
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder
from tests.http.platform.server import Server

pytestmark = [pytest.mark.peers, pytest.mark.slow, pytest.mark.timeout(900)]

HERE = Path(__file__).parent
NEEDED = ["openapi-python-client==0.29.1", "mypy==2.4.0"]
CLOTHES = pd.DataFrame(
    {
        "size (cm)": [150.5 + step for step in range(30)],
        "class": ["x", "y", "z"] * 10,
        "9 lives": [True, False] * 15,
        "n": range(30),
    }
)
LABELS = ["far & wide", "mid", "narrow"] * 10
RAW = "application/octet-stream"
BYTES = dict.fromkeys(
    (
        "application/zip",
        "application/x-ndjson",
        "application/x-tar",
        "application/vnd.apache.arrow.stream",
        "application/vnd.apache.parquet",
        "text/csv",
    ),
    RAW,
)
"""Types of files that the generator shall take for bytes, because it knows none of them."""

TYPED = """
import json, sys
from clothes import AuthenticatedClient
from clothes.api.default import predict
from clothes.models.output_label import OutputLabel
from clothes.models.prediction import Prediction
from clothes.models.predictions import Predictions
from clothes.models.problem import Problem
from clothes.models.row import Row

url, key = sys.argv[1:]
client = AuthenticatedClient(url, token=key, raise_on_unexpected_status=True)

def row(class_: str | None) -> Row:
    return Row(size_cm=160.5, class_=class_, field_9_lives=True, n=10)

one = predict.sync(client=client, body=row("y"), idempotency_key="once")
again = predict.sync(client=client, body=row("y"), idempotency_key="once")
many = predict.sync(client=client, body=[row("x"), row("z")], version=1)
bad = predict.sync_detailed(client=client, body=Row.from_dict({**row("y").to_dict(), "n": "ten"}))
unknown = predict.sync(client=AuthenticatedClient(url, token="nobody"), body=row("y"))
assert isinstance(one, Prediction) and isinstance(again, Prediction) and isinstance(many, Predictions)
assert isinstance(bad.parsed, Problem) and isinstance(bad.parsed.faults, list)
assert isinstance(unknown, Problem)
label: OutputLabel = one.output.label
share: float = one.output.probabilities.far_wide
pointer: str = bad.parsed.faults[0].pointer
print(json.dumps({
    "one": [label.value, share, one.version],
    "same": one.id == again.id,
    "many": [item.output.label.value for item in many.predictions],
    "bad": [bad.status_code.value, bad.parsed.code, pointer],
    "unknown": [unknown.status, unknown.code],
}))
"""
WHOLE = """
import io, json, sys
from konan_api import AuthenticatedClient, Client
from konan_api.api.default import (
    delete_keys_id, get_deployments, get_deployments_name_openapi_json, get_deployments_name_predictions,
    get_deployments_name_predictions_export, get_healthz, get_metrics, post_deployments_name_predict,
    post_deployments_name_versions, post_keys, post_sql,
)
from konan_api.models.created_key import CreatedKey
from konan_api.models.deployment_list import DeploymentList
from konan_api.models.health import Health
from konan_api.models.new_key import NewKey
from konan_api.models.post_deployments_name_predict_body_type_0 import PostDeploymentsNamePredictBodyType0
from konan_api.models.prediction import Prediction
from konan_api.models.prediction_list import PredictionList
from konan_api.models.problem import Problem
from konan_api.types import File

url, key = sys.argv[1:]
client = AuthenticatedClient(url, token=key, raise_on_unexpected_status=True)
row = {"size (cm)": 160.5, "class": "y", "9 lives": True, "n": 10}
health = get_healthz.sync(client=Client(url))
made = post_keys.sync(client=client, body=NewKey.from_dict({"name": "generated", "scopes": ["predict"]}))
assert isinstance(health, Health) and isinstance(made, CreatedKey)
caller = AuthenticatedClient(url, token=made.key)
ask = post_deployments_name_predict
one = ask.sync("clothes", client=caller, body=PostDeploymentsNamePredictBodyType0.from_dict(row))
bad = ask.sync("clothes", client=caller, body=PostDeploymentsNamePredictBodyType0.from_dict({}))
denied = get_deployments.sync(client=caller)
listed = get_deployments.sync(client=client)
logged = get_deployments_name_predictions.sync("clothes", client=client, limit=1)
file = get_deployments_name_predictions_export.sync("clothes", client=client, format_="csv")
upload = post_deployments_name_versions.sync("clothes", client=client, body=File(io.BytesIO(b"no archive")))
revoked = delete_keys_id.sync(made.id, client=client)
assert isinstance(one, Prediction) and isinstance(bad, Problem) and isinstance(bad.faults, list)
assert isinstance(denied, Problem) and isinstance(listed, DeploymentList)
assert isinstance(logged, PredictionList) and isinstance(file, File) and isinstance(upload, Problem)
print(json.dumps({
    "health": health.status,
    "one": one.output["label"],
    "bad": [bad.status, sorted(fault.pointer for fault in bad.faults)],
    "denied": denied.status,
    "listed": [deployment.name for deployment in listed.deployments],
    "logged": logged.predictions[0].id == one.id,
    "csv": file.payload.read().decode().splitlines()[0].startswith('"id",'),
    "upload": [upload.status, upload.code],
    "revoked": not isinstance(revoked, Problem),
}))
"""


@pytest.fixture(scope="module")
def tools() -> Path:
    """The programs of an environment with the generator, made once and kept between runs."""
    folder = HERE / ".env-openapi"
    made = folder / "made.json"
    if not made.exists() or json.loads(made.read_text()) != NEEDED:
        tool, python = uv.find_uv_bin(), str(folder / "bin" / "python")
        subprocess.run([tool, "venv", "-q", "--clear", "--python", sys.executable, str(folder)], check=True)
        subprocess.run([tool, "pip", "install", "-q", "--python", python, *NEEDED], check=True)
        made.write_text(json.dumps(NEEDED))
    return folder / "bin"


@pytest.fixture(scope="module")
def model() -> Pipeline:
    columns = ColumnTransformer(
        [("class", OneHotEncoder(handle_unknown="ignore"), ["class"])], remainder="passthrough"
    )
    return make_pipeline(columns, LogisticRegression(max_iter=10_000)).fit(CLOTHES, LABELS)


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, model: Pipeline) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("generated"))
    joblib.dump(model, made.work / "clothes.joblib")
    CLOTHES.assign(label=LABELS).to_csv(made.work / "clothes.csv", index=False)
    made.start()
    try:
        done = made.run("deploy", "clothes", "clothes.joblib", "--data", "clothes.csv", "--target", "label")
        assert done.returncode == 0, done.stderr
        yield made
    finally:
        made.stop()


def use(tools: Path, platform: Server, document: str, package: str, script: str) -> dict[str, Any]:
    """Generate a client, have its types checked, and run a program with it; returns what that printed."""
    work = platform.work
    status, found = platform.call("GET", document)
    assert status == 200
    (work / f"{package}.json").write_text(json.dumps(found))
    (work / "generator.json").write_text(json.dumps({"content_type_overrides": BYTES, "post_hooks": []}))
    (work / f"use_{package}.py").write_text(script)
    generate = ["generate", "--path", f"{package}.json", "--output-path", package, "--meta", "none"]
    checks = ["--strict", "--follow-imports=silent", f"use_{package}.py"]
    commands: tuple[list[str | Path], ...] = (
        [tools / "openapi-python-client", *generate, "--config", "generator.json", "--fail-on-warning"],
        [tools / "mypy", *checks],
        [tools / "python", f"use_{package}.py", platform.profile["url"], platform.profile["key"]],
    )
    said = ""
    for command in commands:
        done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        said = done.stdout
    answer: dict[str, Any] = json.loads(said)
    return answer


def test_the_client_of_a_deployment_is_typed_and_answers_right(
    tools: Path, platform: Server, model: Pipeline
) -> None:
    found = use(tools, platform, "/v1/deployments/clothes/openapi.json", "clothes", TYPED)
    rows = CLOTHES.iloc[[0, 0, 0]].assign(**{"size (cm)": 160.5, "class": ["y", "x", "z"], "n": 10})
    labels = model.predict(rows).tolist()
    share = model.predict_proba(rows)[0, 0]
    assert found == {
        "one": [labels[0], pytest.approx(share, rel=1e-9), 1],
        "same": True,
        "many": labels[1:],
        "bad": [422, "rows_invalid", "/n"],
        "unknown": [401, "unauthenticated"],
    }


def test_the_client_of_the_platform_reaches_what_the_platform_does(
    tools: Path, platform: Server, model: Pipeline
) -> None:
    found = use(tools, platform, "/openapi.json", "konan_api", WHOLE)
    row = CLOTHES.iloc[[0]].assign(**{"size (cm)": 160.5, "class": "y", "n": 10})
    assert found == {
        "health": "ok",
        "one": model.predict(row)[0],
        "bad": [422, ["/9 lives", "/class", "/n", "/size (cm)"]],
        "denied": 403,
        "listed": ["clothes"],
        "logged": True,
        "csv": True,
        "upload": [415, "media_type_unsupported"],
        "revoked": True,
    }
