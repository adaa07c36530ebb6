"""The prediction log over HTTP: lists, filters, pages, one prediction, files, and whose it is."""

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest
from tests.http.control.rig import Rig
from tests.unit.predictions.logs import entry, write

from konan import clock
from konan.journal.entry import Entry

PATH = "/v1/deployments/bikes/predictions"


def answered(rig: Rig, uuid: str, *xs: float, **others: Any) -> list[Entry]:
    """Requests of one row each that were answered."""
    entries = [
        entry(
            1,
            deployment=uuid,
            body=json.dumps({"x": x}).encode(),
            outputs=[json.dumps({"value": 2 * x}).encode()],
            **others,
        )
        for x in xs
    ]
    write(rig.paths.journal, entries)
    return entries


def listed(rig: Rig, key: str, **params: Any) -> list[float]:
    answer = rig.call("GET", PATH, key, params=params)
    assert answer.status_code == 200, answer.text
    return [one["features"]["x"] for one in answer.json()["predictions"]]


@pytest.mark.parametrize("flushed", [False, True])
def test_predictions_are_listed_newest_first_in_pages(rig: Rig, flushed: bool) -> None:
    key = rig.key()
    entries = answered(rig, rig.live(key).uuid, *map(float, range(10)))
    if flushed:
        rig.services.predictions.flusher.flush()
    first = rig.call("GET", PATH, key, params={"limit": 4}).json()
    newest = first["predictions"][0]
    assert newest == {
        "id": entries[-1].ids[0],
        "version": 1,
        "at": newest["at"],
        "features": {"x": 9.0},
        "output": {"value": 18.0},
        "ground_truth": None,
        "role": "live",
        "mirrors": None,
        "declared": {},
        "status": 200,
        "latency_us": 101,
        "key_id": "k",
        "request_id": entries[-1].request_id,
    }
    second = rig.call("GET", PATH, key, params={"limit": 9, "cursor": first["next"]}).json()
    assert [one["features"]["x"] for one in second["predictions"]] == [5, 4, 3, 2, 1, 0]
    assert second["next"] is None


@pytest.mark.parametrize("flushed", [False, True])
def test_predictions_are_filtered(rig: Rig, flushed: bool) -> None:
    key = rig.key()
    uuid = rig.live(key).uuid
    early = answered(rig, uuid, 1.0, 2.0)[-1].at_ns
    late = early + 10_000_000  # the clock of a machine may be set back between two of its readings
    between = clock.rfc3339(datetime.fromtimestamp((early + 5_000_000) / 1e9, UTC))
    answered(rig, uuid, 3.0, latency_us=9_000, at_ns=late)
    answered(rig, uuid, 4.0, role="challenger", mirrors=["m"], at_ns=late)
    if flushed:
        rig.services.predictions.flusher.flush()
    assert listed(rig, key) == [3, 2, 1]
    assert listed(rig, key, role="challenger") == [4]
    assert listed(rig, key, role="all") == [4, 3, 2, 1]
    assert listed(rig, key, version=2) == []
    assert listed(rig, key, status=200) == [3, 2, 1]
    assert listed(rig, key, to=between) == [2, 1]
    assert listed(rig, key, **{"from": between}) == [3]
    assert listed(rig, key, latency_from=5_000) == [3]
    assert listed(rig, key, latency_to=5_000) == [2, 1]
    assert listed(rig, key, where='{"x": [2, null]}') == [3, 2]
    assert listed(rig, key, where='{"x": 2}') == [2]
    assert listed(rig, key, where='{"x": "2"}') == []
    assert listed(rig, key, ground_truth=True) == []
    assert listed(rig, key, ground_truth=False) == [3, 2, 1]
    assert listed(rig, key, label="yes") == []


@pytest.mark.parametrize(
    "params",
    [
        {"from": "yesterday"},
        {"where": "x>2"},
        {"where": '{"x": [1]}'},
        {"where": '{"x": {"a": 1}}'},
        {"where": '{"nothing": 1}'},
        {"role": "owner"},
        {"version": "0"},
        {"latency_from": "-1"},
        {"cursor": "%%%"},
        {"sort": "x"},
        {"limit": "1001"},
    ],
)
def test_what_cannot_be_asked_is_refused(rig: Rig, params: dict[str, str]) -> None:
    key = rig.key()
    answered(rig, rig.live(key).uuid, 1.0)
    answer = rig.call("GET", PATH, key, params=params)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


@pytest.mark.parametrize("flushed", [False, True])
def test_one_prediction_is_found_by_its_id(rig: Rig, flushed: bool) -> None:
    key = rig.key()
    entries = answered(rig, rig.live(key).uuid, 1.0, 2.0, 3.0)
    if flushed:
        rig.services.predictions.flusher.flush()
    found = rig.call("GET", f"{PATH}/{entries[1].ids[0]}", key)
    assert (found.status_code, found.json()["features"]) == (200, {"x": 2.0})
    for wrong in ("01890000-0000-7000-8000-00000000000a", "x", "%27", "1" * 40, "zz890000-0000-7000"):
        assert rig.call("GET", f"{PATH}/{wrong}", key).status_code == 404


def test_everything_can_be_downloaded(rig: Rig) -> None:
    key = rig.key()
    answered(rig, rig.live(key).uuid, 1.0, 2.0, 3.0)
    jsonl = rig.call("GET", f"{PATH}/export", key)
    assert jsonl.headers["Content-Type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in jsonl.text.splitlines()]
    assert lines == rig.call("GET", PATH, key).json()["predictions"][::-1]
    rows = list(csv.DictReader(io.StringIO(export(rig, key, "csv").text)))
    assert [(row["x"], row["value"], row["ground_truth"]) for row in rows] == [
        ("1", "2", ""),
        ("2", "4", ""),
        ("3", "6", ""),
    ]
    table = pq.read_table(io.BytesIO(export(rig, key, "parquet", where='{"x": [2, null]}').content))
    assert table["x"].to_pylist() == [2.0, 3.0]
    assert export(rig, key, "csv", where='{"nothing": 1}').status_code == 422


def export(rig: Rig, key: str, form: str, **params: str) -> httpx.Response:
    return rig.call("GET", f"{PATH}/export", key, params={"format": form, **params})


def test_a_deployment_without_predictions_has_an_empty_list(rig: Rig) -> None:
    key = rig.key()
    rig.live(key)
    assert rig.call("GET", PATH, key).json() == {"predictions": [], "next": None}
    types = {
        "jsonl": "application/x-ndjson",
        "csv": "text/csv; charset=utf-8",
        "parquet": "application/vnd.apache.parquet",
    }
    for form, media_type in types.items():
        answer = export(rig, key, form)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, media_type)


def test_nobody_reads_another_projects_predictions(rig: Rig) -> None:
    key = rig.key()
    entries = answered(rig, rig.live(key).uuid, 1.0)
    paths = (PATH, f"{PATH}/{entries[0].ids[0]}", f"{PATH}/export")
    strangers = [rig.key(project="p2"), rig.key("read", deployments=("cars",))]
    for path in paths:
        assert [rig.call("GET", path, stranger).status_code for stranger in strangers] == [404, 404]
        assert rig.call("GET", path, rig.key("predict", "feedback", "deploy")).status_code == 403
        assert rig.call("GET", path).status_code == 401


def test_a_prediction_of_another_deployment_is_not_found(rig: Rig) -> None:
    key = rig.key()
    entries = answered(rig, rig.live(key).uuid, 1.0)
    rig.live(key, "cars")
    path = f"/v1/deployments/cars/predictions/{entries[0].ids[0]}"
    assert rig.call("GET", path, key).status_code == 404
