"""Every call of the API, written once, as steps that a blocking or an asynchronous sender can walk.

A step is a request to send or a pause to make; the sender hands back what came of it. So retries, paging
and waiting for a version are the same code for `konan.client.Client` and `konan.client.AsyncClient`.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypedDict, TypeVar
from urllib.parse import quote

import msgspec

from konan.client.answers import Response, decode, error_of, shifted
from konan.client.rows import Chunk, each_row, encode_row, plain
from konan.errors import GateFailed, Invalid, KonanError
from konan.records.access import Key
from konan.records.deployments import Deployment, Version
from konan.records.logs import LogLine
from konan.records.predictions import Feedback, FeedbackResult, Prediction

JSON = "application/json"
ARCHIVE = "application/zip"
ATTEMPTS = 4
LONGEST_PAUSE = 30
PAGE = 1000
FEEDBACK_ITEMS = 50_000
FEEDBACK_BYTES = 8 * 1024 * 1024
"""Most items and bytes of one request with true values."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request to send.

    Attributes:
        method: of HTTP.
        path: from the slash, with its variable parts quoted.
        query: parameters.
        body: bytes, or a file to stream.
        media_type: of the body.
    """

    method: str
    path: str
    query: Mapping[str, str | int] = field(default_factory=dict)
    body: bytes | Path = b""
    media_type: str = ""

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice does no more than sending it once."""
        return self.method == "GET"


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Lost:
    """No answer came.

    Attributes:
        error: what to tell the caller.
        sent: whether the server may have got the request.
    """

    error: KonanError
    sent: bool


_PLAIN = frozenset({str, int, bool})
_encode = msgspec.json.Encoder().encode
T = TypeVar("T")
Outcome = Response | Lost | None
Steps = Generator[Request | Pause, Outcome, T]
Progress = Callable[[Version], None]


class NewKey(Key, frozen=True, kw_only=True):
    """A key that was just made, with its text, which is shown this once.

    Attributes:
        key: the text to send as ``Authorization: Bearer``.
    """

    key: str


class System(msgspec.Struct, frozen=True, kw_only=True):
    """How a server is.

    Attributes:
        version: its version of Konan.
        started_at: RFC 3339.
        sandbox: ``level`` and ``layers`` under which models run.
        processes: ``{"name", "pid", "restarts"}`` of each.
        generation: number of the routes that are being served.
    """

    version: str
    started_at: str
    sandbox: dict[str, Any] = {}
    processes: tuple[dict[str, Any], ...] = ()
    generation: int = 0


class Log(msgspec.Struct, frozen=True, kw_only=True):
    """What a model wrote.

    Attributes:
        deployment: name of the deployment.
        version: number of the version.
        lines: the newest lines, oldest first.
        entries: the same with time and level.
    """

    deployment: str
    version: int
    lines: tuple[str, ...]
    entries: tuple[LogLine, ...] = ()


def ask(request: Request) -> Steps[Response]:
    """Send a request, again when that is safe, and return the answer of a request that worked.

    Sent again are: a request that never left and only reads, and one that the server refused for now
    (429 or 503 with ``Retry-After``) unless it streams a file.

    Raises:
        KonanError: the error that the server answered, or `Unreachable`.
    """
    attempt = 0
    while True:
        attempt += 1
        outcome = yield request
        if isinstance(outcome, Response) and error_of(outcome) is None:
            return outcome
        error, pause = _failure(request, outcome, attempt)
        if pause is None or attempt == ATTEMPTS:
            raise error
        yield Pause(pause)


def _failure(request: Request, outcome: Outcome, attempt: int) -> tuple[KonanError, float | None]:
    if isinstance(outcome, Lost):
        again = request.repeatable and not outcome.sent
        return outcome.error, 0.1 * 2**attempt if again else None
    error = error_of(outcome) if outcome else None
    if outcome is None or error is None:
        return KonanError("The sender gave no answer."), None
    again = outcome.status in {429, 503} and error.retry_after is not None and isinstance(request.body, bytes)
    return error, min(error.retry_after or 0, LONGEST_PAUSE) if again else None


def predict(name: str, rows: Any, version: int | None = None) -> Steps[Prediction | list[Prediction]]:
    """Predict one row (a prediction) or several in one request (a list of them)."""
    if isinstance(rows, Mapping):
        response = yield from ask(_prediction(name, encode_row(rows), version))
        return decode(response, Prediction)
    body = b"[" + b",".join(encode_row(row) for row in each_row(rows)) + b"]"
    return (yield from predictions(name, Chunk(body, 0, 0), version))


def predictions(name: str, chunk: Chunk, version: int | None = None) -> Steps[list[Prediction]]:
    """Predict the rows of a chunk; pointers of faults count from the first row of all chunks."""
    try:
        response = yield from ask(_prediction(name, chunk.body, version))
    except KonanError as error:
        raise shifted(error, chunk.first) from None
    return [
        Prediction(id=one.id, deployment=name, version=one.version, output=one.output)
        for one in decode(response, _Predictions).predictions
    ]


def feedback(name: str, items: Any) -> Steps[list[FeedbackResult]]:
    """Send true values for predictions, in requests of at most `FEEDBACK_ITEMS`."""
    found: list[FeedbackResult] = []
    for body in _feedback_bodies(items):
        response = yield from ask(Request("POST", f"{_at(name)}/feedback", body=body, media_type=JSON))
        found += decode(response, _FeedbackResults).results
    return found


def deployments() -> Steps[list[Deployment]]:
    """All deployments that the key sees."""
    return (yield from everything("/v1/deployments", "deployments", Deployment))


def deployment(name: str) -> Steps[Deployment]:
    """One deployment."""
    return decode((yield from ask(Request("GET", _at(name)))), Deployment)


def versions(name: str) -> Steps[list[Version]]:
    """All versions of a deployment, newest first."""
    return (yield from everything(f"{_at(name)}/versions", "versions", Version))


def version(name: str, number: int) -> Steps[Version]:
    """One version."""
    return decode((yield from ask(Request("GET", f"{_at(name)}/versions/{number}"))), Version)


class LogSearch(TypedDict, total=False):
    """Which lines of a log; what is left out takes all.

    Attributes:
        grep: text that is in them, in any case of letters.
        since: earliest time, RFC 3339.
        until: the time before which they came.
        level: least severe ones: ``debug``, ``info``, ``warning`` or ``error``.
    """

    grep: str | None
    since: str | None
    until: str | None
    level: str | None


def logs(name: str, number: int | None, lines: int | None, searched: LogSearch) -> Steps[Log]:
    """The newest lines that a version wrote; of the live one unless a number is given."""
    names = {"since": "from", "until": "to"}
    given = {"version": number, "lines": lines, **searched}
    query: dict[str, Any] = {names.get(key, key): value for key, value in given.items() if value is not None}
    return decode((yield from ask(Request("GET", f"{_at(name)}/logs", query=query))), Log)


def openapi(name: str) -> Steps[dict[str, Any]]:
    """The OpenAPI document of a deployment, typed for its model."""
    return decode((yield from ask(Request("GET", f"{_at(name)}/openapi.json"))), dict[str, Any])


def create_key(
    name: str, scopes: Iterable[str], deployments: Iterable[str] = (), expires_days: int | None = None
) -> Steps[NewKey]:
    """Make a key."""
    wanted: dict[str, Any] = {"name": name, "scopes": list(scopes), "deployments": list(deployments)}
    if expires_days is not None:
        wanted["expires_days"] = expires_days
    body = msgspec.json.encode(wanted)
    return decode((yield from ask(Request("POST", "/v1/keys", body=body, media_type=JSON))), NewKey)


def keys() -> Steps[list[Key]]:
    """All keys of the project, revoked ones included."""
    return (yield from everything("/v1/keys", "keys", Key))


def revoke_key(key_id: str) -> Steps[Key]:
    """Revoke a key."""
    return decode((yield from ask(Request("DELETE", f"/v1/keys/{quote(key_id, safe='')}"))), Key)


def system() -> Steps[System]:
    """How the server is."""
    return decode((yield from ask(Request("GET", "/v1/system"))), System)


def deploy(
    name: str, archive: Path, *, wait: bool = True, progress: Progress | None = None
) -> Steps[Version]:
    """Upload an archive as a new version and, unless told otherwise, wait until it is live or failed.

    Raises:
        GateFailed: the version failed; the model's own traceback is in the error's notes.
    """
    request = Request("POST", f"{_at(name)}/versions", body=archive, media_type=ARCHIVE)
    made = decode((yield from ask(request)), Version)
    pause = 0.05
    while True:
        if progress is not None:
            progress(made)
        if not wait or made.state != "building":
            break
        yield Pause(pause)
        pause = min(pause * 1.3, 0.5)
        made = yield from version(name, made.version)
    if wait and made.state == "failed":
        raise failure_of(made)
    return made


def failure_of(made: Version) -> GateFailed:
    """Why a version failed, as an error."""
    failure = made.failure
    if failure is None:
        return GateFailed(f"Version {made.version} of {made.deployment} failed.")
    error = GateFailed(
        f"Version {made.version} of {made.deployment} failed at step {failure.step}: {failure.message}",
        hint=failure.hint
        or f"`konan version show {made.deployment} {made.version}` shows all that is known.",
    )
    if failure.traceback:
        error.add_note(failure.traceback.rstrip())
    return error


class _Answered(msgspec.Struct, frozen=True):
    id: str
    version: int
    output: Any


class _Predictions(msgspec.Struct, frozen=True):
    predictions: list[_Answered]


class _FeedbackResults(msgspec.Struct, frozen=True):
    results: list[FeedbackResult]


def _at(name: str) -> str:
    if not name or name in {".", ".."}:
        raise Invalid("A deployment's name cannot be empty.")
    return f"/v1/deployments/{quote(name, safe='')}"


def _prediction(name: str, body: bytes, version: int | None) -> Request:
    query = {} if version is None else {"version": version}
    return Request("POST", f"{_at(name)}/predict", query=query, body=body, media_type=JSON)


def _feedback_bodies(items: Any) -> Iterator[bytes]:
    each = map(_feedback, each_row(items) if hasattr(items, "columns") else items)
    while part := list(islice(each, FEEDBACK_ITEMS)):
        yield from _bodies(part)


def _bodies(part: list[Any]) -> Iterator[bytes]:
    """The items in as few requests as may be; one that is larger than allowed travels alone."""
    body = _encode(part)
    if len(body) <= FEEDBACK_BYTES or len(part) == 1:
        yield body
    else:
        half = len(part) // 2
        yield from _bodies(part[:half])
        yield from _bodies(part[half:])


def _feedback(item: Feedback | Mapping[str, Any]) -> Any:
    if isinstance(item, Feedback):
        item = msgspec.structs.asdict(item)
    if _PLAIN.issuperset(map(type, item.values())):
        return item
    cells = ((name, plain(value, name)) for name, value in item.items())
    return {name: value for name, value in cells if name == "target" or value is not None}


def everything(path: str, noun: str, kind: type[T], **more: str) -> Steps[list[T]]:
    """All items of a list, page after page; ``more`` are further parameters."""
    found: list[T] = []
    query: dict[str, str | int] = {"limit": PAGE, **more}
    while True:
        response = yield from ask(Request("GET", path, query=query))
        page = decode(response, dict[str, msgspec.Raw])
        found.extend(msgspec.json.decode(page[noun], type=list[kind]))  # type: ignore[valid-type] # a type held in a variable
        cursor = msgspec.json.decode(page["next"], type=str | None) if "next" in page else None
        if cursor is None:
            return found
        query["cursor"] = cursor
