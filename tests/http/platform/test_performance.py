"""Performance of a running platform: predictions, late and revised truths, segments, worth, own metrics."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, log_loss, roc_auc_score
from tests.http.platform.server import Server, eventually

PATH = "/v1/deployments/risk"
REGRET = """
def metric(rows):
    missed = (rows.truth == "1") & (rows.answer == "0")
    return missed * abs(rows.features["x"])
"""


class Sent:
    """What was sent and answered, and what was true.

    Attributes:
        server: that answered.
        ids: of the predictions.
        cities: of each row.
        answers: label and probability of class 1.
        truths: by id.
    """

    def __init__(self, server: Server, count: int) -> None:
        draw = random.Random(7)
        self.server = server
        self.cities = [draw.choice("ABC") for _ in range(count)]
        rows = [{"x": round(draw.gauss(0, 2), 3), "city": city} for city in self.cities]
        predicted: list[dict[str, Any]] = []
        for start in range(0, count, 500):
            status, answer = server.call("POST", f"{PATH}/predict", rows[start : start + 500])
            assert status == 200, answer
            predicted += answer["predictions"]
        self.ids = [one["id"] for one in predicted]
        self.answers: list[tuple[int, float]] = [
            (one["output"]["label"], one["output"]["probabilities"]["1"]) for one in predicted
        ]
        self.truths: dict[str, int] = {}
        self._draw = draw

    def tell(self, first: int, last: int, wrong: dict[str, float]) -> None:
        """Send the truth of some rows; a share of a city's answers turns out wrong."""
        told = {}
        for at in range(first, last):
            label = self.answers[at][0]
            told[self.ids[at]] = 1 - label if self._draw.random() < wrong[self.cities[at]] else label
        items = [{"prediction_id": one, "target": truth} for one, truth in told.items()]
        status, answer = self.server.call("POST", f"{PATH}/feedback", items)
        assert status == 200, answer
        self.truths |= told

    def labelled(self) -> list[tuple[int, int, float, str]]:
        """Truth, answer, probability and city of all rows whose truth is known."""
        return [
            (self.truths[one], label, score, city)
            for one, (label, score), city in zip(self.ids, self.answers, self.cities, strict=True)
            if one in self.truths
        ]


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sent]:
    """A classifier with a segment column that was sent 1,500 rows; every third answer to city C is wrong."""
    server = Server(tmp_path_factory.mktemp("performance"))
    server.start()
    try:
        deploy(server)
        made = Sent(server, 1500)
        made.tell(0, 900, {"A": 0.05, "B": 0.05, "C": 0.35})
        yield made
    finally:
        server.stop()


def deploy(server: Server) -> None:
    draw = np.random.default_rng(3)
    x = draw.normal(0, 2, 800)
    model = LogisticRegression().fit(x[:, None], (x + draw.normal(0, 1, 800) > 0).astype(int))
    joblib.dump(model, server.work / "model.joblib")
    lines = [f"{one:.3f},{'ABC'[at % 3]}" for at, one in enumerate(x)]
    (server.work / "rows.csv").write_text("\n".join(["x,city", *lines]) + "\n")
    flags = ("--data", "rows.csv", "--segment", "city", "--yes")
    done = server.run("deploy", "risk", "model.joblib", *flags)
    assert done.returncode == 0, done.stderr


def asked(sent: Sent, *words: str) -> Any:
    done = sent.server.run("performance", "risk", *words, "--json", "--quiet")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def values(window: dict[str, Any]) -> dict[tuple[str, str], Any]:
    return {(one["name"], one.get("of", "")): one for one in window["metrics"]}


def until_labelled(sent: Sent, rows: int) -> dict[str, Any]:
    """The window of the last day, once so many truths are counted."""
    found: list[Any] = []

    def counted() -> bool:
        found[:] = asked(sent)["windows"]
        return bool(found[0]["labelled"] == rows)

    eventually(counted, f"{rows} truths are counted")
    window: dict[str, Any] = found[0]
    return window


def compare(window: dict[str, Any], sent: Sent) -> None:
    """Check metrics against a recount by scikit-learn."""
    truths, answers, scores, _ = zip(*sent.labelled(), strict=True)
    found = values(window)
    expected = {
        ("accuracy", ""): accuracy_score(truths, answers),
        ("f1", ""): f1_score(truths, answers),
        ("f1", "macro"): f1_score(truths, answers, average="macro"),
        ("auc", ""): roc_auc_score(truths, scores),
        ("log_loss", ""): log_loss(truths, scores),
    }
    for name, value in expected.items():
        one = found[name]
        least, most = one.get("least", one["value"]), one.get("most", one["value"])
        assert least - 1e-9 <= value <= most + 1e-9, name
        assert most - least < 0.001, name
        assert one["low"] <= value <= one["high"], name
    confusion = Counter(zip(truths, answers, strict=True))
    counts = window["confusion"]["counts"]
    assert counts == [[confusion[truth, answer] for answer in (0, 1)] for truth in (0, 1)]


def test_metrics_are_those_of_the_rows_that_are_labelled_so_far(sent: Sent) -> None:
    window = until_labelled(sent, 900)
    assert (window["rows"], window["share"], window["state"]) == (1500, 0.6, "provisional")
    compare(window, sent)


def test_the_city_that_is_worse_is_named(sent: Sent) -> None:
    window = until_labelled(sent, 900)
    (weak,) = window["weak"]
    assert (weak["where"], weak["segment"]) == ("city = C", {"column": "city", "value": "C"})
    assert 0 < weak["low"] < weak["rest"] - weak["value"] < weak["high"]
    assert window["looked"] == 3
    parted = asked(sent, "--by", "segment:city")["windows"]
    assert [one["segment"]["value"] for one in parted] == ["A", "B", "C"]
    assert sum(one["labelled"] for one in parted) == 900
    for one in parted:
        rows = [row for row in sent.labelled() if row[3] == one["segment"]["value"]]
        right = sum(truth == answer for truth, answer, *_ in rows) / len(rows)
        assert values(one)["accuracy", ""]["value"] == pytest.approx(right)


def test_what_people_declare_and_write_is_told(sent: Sent) -> None:
    until_labelled(sent, 900)
    (sent.server.work / "regret.py").write_text(REGRET)
    made = sent.server.run("metric", "create", "risk", "regret", "regret.py", "--better", "lower")
    assert made.returncode == 0, made.stderr
    payoffs = ("--payoff", "1:0=-500", "--payoff", "0:1=-20", "--unit", "CHF")
    done = sent.server.run("decision", "set", "risk", "--threshold", "0.3", *payoffs)
    assert done.returncode == 0, done.stderr
    (window,) = asked(sent)["windows"]
    rows = sent.labelled()
    cells = Counter((truth, int(score >= 0.3)) for truth, _, score, _ in rows)
    decision = window["decision"]
    assert (decision["threshold"], decision["positive"], decision["unit"]) == (0.3, "1", "CHF")
    assert decision["confusion"]["counts"] == [[cells[0, 0], cells[0, 1]], [cells[1, 0], cells[1, 1]]]
    assert decision["total"] == -500 * cells[1, 0] - 20 * cells[0, 1]
    assert decision["low"] < decision["mean"] < decision["high"]
    assert decision["best_mean"] >= decision["mean"]
    regret = values(window)["regret", ""]
    assert (regret["rows"], regret["better"]) == (900, "lower")
    assert 0 < regret["low"] < regret["value"] < regret["high"]
    alone = asked(sent, "--metric", "regret", "--window", "1h")["windows"]
    assert all([one["name"] for one in each["metrics"]] == ["regret"] for each in alone)
    shown = sent.server.run("performance", "risk").stdout
    for words in ("accuracy", "regret", "threshold 0.3 of 1", "city = C", "CHF a row"):
        assert words in shown
    assert sent.server.run("metric", "delete", "risk", "regret", "--yes").returncode == 0
    assert sent.server.run("decision", "set", "risk").returncode == 0


def test_late_and_revised_truths_open_the_window_again(sent: Sent) -> None:
    sent.tell(900, 1500, {"A": 0.05, "B": 0.05, "C": 0.35})
    compare(until_labelled(sent, 1500), sent)
    sent.tell(0, 700, {"A": 0.5, "B": 0.0, "C": 0.0})

    def revised() -> bool:
        truths, answers, *_ = zip(*sent.labelled(), strict=True)
        (window,) = asked(sent)["windows"]
        found = values(window)["accuracy", ""]["value"]
        return bool(found == pytest.approx(accuracy_score(truths, answers)))

    eventually(revised, "revised truths count")
    (window,) = asked(sent)["windows"]
    assert window["labelled"] == 1500
    compare(window, sent)


def test_metrics_have_the_newest_day(sent: Sent) -> None:
    window = until_labelled(sent, 1500)
    lines = sent.server.call("GET", "/metrics")[1].splitlines()
    labels = '{project="default",deployment="risk",version="1"'
    assert f"konan_performance_labelled_rows{labels}}} 1500" in lines
    (shown,) = [line for line in lines if line.startswith(f'konan_performance{labels},metric="accuracy"')]
    assert float(shown.rpartition(" ")[2]) == pytest.approx(values(window)["accuracy", ""]["value"])


def test_what_cannot_be_meant_is_refused(sent: Sent) -> None:
    for query in ("metric=nothing", "by=segment:x", "window=3", "slices=maybe"):
        assert sent.server.call("GET", f"{PATH}/performance?{query}")[0] == 422, query
    assert sent.server.call("GET", f"{PATH}/performance?version=9")[0] == 404
    assert sent.server.call("GET", "/v1/deployments/none/performance")[0] == 404
    assert sent.server.call("GET", f"{PATH}/performance", key="")[0] == 401
