"""Decisions and metrics that people declare, over HTTP."""

from msgspec.structs import replace
from tests.http.control.rig import SCHEMA, Rig

from konan.records.schema import Output

DECISION = "/v1/deployments/bikes/decision"
METRICS = "/v1/deployments/bikes/metrics"
CLASSES = Output(kind="classifier", classes=("no", "yes"), probabilities=True)
PAYOFF = {"truth": "yes", "answer": "no", "value": -500}
OWN = {"name": "regret", "code": "def metric(rows): return 1", "better": "lower"}


def test_a_decision_is_declared_shown_and_taken_back(rig: Rig) -> None:
    rig.drawer.schema = replace(SCHEMA, output=CLASSES)
    key = rig.key()
    rig.live(key)
    assert rig.call("GET", DECISION, key).json()["threshold"] is None
    sent = {"threshold": 0.3, "payoffs": [PAYOFF], "unit": "CHF", "labels_within": 86_400}
    answered = rig.call("PUT", DECISION, key, json=sent)
    assert answered.status_code == 200, answered.text
    shown = rig.call("GET", DECISION, rig.key("read")).json()
    assert (shown["threshold"], shown["payoffs"], shown["labels_within"]) == (0.3, [PAYOFF], 86_400)
    rig.call("PUT", DECISION, key, json={})
    assert rig.call("GET", DECISION, key).json()["payoffs"] == []


def test_what_does_not_fit_the_answers_is_refused_with_each_fault(rig: Rig) -> None:
    rig.drawer.schema = replace(SCHEMA, output=CLASSES)
    key = rig.key()
    rig.live(key)
    sent = {"positive": "maybe", "payoffs": [{**PAYOFF, "answer": "never"}], "over": -1}
    answered = rig.call("PUT", DECISION, key, json=sent)
    assert answered.status_code == 422
    pointers = [fault["pointer"] for fault in answered.json()["faults"]]
    assert pointers == ["/positive", "/payoffs/0/answer", "/over"]
    assert rig.call("PUT", DECISION, key, json={"threshold": 2}).status_code == 422


def test_a_regressor_has_no_classes_to_decide_between(rig: Rig) -> None:
    key = rig.key()
    rig.live(key)
    assert rig.call("PUT", DECISION, key, json={"over": -1, "under": -4}).status_code == 200
    assert rig.call("PUT", DECISION, key, json={"threshold": 0.3}).status_code == 422


def test_a_metric_is_made_listed_and_removed(rig: Rig) -> None:
    key = rig.key()
    rig.live(key)
    made = rig.call("POST", METRICS, key, json=OWN)
    assert made.status_code == 201, made.text
    (listed,) = rig.call("GET", METRICS, rig.key("read")).json()["metrics"]
    assert listed == made.json()
    assert (listed["name"], listed["better"]) == ("regret", "lower")
    assert rig.call("POST", METRICS, key, json=OWN).status_code == 409
    assert rig.call("DELETE", f"{METRICS}/regret", key).json() == listed
    assert rig.call("DELETE", f"{METRICS}/regret", key).status_code == 404


def test_a_program_that_is_no_metric_is_refused(rig: Rig) -> None:
    key = rig.key()
    rig.live(key)
    answered = rig.call("POST", METRICS, key, json={**OWN, "code": "def metric(rows:"})
    assert answered.status_code == 422
    assert "SyntaxError" in answered.json()["detail"]
    assert rig.call("POST", METRICS, key, json={**OWN, "name": "No!"}).status_code == 422
    assert rig.call("GET", METRICS, key).json()["metrics"] == []


def test_code_needs_its_scope_and_declaring_that_of_deploying(rig: Rig) -> None:
    rig.live(rig.key())
    assert rig.call("POST", METRICS, rig.key("deploy"), json=OWN).status_code == 403
    assert rig.call("POST", METRICS, rig.key("model:upload-code"), json=OWN).status_code == 403
    assert rig.call("PUT", DECISION, rig.key("read"), json={}).status_code == 403
    for stranger in (
        rig.key("deploy", "model:upload-code", project="p2"),
        rig.key("deploy", "model:upload-code", deployments=("churn",)),
    ):
        assert rig.call("POST", METRICS, stranger, json=OWN).status_code == 404
        assert rig.call("PUT", DECISION, stranger, json={}).status_code == 404
