"""``konan feedback``: files of every form, columns of any name, and what is said of each row."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.unit.cli.conftest import Konan, Script

from konan.cli.commands import feedback
from konan.client import Client
from konan.errors import Unreachable
from konan.records.predictions import FeedbackResult

ROWS = [
    {"prediction_id": "p1", "target": "yes", "observed_at": "2026-11-23T12:00:00Z"},
    {"prediction_id": "p2", "target": "no", "observed_at": None},
]
SENT = [ROWS[0], {"prediction_id": "p2", "target": "no"}]


@pytest.fixture
def at(server: Script, monkeypatch: pytest.MonkeyPatch) -> Script:
    monkeypatch.setenv("KONAN_URL", server.url)
    monkeypatch.setenv("KONAN_API_KEY", "kn_key")
    return server


def results(*statuses: str | int, **others: Any) -> dict[str, Any]:
    return {"results": [{"prediction_id": "p", "status": status, **others} for status in statuses]}


def written(path: Path) -> Path:
    if path.suffix == ".csv":
        path.write_text("prediction_id,target,observed_at\np1,yes,2026-11-23T12:00:00Z\np2,no,\n")
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    else:
        pq.write_table(pa.Table.from_pylist(ROWS), path)
    return path


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_the_truths_in_a_file_are_sent(at: Script, konan: Konan, tmp_path: Path, suffix: str) -> None:
    at.answer(results("accepted", "revised"))
    done = konan("feedback", "bikes", written(tmp_path / f"truth.{suffix}"), "--json")
    assert (done.code, done.err) == (0, "")
    assert (at.asked[0].target, at.asked[0].json) == ("/v1/deployments/bikes/feedback", SENT)
    assert done.json == {
        "deployment": "bikes",
        "rows": 2,
        "left_out": 0,
        "accepted": 1,
        "revised": 1,
        "duplicate": 0,
        "parked": 0,
        "refused": 0,
        "refusals": [],
    }


def test_columns_may_have_other_names_and_more_may_be_there(at: Script, konan: Konan, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("order,rented,colour\n17,3,red\n18,,blue\n19,5,red\n")
    at.answer(results("parked", "accepted"))
    done = konan("feedback", "bikes", path, "--key", "order", "--target", "rented")
    assert done.code == 0
    assert at.asked[0].json == [{"key": "17", "target": "3"}, {"key": "19", "target": "5"}]
    assert [line.split() for line in done.out.splitlines()] == [
        ["status", "rows"],
        ["accepted", "1"],
        ["revised", "0"],
        ["duplicate", "0"],
        ["parked", "1"],
        ["refused", "0"],
        ["left", "out", "1"],
    ]


def test_rows_that_are_refused_are_named(at: Script, konan: Konan, tmp_path: Path) -> None:
    path = tmp_path / "truth.csv"
    path.write_text("prediction_id,target\np1,\np2,3\np3,4\n")
    at.answer(
        {"results": [{"prediction_id": "p2", "status": "accepted"}, results(404, detail="No.")["results"][0]]}
    )
    done = konan("feedback", "bikes", path)
    assert (done.code, done.err) == (0, "row 3: 404: No.\n")


@pytest.mark.parametrize(("statuses", "code"), [((404, 422), 1), ((404, "duplicate"), 0)])
def test_it_fails_when_all_are_refused(
    at: Script, konan: Konan, tmp_path: Path, statuses: tuple[str | int, ...], code: int
) -> None:
    at.answer(results(*statuses, detail="No."))
    assert konan("feedback", "bikes", written(tmp_path / "truth.csv")).code == code


@pytest.mark.parametrize("words", [["--target", "truth"], ["--key", "order"], ["--id", "id"]])
def test_a_column_that_is_not_there_is_named(
    at: Script, konan: Konan, tmp_path: Path, words: list[str]
) -> None:
    done = konan("feedback", "bikes", written(tmp_path / "truth.csv"), *words, "--json")
    assert (done.code, done.json["error"]["code"]) == (2, "data_invalid")
    assert words[1] in done.json["error"]["message"]
    assert words[0] in done.json["error"]["hint"]
    assert not at.asked


def test_a_file_without_rows_sends_nothing(at: Script, konan: Konan, tmp_path: Path) -> None:
    path = tmp_path / "truth.csv"
    path.write_text("prediction_id,target\n")
    assert konan("feedback", "bikes", path).code == 0
    assert not at.asked


def test_rows_are_sent_in_the_order_of_ids_and_told_by_their_place(
    at: Script, konan: Konan, tmp_path: Path
) -> None:
    path = tmp_path / "truth.csv"
    path.write_text("prediction_id,target\np2,1\np1,2\np2,3\n\np3,4\n")
    at.answer(results(404, "accepted", "revised", 404, detail="There is no such prediction."))
    done = konan("feedback", "bikes", path, "--json")
    assert [(item["prediction_id"], item["target"]) for item in at.asked[0].json] == [
        ("p1", "2"),
        ("p2", "1"),
        ("p2", "3"),
        ("p3", "4"),
    ]
    assert [refusal["row"] for refusal in done.json["refusals"]] == [2, 4]


def test_what_was_taken_is_told_when_the_server_refuses_a_later_part(
    at: Script, konan: Konan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feedback, "PART", 1)
    at.answer(results("accepted"))
    at.answer({"code": "forbidden", "title": "Not allowed"}, 403)
    done = konan("feedback", "bikes", written(tmp_path / "truth.csv"))
    assert done.code != 0
    assert "Rows taken so far: 1. Send the file again" in done.err


def test_a_server_that_went_away_is_waited_for(
    at: Script, konan: Konan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feedback, "PART", 1)
    monkeypatch.setattr(feedback, "PAUSES", (0.0,))
    tries = list[int]()
    send = Client.feedback

    def unsteady(client: Client, name: str, items: Any) -> list[FeedbackResult]:
        tries.append(len(items))
        if len(tries) == 2:
            raise Unreachable("Nobody answers.")
        return send(client, name, items)

    monkeypatch.setattr(Client, "feedback", unsteady)
    at.answer(results("accepted"))
    at.answer(results("duplicate"))
    done = konan("feedback", "bikes", written(tmp_path / "truth.csv"), "--json")
    assert (done.code, len(tries)) == (0, 3)
    assert (done.json["accepted"], done.json["duplicate"]) == (1, 1)
