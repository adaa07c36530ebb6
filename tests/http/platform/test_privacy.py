"""Private columns on the whole platform: what was sent in them is nowhere in the data directory."""

import http.client
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.http.platform.server import Server, eventually

MODEL = """
class Model:
    def predict(self, rows):
        for row in rows:
            if row["age"] == 13:
                raise ValueError("cannot serve " + row["name"])
        return [{"twice": 2 * row["income"]} for row in rows]
"""
TRAINED = ("Trainedname", "Trainedtown", 777777.125)
NAME, TOWN, INCOME, CUSTOMER, PERSON = (
    "Secretname",
    "Secrettown",
    424242.625,
    "Secretorder-17",
    "Secretperson",
)
HIDDEN = [text.encode() for text in (*map(str, TRAINED), NAME, TOWN, str(INCOME), CUSTOMER, PERSON)]
PATH = "/v1/deployments/people"
ROW = {"age": 41, "income": INCOME, "name": NAME, "town": TOWN, "customer": CUSTOMER, "person": PERSON}


def deploy(server: Server, *flags: str) -> tuple[int, str]:
    (server.work / "model.py").write_text(MODEL)
    name, town, income = TRAINED
    rows = [f"{20 + n},{income},{name},{town},{customer},x" for n, customer in enumerate("abc")]
    (server.work / "rows.csv").write_text("\n".join(["age,income,name,town,customer,person", *rows, ""]))
    columns = ("--key", "customer", "--subject", "person")
    done = server.run("deploy", "people", "model.py", "--data", "rows.csv", *columns, *flags, "--yes")
    return done.returncode, done.stderr


def send(server: Server, body: bytes, **headers: str) -> tuple[int, dict[str, Any], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    known = {"Authorization": f"Bearer {server.profile['key']}", "Content-Type": "application/json"}
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request("POST", f"{PATH}/predict", body, {**known, **more})
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    return answer.status, dict(answer.getheaders()), content


def found_in(data: Path) -> list[tuple[str, bytes]]:
    """The files that hold something that is nobody's business."""
    found = []
    for path in sorted(data.rglob("*")):
        if path.is_file() and "environments" not in path.parts:
            content = path.read_bytes()
            found += [(str(path.relative_to(data)), text) for text in HIDDEN if text in content]
    return found


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a deployment that hides some of its columns in each way."""
    made = Server(tmp_path_factory.mktemp("private"))
    made.configure(flush_rows=4, flush_seconds=1)
    made.start()
    flags = ("--mask", "name", "--drop", "town", "--hash", "income", "--hash", "customer", "--hash", "person")
    try:
        code, said = deploy(made, *flags)
        assert code == 0, said
        yield made
    finally:
        made.stop()


def listed(server: Server) -> list[dict[str, Any]]:
    status, page = server.call("GET", f"{PATH}/predictions?limit=1000")
    assert status == 200, page
    found: list[dict[str, Any]] = page["predictions"]
    return found


def test_the_model_has_the_value_and_the_log_has_not(people: Server) -> None:
    status, _, content = send(people, json.dumps(ROW).encode())
    answer = json.loads(content)
    assert (status, answer["output"]) == (200, {"twice": 2 * INCOME})
    shown = people.call("GET", f"{PATH}/predictions/{answer['id']}")[1]
    assert shown["features"].keys() == {"age", "income", "name"}
    assert (shown["features"]["age"], shown["features"]["name"]) == (41, "***")
    assert shown["features"]["income"].startswith("hmac:")
    assert shown["declared"]["customer"].startswith("hmac:")
    assert shown["declared"]["person"] != shown["declared"]["customer"]


def test_a_hashed_value_is_found_by_itself_and_by_its_hash(people: Server) -> None:
    status, _, content = send(people, json.dumps({**ROW, "customer": "Secretorder-17b"}).encode())
    assert status == 200
    wanted = json.loads(content)["id"]
    found = people.run("prediction", "list", "people", "--where", "customer=Secretorder-17b", "--json")
    assert [one["id"] for one in json.loads(found.stdout)["predictions"]] == [wanted], found.stderr
    stored = json.loads(found.stdout)["predictions"][0]["declared"]["customer"]
    again = people.run("prediction", "list", "people", "--where", f"customer={stored}", "--json")
    assert [one["id"] for one in json.loads(again.stdout)["predictions"]] == [wanted], again.stderr


def test_truth_finds_its_prediction_by_the_hashed_key(people: Server) -> None:
    early = {"key": "Secretorder-99", "target": {"twice": 1}}
    status, answer = people.call("POST", f"{PATH}/feedback", early)
    assert (status, answer["results"][0]["status"]) == (200, "parked")
    sent = json.dumps([{**ROW, "customer": "Secretorder-18"}, {**ROW, "customer": "Secretorder-99"}]).encode()
    status, _, content = send(people, sent)
    first, second = (one["id"] for one in json.loads(content)["predictions"])
    truth = {"key": "Secretorder-18", "target": {"twice": 5}}
    status, answer = people.call("POST", f"{PATH}/feedback", truth)
    assert answer["results"][0]["prediction_id"] == first

    def known(prediction: str) -> Any:
        return people.call("GET", f"{PATH}/predictions/{prediction}")[1]["ground_truth"]

    assert known(first) == {"twice": 5}
    eventually(lambda: known(second) == {"twice": 1}, "the early truth found its prediction")


def test_a_retry_gets_the_same_answer_and_a_guess_is_refused(people: Server) -> None:
    body = json.dumps(ROW).encode()
    first = send(people, body, Idempotency_Key="once")
    again = send(people, body, Idempotency_Key="once")
    assert (again[0], again[1].get("Idempotent-Replayed"), again[2]) == (200, "true", first[2])
    assert send(people, body + b" ", Idempotency_Key="once")[0] == 422


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({**ROW, "age": "old"}).encode(),
        json.dumps({**ROW, "name": 5, NAME: TOWN}).encode(),
        json.dumps({**ROW, "age": {"name": NAME}}).encode(),
        json.dumps(ROW).encode()[:-1],
        json.dumps(NAME).encode(),
        b"\xff" + NAME.encode(),
        json.dumps({**ROW, "age": 13}).encode(),
    ],
)
def test_what_is_refused_is_answered_for_the_caller_alone(people: Server, body: bytes) -> None:
    assert send(people, body)[0] in {400, 422, 502}


def test_what_reached_no_version_is_kept_by_its_size_alone(people: Server) -> None:
    assert people.call("POST", f"{PATH}/predict?version=99", ROW)[0] == 404


def test_it_is_nowhere_on_disk_before_and_after_everything_was_killed(people: Server) -> None:
    pids = people.pids()
    for name in ("control", "gateway-0"):
        os.kill(pids[name], signal.SIGKILL)
    eventually(lambda: send(people, json.dumps(ROW).encode())[0] == 200, "it serves again")
    eventually(lambda: people.call("GET", f"{PATH}/predictions")[0] == 200, "control is back")
    people.pids()
    shown = listed(people)
    assert len({one["declared"]["customer"] for one in shown}) == 4
    assert {one["features"]["name"] for one in shown} == {"***"}
    assert all("town" not in one["features"] for one in shown)
    eventually(lambda: not found_in(people.data), f"gone: {found_in(people.data)}")
    exported = people.run("prediction", "export", "people", "log.csv")
    assert exported.returncode == 0
    written = (people.work / "log.csv").read_bytes()
    assert b"hmac:" in written
    assert not [text for text in HIDDEN if text in written]
    asked = people.run("sql", 'SELECT count(DISTINCT customer), max(name) FROM "people"', "--json")
    assert json.loads(asked.stdout)["rows"] == [[4, "***"]], asked.stderr
    rejected = people.run("sql", 'SELECT body, body_bytes FROM "people rejected"', "--json").stdout
    kept = {(body, size > 0) for body, size in json.loads(rejected)["rows"]}
    bodies = {body for body, _ in kept}
    assert kept == {(body, True) for body in bodies}
    assert "" in bodies  # what was no JSON, or reached no version
    assert any(body.startswith('{"age":"old","income":"hmac:') for body in bodies)
    assert not [text for text in HIDDEN if text.decode() in rejected]


def test_the_contract_says_what_is_kept(people: Server) -> None:
    document = people.call("GET", f"{PATH}/openapi.json")[1]
    row = document["components"]["schemas"]["Row"]["properties"]
    assert {name: one.get("x-konan-privacy") for name, one in row.items()} == {
        "age": None,
        "income": "hash",
        "name": "mask",
        "town": "drop",
        "customer": "hash",
        "person": "hash",
    }
    assert not [text for text in HIDDEN if text in json.dumps(document).encode()]
    said = people.run("version", "show", "people", "1").stdout
    assert "town: string, null allowed, not in the log" in said
    version = people.call("GET", f"{PATH}/versions/1")[1]
    assert [file["kept"] for file in version["datasets"]] == [False]


def test_a_later_version_hides_the_same_until_it_says_otherwise(people: Server) -> None:
    code, said = deploy(people, "--keep", "town")
    assert code == 0, said
    version = people.call("GET", f"{PATH}/versions/2")[1]
    assert version["privacy"] == {
        "name": "mask",
        "town": "keep",
        "income": "hash",
        "customer": "hash",
        "person": "hash",
    }
    row = {**ROW, "town": "Bern"}
    answer = json.loads(send(people, json.dumps(row).encode())[2])
    assert answer["version"] == 2
    shown = people.call("GET", f"{PATH}/predictions/{answer['id']}")[1]
    assert (shown["features"]["town"], shown["features"]["name"]) == ("Bern", "***")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--mask", "customer"), "is the key"),
        (("--drop", "person"), "is the subject"),
        (("--mask", "age", "--drop", "age"), "cannot be both"),
        (("--mask", "Age"), "neither an input"),
        (("--keep", "age"), "nothing to lift"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(
    people: Server, flags: tuple[str, ...], words: str
) -> None:
    code, said = deploy(people, *flags)
    assert code != 0
    assert words in said


def test_rows_of_versions_that_failed_are_not_kept_either(people: Server) -> None:
    shown_again = str(TRAINED[1]).encode()  # by the version that keeps it
    eventually(lambda: {text for _, text in found_in(people.data)} == {shown_again}, "the rows are gone")


def test_the_secret_is_the_owners_alone(people: Server) -> None:
    path = people.data / "secret"
    assert (path.stat().st_mode & 0o777, len(path.read_bytes())) == (0o600, 32)
    secret = path.read_bytes()
    for log in (people.data / "logs").iterdir():
        content = log.read_bytes()
        assert secret.hex().encode() not in content
        assert secret not in content
