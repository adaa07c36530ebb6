"""The main job on real data, told step by step: train, deploy, call, err, the log, drift, and performance.

Every step does the real thing through the public ways in: the command line, the SDK and HTTP. A step that
does not give what it should ends the story with an error.
"""

import csv
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import msgspec

from konan import clock
from konan.client import Client, Version
from konan.demo import drifting, performing
from konan.demo.drifting import Drifted
from konan.demo.performing import Performed
from konan.demo.server import Server
from konan.demo.telling import Teller
from konan.demo.trained import Trained
from konan.errors import GateFailed, KonanError, MissingExtra
from konan.journal import reader

NAME = "bikes"
SHOWN_ROWS = 5
_NEEDED = ("sklearn", "pandas", "joblib")
_NUMBERS = frozenset({"hour", "temperature", "feels_like", "humidity", "windspeed"})
_TRUTHS = {"True": True, "False": False}


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What happened, for programs.

    Attributes:
        url: the server's address.
        deployment: name of the deployment.
        version: number of the version that was made.
        golden: whether the version reproduced the outputs that the training saw.
        sandbox: level at which the model was locked in.
        prediction_id: id of the first prediction.
        value: its value, rentals in that hour.
        faults: pointers that the refusal of the wrong request named.
        predictions: how many rows were answered.
        journal: directory of the log.
        logged: how many of those rows were read back from the log; null when the log is on another machine.
        openapi: address of the typed description.
        seconds: how long it all took.
        drift: what was said of a year and a summer of rows.
        performance: what was said of the answers to them, when the truth came.
        report: file with all that is known of the deployment.
        kept: whether the server still runs.
    """

    url: str
    deployment: str
    version: int
    golden: str
    sandbox: str
    prediction_id: str
    value: float
    faults: tuple[str, ...]
    predictions: int
    journal: str
    logged: int | None
    openapi: str
    drift: Drifted
    performance: Performed
    report: str
    seconds: float
    kept: bool


@dataclass(frozen=True, slots=True)
class Called:
    """What calling the deployment gave.

    Attributes:
        ids: of all predictions.
        value: of the first.
        faults: pointers of the refusal.
    """

    ids: tuple[str, ...]
    value: float
    faults: tuple[str, ...]


def require() -> None:
    """Check that what the training takes is installed.

    Raises:
        MissingExtra: it is not.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise MissingExtra(
            f"The demonstration trains with {missing[0]}, which is not installed.",
            hint="pip install 'konan-mlops[server,demo]'",
        )


def tell(teller: Teller, server: Server, folder: Path, *, keep: bool) -> Summary:
    """Tell the whole story.

    Args:
        teller: where.
        server: to deploy on; it runs.
        folder: for the files of the training.
        keep: whether the server is left running afterwards.

    Raises:
        KonanError: a step did not give what it should.
    """
    started = clock.monotonic()
    _train(teller, folder)
    with Client(server.url, server.key) as client:
        made = _deploy(teller, client, folder)
        key = client.create_key("demo", ["predict"], [NAME], 1).key
        called = _call(teller, server.url, key, folder / "summer.csv")
        logged = _log(teller, server.journal, called)
        drifted, sent = drifting.drift(teller, client, NAME, made.version, _sent(folder))
        performed = performing.perform(teller, client, NAME, sent, folder)
        report = _report(teller, client, server.folder / f"{NAME}-report.html")
    openapi = f"{server.url}/v1/deployments/{NAME}/openapi.json"
    teller.line(f"The API is described, typed for this model, at {openapi}")
    certificate = made.certificate
    return Summary(
        url=server.url,
        deployment=NAME,
        version=made.version,
        golden=certificate.golden if certificate else "",
        sandbox=str(certificate.sandbox.get("level", "")) if certificate else "",
        prediction_id=called.ids[0],
        value=called.value,
        faults=called.faults,
        predictions=len(called.ids),
        journal=str(server.journal),
        logged=logged,
        openapi=openapi,
        drift=drifted,
        performance=performed,
        report=str(report),
        seconds=round(clock.monotonic() - started, 1),
        kept=keep,
    )


def _train(teller: Teller, folder: Path) -> None:
    teller.heading("Train a model on a year of bicycle rentals")
    # One thread: threads that wait for each other are slower than one on a machine that is busy.
    with teller.waiting("Training"):
        done = subprocess.run(
            ["env", "OMP_NUM_THREADS=1", sys.executable, "-m", "konan.demo.train", str(folder)],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        error = KonanError("The training failed.")
        error.add_note(done.stderr.strip())
        raise error
    trained = msgspec.json.decode(done.stdout, type=Trained)
    teller.line(f"{trained.rows:,} hours of 2011 are fitted in {trained.seconds} s.")
    teller.line(
        f"On {trained.holdout_rows:,} hours of 2012 it errs by {trained.error} of {trained.usual} rentals: "
        "more people rent bicycles then. Watching that is what Konan is for."
    )


def _deploy(teller: Teller, client: Client, folder: Path) -> Version:
    teller.heading("Deploy it")
    command = "konan deploy bikes model.joblib --data train.csv --target count --holdout holdout.csv"
    teller.line(f"$ {command} --expected expected.jsonl --segment month")
    with teller.waiting("Packing") as say:
        made = client.deploy(
            NAME,
            folder / "model.joblib",
            data=folder / "train.csv",
            target="count",
            holdout=folder / "holdout.csv",
            expected=folder / "expected.jsonl",
            segments=["month"],
            progress=lambda version: say(f"Version {version.version}: {version.step or version.state}"),
        )
    certificate = made.certificate
    if made.state != "live" or certificate is None:
        raise GateFailed(f"Version {made.version} is {made.state}, not live.")
    teller.line(f"Version {made.version} is live, in an environment and a sandbox of its own.")
    teller.line(
        f"Its certificate: {certificate.golden_rows} rows {certificate.golden} "
        f"(largest difference {certificate.largest_difference:g}), sandbox {certificate.sandbox['level']}, "
        f"{certificate.latency_one_ms:.1f} ms a row."
    )
    return made


def _call(teller: Teller, url: str, key: str, hours: Path) -> Called:
    teller.heading("Call its API with a key that may only predict")
    path = f"{url}/v1/deployments/{NAME}/predict"
    with hours.open(newline="", encoding="utf-8") as file:
        rows = [
            (_features(row), float(row["count"])) for row in islice(csv.DictReader(file), 8, 8 + SHOWN_ROWS)
        ]
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(headers=headers, trust_env=False, timeout=60) as http:
        teller.line(_curl(path, rows[0][0]))
        one = _expect(http.post(path, json=rows[0][0]), 200)
        teller.line(msgspec.json.encode(one).decode())
        many = _expect(http.post(path, json=[features for features, _ in rows]), 200)
        for (features, truth), answer in zip(rows, many["predictions"], strict=True):
            value = answer["output"]["value"]
            teller.line(f"  {features['hour']:2}:00  predicted {value:6.1f}   true {truth:4.0f}")
        teller.heading("Send a wrong request")
        faults = _wrong(teller, http, path, rows[0][0])
        _expect(httpx.post(path, json=rows[0][0], trust_env=False, timeout=60), 401)
        teller.line("Without a key the answer is 401.")
    ids = (one["id"], *(answer["id"] for answer in many["predictions"]))
    return Called(ids, one["output"]["value"], faults)


def _wrong(teller: Teller, http: httpx.Client, path: str, right: dict[str, Any]) -> tuple[str, ...]:
    wrong = {**right, "hour": "eight", "colour": "red"}
    del wrong["humidity"]
    teller.line(_curl(path, wrong))
    problem = _expect(http.post(path, json=wrong), 422)
    teller.line(f"422 {problem['code']}: {problem['detail']}")
    for fault in problem["faults"]:
        teller.line(f"  {fault['pointer']}  {fault['message']}")
    pointers = tuple(fault["pointer"] for fault in problem["faults"])
    if not {"/hour", "/colour", "/humidity"} <= set(pointers):
        raise KonanError(f"The refusal names only {', '.join(pointers) or 'nothing'}.")
    return pointers


def _log(teller: Teller, journal: Path | None, called: Called) -> int | None:
    teller.heading("Look at the log")
    if journal is None:
        teller.line("The server keeps its log on another machine.")
        return None
    logged = {
        identifier
        for directory in sorted(journal.iterdir())
        for _, entry in reader.read(directory)
        for identifier in entry.ids
    }
    found = sum(identifier in logged for identifier in called.ids)
    if found != len(called.ids):
        raise KonanError(f"Only {found} of {len(called.ids)} answered rows are in the log.")
    teller.line(f"All {found} answered rows were on disk before they were answered: {journal}")
    return found


def _report(teller: Teller, client: Client, file: Path) -> Path:
    teller.heading("Write it all to one file")
    teller.line(f"$ konan report {NAME} --output {file}")
    with teller.waiting("Writing"):
        page = client.report(NAME)
    file.write_bytes(page)
    teller.line(f"{len(page) / 1000:.0f} kB, with its charts inside: open it in any browser.")
    return file


def _sent(folder: Path) -> Callable[[str], Iterator[dict[str, Any]]]:
    """Reads the rows of a file as they are sent."""

    def rows(file: str) -> Iterator[dict[str, Any]]:
        with (folder / file).open(newline="", encoding="utf-8") as lines:
            yield from map(_features, csv.DictReader(lines))

    return rows


def _features(row: dict[str, str]) -> dict[str, Any]:
    return {name: _typed(name, text) for name, text in row.items() if name != "count"}


def _typed(name: str, text: str) -> Any:
    if not text:
        return None
    if name in _NUMBERS:
        return float(text) if "." in text else int(text)
    return _TRUTHS.get(text, text)


def _curl(path: str, content: dict[str, Any]) -> str:
    body = shlex.quote(msgspec.json.encode(content).decode())
    return f'$ curl {path} -H "Authorization: Bearer $KEY" --json {body}'


def _expect(answer: httpx.Response, status: int) -> Any:
    if answer.status_code != status:
        raise KonanError(f"The server answered {answer.status_code} where {status} was due: {answer.text}")
    return answer.json()
