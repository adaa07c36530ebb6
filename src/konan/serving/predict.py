"""The path of a prediction: key, rows, model, outputs, log, answer, in this order.

This code runs for every prediction, so it joins prepared bytes, takes ids from a counter and makes one
object per request.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from konan import clock
from konan.config import Settings
from konan.errors import (
    Invalid,
    JournalUnavailable,
    KonanError,
    MediaTypeUnsupported,
    MethodNotAllowed,
    NotAllowed,
    StorageFull,
)
from konan.journal.entry import REJECTED_BODY_BYTES, Entry, encode
from konan.journal.writer import Writer
from konan.records.access import Principal
from konan.serving import answers, bugs, idempotency, problems
from konan.serving.answered import Answered
from konan.serving.answers import Answer
from konan.serving.calls import Call, Result
from konan.serving.desk import Authenticate, Desk, Exchange, Sink
from konan.serving.http1 import Head
from konan.serving.idempotency import Claim, Idempotency
from konan.serving.sinks import Collector
from konan.serving.table import ServedVersion, Table
from konan.serving.validation import Parsed

_VERSION = re.compile(r"version=([1-9][0-9]{0,8})")
_JSON = re.compile(r'application/json(?:[ \t]*;[ \t]*charset="?utf-8"?)?', re.IGNORECASE)


@dataclass(slots=True)
class Line:
    """What all predictions of a gateway go through.

    Attributes:
        desk: ids, answers, counters.
        settings: limits.
        authenticate: checks keys.
        table: finds versions.
        journal: keeps answers before they are sent.
        idempotency: knows the requests that were sent with a key.
        secret: keeps bodies from being guessed by their digests.
    """

    desk: Desk
    settings: Settings
    authenticate: Authenticate
    table: Table
    journal: Writer
    idempotency: Idempotency
    secret: bytes


class Predict:
    """The target of predictions of one deployment, as one head asks for them.

    Args:
        line: what predictions go through.
        name: name of the deployment, as the path has it.
        head: the request's head; only what does not change is taken from it.
    """

    streams = False
    allow = "POST"

    def __init__(self, line: Line, name: str, head: Head) -> None:
        self.limit = line.settings.body_bytes
        self._line = line
        self._name = name
        self._number: int | None = None
        self._refused: Callable[[], KonanError] | None = None
        asked = _VERSION.fullmatch(head.query)
        if asked:
            self._number = int(asked[1])
        elif head.query:
            self._refused = _query_unknown
        if not _JSON.fullmatch(head.content_type):
            self._refused = _media_type_unsupported

    def check(self, head: Head) -> None:
        """Refuse a request by its head.

        Raises:
            KonanError: the key, its scope, the path, the query or the type of the body is wrong.
        """
        self._admit(head)

    def run(self, exchange: Exchange, head: Head, body: bytes) -> None:
        """Check the rows and give them to the model.

        Raises:
            KonanError: the request is refused.
        """
        try:
            caller, version = self._admit(head)
            if head.idempotency_key is None:
                self._execute(exchange, caller, version, body)
            else:
                self._once(exchange, head, body)
        except KonanError as error:
            if not self._rejected(exchange, head, body, error):
                raise

    def open(self, exchange: Exchange, head: Head) -> Sink:
        """Take a request whose body is still to come."""
        return Collector(self._line.desk, self, exchange, head)

    def _execute(
        self,
        exchange: Exchange,
        caller: Principal,
        version: ServedVersion,
        body: bytes,
        claim: Claim | None = None,
    ) -> None:
        parsed = version.validator.parse(body)
        prediction = Prediction(self._line, exchange, caller, version, parsed, claim)
        deadline = clock.monotonic() + version.deadline
        version.dispatcher.submit(
            Call(parsed.rows, parsed.numbers, parsed.texts, deadline, prediction.predicted)
        )

    def _once(self, exchange: Exchange, head: Head, body: bytes) -> None:
        """Execute a request that has a key if it is the first with it; else answer as that was answered."""
        caller, version = self._admit(head)
        sent = idempotency.checked(head.idempotency_key or "")
        key = idempotency.digest(caller.project, caller.key_id, self._name, sent)
        request = idempotency.digest(str(self._number), body, secret=self._line.secret)
        durability = "durable" if version.durable else "buffered"

        def execute(claim: Claim) -> None:
            try:
                self._execute(exchange, *self._admit(head), body, claim)
            except KonanError as error:
                claim.settle(error)
                if not self._rejected(exchange, head, body, error):
                    exchange.fail(error)
            except Exception as error:  # noqa: BLE001 - a bug must cost one request, never the claim
                bugs.report(error)
                unforeseen = KonanError("Something went wrong inside Konan.")
                claim.settle(unforeseen)
                exchange.fail(unforeseen)

        def told(result: Answered | KonanError) -> None:
            if isinstance(result, KonanError):
                exchange.fail(result)
                return
            headers = (("Konan-Durability", durability), ("Idempotent-Replayed", "true"))
            exchange.reply(Answer(200, result.body, headers=headers), result.id)

        self._line.idempotency.claim(key, request, execute, told)

    def _rejected(self, exchange: Exchange, head: Head, body: bytes, error: KonanError) -> bool:
        """Log and answer a request that reached a deployment and was refused; whether it did reach one."""
        line = self._line
        try:
            caller = line.authenticate(head)
        except KonanError:
            return False
        reached = line.table.known(caller, self._name, self._number)
        if reached is None or head.method != "POST" or not caller.may("predict"):
            return False
        request_id = line.desk.ids.take()[0]
        deployment, version = reached
        entry = Entry(
            at_ns=clock.now_ns(),
            project=caller.project,
            deployment=deployment,
            version=version.number if version else 0,
            role="live",
            key_id=caller.key_id,
            request_id=request_id,
            status=problems.status_of(error),
            latency_us=int((line.desk.now() - exchange.arrived) * 1e6),
            ids=[],
            single=False,
            body=_kept_of_refused(version, body),
            outputs=[],
            kind="rejected",
            code=error.code,
            body_bytes=len(body),
        )
        exchange.fail(error, request_id)
        line.journal.append(encode(entry), _nobody_waits, durable=False)
        return True

    def _admit(self, head: Head) -> tuple[Principal, ServedVersion]:
        caller = self._line.authenticate(head)
        if head.method != "POST":
            raise MethodNotAllowed("Predictions are asked for with POST.")
        if not caller.may("predict"):
            raise NotAllowed("The key lacks the scope predict.")
        version = self._line.table.find(caller, self._name, self._number)
        if self._refused is not None:
            raise self._refused()
        return caller, version


class Prediction:
    """One request between its rows and its answer.

    Args:
        line: what predictions go through.
        exchange: where the answer goes.
        caller: who asks.
        version: who answers.
        parsed: the rows.
        claim: the right to answer the request, if it has an idempotency key.
    """

    __slots__ = ("_at_ns", "_body", "_caller", "_claim", "_exchange", "_ids", "_line", "_parsed", "_version")

    def __init__(
        self,
        line: Line,
        exchange: Exchange,
        caller: Principal,
        version: ServedVersion,
        parsed: Parsed,
        claim: Claim | None,
    ) -> None:
        self._line = line
        self._exchange = exchange
        self._caller = caller
        self._version = version
        self._parsed = parsed
        self._claim = claim
        self._ids: list[str] = []
        self._body = b""
        self._at_ns = clock.now_ns()
        line.desk.metrics.in_flight += 1

    def predicted(self, result: Result) -> None:
        """The model has answered, or it has not."""
        if isinstance(result, KonanError):
            self._fail(result)
            return
        try:
            self._keep(result)
        except KonanError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - a bug must cost one request, never the queue
            bugs.report(error)
            self._fail(KonanError("Something went wrong inside Konan."))

    def _keep(self, outputs: list[bytes]) -> None:
        """Make the answer's body, and have the entry written to the journal."""
        version, parsed = self._version, self._parsed
        ids = self._ids = self._line.desk.ids.take(parsed.rows)
        self._body = version.answer(ids, outputs, single=parsed.single)
        claim, cover = self._claim, version.cover
        entry = Entry(
            at_ns=self._at_ns,
            project=version.project,
            deployment=version.deployment_uuid,
            version=version.number,
            role="live",
            key_id=self._caller.key_id,
            request_id=ids[0],
            status=200,
            latency_us=int(self._seconds() * 1e6),
            ids=ids,
            single=parsed.single,
            body=parsed.raw if cover is None else cover.rows(parsed.raw),
            outputs=outputs,
            idempotency=claim.digests if claim else b"",
            answer=self._body if claim else b"",
        )
        self._line.journal.append(encode(entry), self._kept, durable=version.durable)

    def _kept(self, error: KonanError | None) -> None:
        """The record is on disk, or it is not."""
        if error is not None:
            self._fail(error)
            return
        line, exchange = self._line, self._exchange
        line.desk.metrics.in_flight -= 1
        self._version.dispatcher.open_rows -= self._parsed.rows
        self._version.series.answered(self._parsed.rows, self._seconds())
        if self._claim is not None:
            at = self._at_ns // 1_000_000_000
            claim = self._claim
            claim.settle(Answered(claim.key, claim.request, at, self._ids[0], self._body))
        keep = exchange.keeps()
        data = line.desk.answers.predicted(
            self._body, self._ids[0].encode(), keep=keep, durable=self._version.durable
        )
        exchange.finish(data, keep=keep)

    def _fail(self, error: KonanError) -> None:
        desk = self._line.desk
        desk.metrics.in_flight -= 1
        self._version.dispatcher.open_rows -= self._parsed.rows
        self._version.series.failed(error.code, self._parsed.rows, self._seconds())
        request_id = desk.ids.take()[0]
        if self._claim is not None:
            self._claim.settle(error)
        if not isinstance(error, (JournalUnavailable, StorageFull)):
            self._log_failure(error, request_id)
        self._exchange.reply(answers.of_error(error, request_id), request_id)

    def _log_failure(self, error: KonanError, request_id: str) -> None:
        version, parsed = self._version, self._parsed
        entry = Entry(
            at_ns=self._at_ns,
            project=version.project,
            deployment=version.deployment_uuid,
            version=version.number,
            role="live",
            key_id=self._caller.key_id,
            request_id=request_id,
            status=problems.status_of(error),
            latency_us=int(self._seconds() * 1e6),
            ids=[],
            single=parsed.single,
            body=_kept_of_refused(version, parsed.raw),
            outputs=[],
            kind="rejected",
            code=error.code,
            body_bytes=len(parsed.raw),
        )
        self._line.journal.append(encode(entry), _nobody_waits, durable=False)

    def _seconds(self) -> float:
        return self._line.desk.now() - self._exchange.arrived


def _kept_of_refused(version: ServedVersion | None, body: bytes) -> bytes:
    """What the log has of a refused body; nothing when no version says which of its columns are private."""
    if version is None:
        return b""
    return (body if version.cover is None else version.cover.refused(body))[:REJECTED_BODY_BYTES]


def _nobody_waits(error: KonanError | None) -> None:
    """A refusal was answered before it was logged; that it could not be logged is said by the writer."""


def _query_unknown() -> KonanError:
    return Invalid("The only query parameter here is `version`, a version's number.")


def _media_type_unsupported() -> KonanError:
    return MediaTypeUnsupported("The body must be JSON.", hint="Send `Content-Type: application/json`.")
