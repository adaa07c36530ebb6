"""Estimates and ground truth health on a running platform: before truths, with sound and with wrong ones."""

import json
import random
from collections.abc import Iterator
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from tests.http.platform.server import Server, eventually

PATH = "/v1/deployments/risk"


class Sent:
    """What was sent, and what was true."""

    def __init__(self, server: Server, count: int) -> None:
        draw = random.Random(7)
        self.server = server
        self.cities = [draw.choice("ABC") for _ in range(count)]
        x = [draw.gauss(0, 2) for _ in range(count)]
        rows = [{"x": one, "city": city} for one, city in zip(x, self.cities, strict=True)]
        answers: list[dict[str, Any]] = []
        for start in range(0, count, 500):
            status, answer = server.call("POST", f"{PATH}/predict", rows[start : start + 500])
            assert status == 200, answer
            answers += answer["predictions"]
        self.ids = [one["id"] for one in answers]
        self.labels = [one["output"]["label"] for one in answers]
        self.told: set[int] = set()
        self.truths = [int(one + draw.gauss(0, 1) > 0) for one in x]

    @property
    def accuracy(self) -> float:
        return float(np.mean(np.array(self.labels) == np.array(self.truths)))

    def tell(self, places: list[int], key: str | None = None, *, turned: bool = False) -> None:
        """Send the truths of some rows, perhaps turned round."""
        items = [
            {"prediction_id": self.ids[at], "target": 1 - self.truths[at] if turned else self.truths[at]}
            for at in places
        ]
        status, answer = self.server.call("POST", f"{PATH}/feedback", items, key)
        assert status == 200, answer
        self.told.update(places)

    def estimate(self) -> dict[str, Any]:
        """The estimate of the accuracy."""
        (window,) = asked(self.server, "performance", "risk")["windows"]
        (found,) = [one for one in window["metrics"] if one["name"] == "accuracy"]
        return {**found["estimate"], "labelled": window["labelled"]}


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sent]:
    """A classifier whose reference is cross-fitted; it was sent 1,200 rows."""
    server = Server(tmp_path_factory.mktemp("labels"))
    server.start()
    try:
        draw = np.random.default_rng(3)
        x = draw.normal(0, 2, 2000)
        truth = (x + draw.normal(0, 1, 2000) > 0).astype(int)
        joblib.dump(LogisticRegression().fit(x[:, None], truth), server.work / "model.joblib")
        lines = [f"{one},{'ABC'[at % 3]},{truth[at]}" for at, one in enumerate(x.tolist())]
        (server.work / "rows.csv").write_text("\n".join(["x,city,paid", *lines]) + "\n")
        flags = ("--data", "rows.csv", "--target", "paid", "--segment", "city", "--yes")
        done = server.run("deploy", "risk", "model.joblib", *flags)
        assert done.returncode == 0, done.stderr
        yield Sent(server, 1200)
    finally:
        server.stop()


def asked(server: Server, *words: str) -> Any:
    done = server.run(*words, "--json", "--quiet")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def until_counted(sent: Sent) -> dict[str, Any]:
    """The health of truths, once all that were sent are counted."""
    found: list[Any] = []

    def counted() -> bool:
        found[:] = [asked(sent.server, "label", "show", "risk")]
        return bool(found[0]["labelled"] == len(sent.told))

    eventually(counted, "all truths are counted")
    report: dict[str, Any] = found[0]
    return report


def test_the_accuracy_is_estimated_before_any_truth(sent: Sent) -> None:
    found: list[dict[str, Any]] = []

    def there() -> bool:
        (window,) = asked(sent.server, "performance", "risk")["windows"]
        found[:] = [one for one in window["metrics"] if one["name"] == "accuracy" and one.get("estimate")]
        return bool(found) and window["rows"] == 1200

    eventually(there, "the accuracy is estimated")
    estimate = found[0]["estimate"]
    assert found[0]["value"] is None
    assert estimate["trustworthy"]
    assert "CBPE on cross-fitted answers" in estimate["why"]
    assert estimate["low"] <= sent.accuracy <= estimate["high"]
    assert abs(estimate["value"] - sent.accuracy) < 0.04
    report = asked(sent.server, "label", "show", "risk")
    assert (report["state"], report["labelled"], report["rows"]) == ("no labels", 0, 1200)


def test_the_queue_lists_uncertain_rows_and_those_with_a_truth_leave_it(sent: Sent) -> None:
    queue = asked(sent.server, "label", "queue", "risk", "--limit", "60")
    named = [one["prediction_id"] for one in queue["labels"]]
    assert queue["unlabelled"] == 1200
    assert len(set(named)) == 60
    assert set(named) <= set(sent.ids)
    unsure = [max(one["output"]["probabilities"].values()) < 0.9 for one in queue["labels"]]
    assert np.mean(unsure) > 0.6
    assert queue["labels"][0]["group"].startswith("score in [")
    sent.tell([sent.ids.index(one) for one in named])
    until_counted(sent)
    left = asked(sent.server, "label", "queue", "risk", "--limit", "1000")
    assert left["unlabelled"] == 1140
    assert not {one["prediction_id"] for one in left["labels"]} & set(named)
    people = sent.server.run("label", "queue", "risk", "--limit", "3").stdout
    assert len(people.splitlines()) >= 4


def test_slices_and_answers_that_get_no_truths_are_named(sent: Sent) -> None:
    some = [at for at in range(600) if sent.cities[at] != "C" and sent.labels[at] == 1]
    sent.tell(some)
    report = until_counted(sent)
    assert report["state"] == "problem"
    kinds = {(one["kind"], one.get("about", "")) for one in report["findings"]}
    assert ("coverage", "city") in kinds
    assert ("one-sided", "0") in kinds
    assert (report["coverage"][0]["segment"]["value"], report["coverage"][0]["state"]) == ("C", "problem")
    assert report["median_delay"] < 600
    assert sent.estimate()["trustworthy"]
    people = sent.server.run("label", "show", "risk").stdout
    assert "PROBLEM" in people
    assert "answered with 0" in people


def test_a_sender_that_turns_truths_round_is_named_and_the_estimate_is_not_trustworthy(sent: Sent) -> None:
    status, key = sent.server.call("POST", "/v1/keys", {"name": "turned", "scopes": ["feedback"]})
    assert status == 201
    sent.tell(list(range(600, 800)))
    sent.tell(list(range(800, 1000)), key["key"], turned=True)

    def named() -> bool:
        report = asked(sent.server, "label", "show", "risk")
        senders = [one for one in report["findings"] if one["kind"] == "contradicting sender"]
        return [one["about"] for one in senders] == [key["id"]]

    eventually(named, "the sender is named")
    sent.tell(list(range(1000, 1200)), key["key"], turned=True)
    sent.tell(list(range(600)), key["key"], turned=True)
    eventually(lambda: sent.estimate()["labelled"] == 1200, "all truths are counted")
    estimate = sent.estimate()
    assert not estimate["trustworthy"]
    assert estimate["why"].startswith(
        "Not trustworthy here: truths of the newest rows are off from it by -0."
    )


def test_what_cannot_be_asked_for_is_refused(sent: Sent) -> None:
    call = sent.server.call
    assert call("GET", f"{PATH}/labels?version=9")[0] == 404
    assert call("GET", f"{PATH}/labels?from=yesterday")[0] == 422
    assert call("GET", f"{PATH}/labels/queue?limit=0")[0] == 422
    assert call("GET", "/v1/deployments/none/labels")[0] == 404
