"""Schemathesis holds the running server to its documents: no server error, nothing that they do not tell."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import joblib
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder
from tests.http.platform.server import Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
ROWS = pd.DataFrame(
    {
        "width (cm)": [step / 4 for step in range(40)],
        "a/b~": ["x", "y", "z", "é"] * 10,
        "yes": [True, False] * 20,
        "n": range(40),
    }
)
LABELS = [1, 2] * 20

MODEL = """
class Model:
    def predict(self, rows):
        return [{"seen": sorted(row), "x": row["x"]} for row in rows]
"""

# Bodies of uploads; the keys that stay, because the one that fuzzes must not revoke itself; and an
# Idempotency-Key of its own for each request, because one that comes again is refused for good. Without a
# key nobody learns what methods a path takes, a public path neither.
HOOKS = """
import itertools

import schemathesis
from hypothesis import strategies

ARCHIVES = [b"", b"PK", b"\\x1f\\x8b", b"PK\\x05\\x06" + bytes(18)]
schemathesis.openapi.media_type("application/zip", strategies.sampled_from(ARCHIVES))


@schemathesis.hook
def filter_case(context, case):
    if case.path in ("/healthz", "/readyz"):
        return case.method == "GET"
    return (case.path_parameters or {}).get("id") not in KEPT


NUMBERS = itertools.count()


@schemathesis.hook
def before_call(context, case, kwargs):
    sent = (case.headers or {}).get("Idempotency-Key", "")
    if 0 < len(sent) <= 255:
        case.headers["Idempotency-Key"] = f"{sent[:245]}{next(NUMBERS)}"
"""

# What no schema can say: SQL, cursors, zip archives, rows of a deployment in the platform's own document,
# columns that a deployment has or not, what an alarm's state allows, a random header in place of the key.
# Ground truth is judged item by item, inside an answer of 200.
PLATFORM = """
[checks.negative_data_rejection]
expected-statuses = ["4xx"]

[checks.positive_data_acceptance]
expected-statuses = ["2xx", 401, 403, 404]

[[operations]]
include-operation-id = ["post_sql", "post_sql_arrow", "post_deployments_name_predict"]
checks.positive_data_acceptance.expected-statuses = ["2xx", 404, 422]

[[operations]]
include-operation-id = [
    "get_deployments", "get_deployments_name_versions", "get_keys", "get_alarms", "get_alarms_id_events",
    "get_deliveries", "get_erasures", "get_incidents", "get_receivers"
]
checks.positive_data_acceptance.expected-statuses = ["2xx", 404, 422]

[[operations]]
include-operation-id = [
    "get_deployments_name_predictions", "get_deployments_name_predictions_export",
    "get_deployments_name_drift", "get_deployments_name_quality",
    "get_deployments_name_labels", "get_deployments_name_labels_queue",
    "get_deployments_name_drift_multivariate", "get_deployments_name_importance",
    "get_deployments_name_kpis_kpi", "get_deployments_name_ledger", "get_deployments_name_logs",
    "get_deployments_name_performance", "get_deployments_name_report", "get_deployments_name_traffic",
    "get_resources", "post_deployments_name_kpis", "post_deployments_name_metrics",
    "put_deployments_name_decision"
]
checks.positive_data_acceptance.expected-statuses = ["2xx", 404, 422]

[[operations]]
include-operation-id = [
    "post_alarms", "post_alarms_replay", "post_erasures", "post_receivers", "post_explanations",
    "post_deployments_name_rollback", "post_deployments_name_versions_number_promote"
]
checks.positive_data_acceptance.expected-statuses = ["2xx", 404, 409, 422]

[[operations]]
include-operation-id = ["post_alarms_id_acknowledge", "post_alarms_id_resolve", "delete_alarms_id"]
checks.positive_data_acceptance.expected-statuses = ["2xx", 404, 409]

[[operations]]
include-operation-id = ["post_deployments_name_feedback"]
checks.negative_data_rejection.expected-statuses = ["2xx", "4xx"]

[[operations]]
include-operation-id = ["post_deployments_name_versions"]
checks.positive_data_acceptance.expected-statuses = ["2xx", 415, 422]
"""


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a Python class and a classifier whose features have difficult names."""
    made = Server(tmp_path_factory.mktemp("fuzz"))
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = make_column_transformer((codes, ["a/b~"]), remainder="passthrough")
    model = make_pipeline(columns, HistGradientBoostingClassifier(max_iter=3)).fit(ROWS, LABELS)
    joblib.dump(model, made.work / "m.joblib")
    (made.work / "model.py").write_text(MODEL)
    (made.work / "rows.csv").write_text("x\n1.0\n2.5\n3.5\n")
    ROWS.assign(label=LABELS).to_csv(made.work / "labelled.csv", index=False)
    made.start()
    try:
        for words in ("echo model.py --data rows.csv", "classes m.joblib --data labelled.csv --target label"):
            done = made.run("deploy", *words.split(" "), "--yes")
            assert done.returncode == 0, done.stderr
        yield made
    finally:
        made.stop()


def fuzz(server: Server, document: str, config: str, examples: int) -> None:
    """Run all phases and checks against a document of the server; they must find nothing."""
    status, found = server.call("GET", document)
    assert status == 200
    key = server.profile["key"]
    kept = [known["id"] for known in server.call("GET", "/v1/keys")[1]["keys"]]
    (server.work / "document.json").write_text(json.dumps(found))
    (server.work / "hooks.py").write_text(f"KEPT = {kept!r}\n{HOOKS}")
    (server.work / "fuzz.toml").write_text(f'[auth.openapi]\nkey = {{bearer = "{key}"}}\n{config}')
    words = (
        *("--config-file", "fuzz.toml", "run", "document.json", "--url", server.profile["url"]),
        *("--checks", "all", "--phases", "examples,coverage,fuzzing,stateful"),
        *("--max-examples", str(examples), "--request-timeout", "120"),
        *("--generation-deterministic", "--continue-on-failure", "--warnings", "off", "--no-color"),
    )
    done = subprocess.run(
        [SCHEMATHESIS, *words],
        cwd=server.work,
        env={**server.environment, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert server.predict("echo", 2.0)[0] == 200
    server.pids()
    for log in ("supervisor", "control", "gateway-0"):
        path = server.data / "logs" / f"{log}.log"
        assert not path.exists() or "Traceback" not in path.read_text()


@pytest.mark.parametrize("name", ["echo", "classes"])
def test_a_deployment_answers_as_its_document_says(fuzzed: Server, name: str) -> None:
    fuzz(fuzzed, f"/v1/deployments/{name}/openapi.json", "", examples=150)


def test_the_platform_answers_as_its_document_says(fuzzed: Server) -> None:
    fuzz(fuzzed, "/openapi.json", PLATFORM, examples=15)
