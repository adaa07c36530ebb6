"""What the journal keeps of one request: enough to log, replay and join every row of it."""

from typing import Literal

import msgspec

Kind = Literal["answered", "rejected", "truth"]
REJECTED_BODY_BYTES = 4096
"""So much of a rejected request's body is kept."""


class Entry(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """One request that reached a deployment, as msgpack array (fields are only ever added at the end).

    Attributes:
        at_ns: when the request was complete, nanoseconds since 1970-01-01 UTC.
        project: name of the project.
        deployment: uuid of the deployment.
        version: number of the version that answered; 0 if the request reached none.
        role: whose traffic it was.
        key_id: public id of the key.
        request_id: the request's id, as in its answer's headers.
        status: HTTP status of the answer.
        latency_us: microseconds from the whole request to the entry.
        ids: prediction ids, one per row, in the order of the rows; none if it was rejected.
        single: whether the body was one object and not an array.
        body: the request's body as received; of a rejected one the first `REJECTED_BODY_BYTES`.
        outputs: one JSON text per row; none if it was rejected.
        kind: ``answered``, or ``rejected`` for a request that was refused or that the model failed on;
            ``truth`` for ground truth, in a journal of its own (`konan.groundtruth.revisions.Batch`).
        code: why it was rejected, as the ``code`` of its answer; empty if it was answered.
        body_bytes: size of the body as received.
        mirrors: ids of the predictions that these rows are copies of, one per row; empty unless they are.
        idempotency: digests of the caller's idempotency key and of the request; empty without a key.
        answer: body of the answer, kept only with an idempotency key.
    """

    at_ns: int
    project: str
    deployment: str
    version: int
    role: Literal["live", "canary", "challenger"]
    key_id: str
    request_id: str
    status: int
    latency_us: int
    ids: list[str]
    single: bool
    body: bytes
    outputs: list[bytes]
    kind: Kind = "answered"
    code: str = ""
    body_bytes: int = 0
    mirrors: list[str] = []
    idempotency: bytes = b""
    answer: bytes = b""

    @property
    def rows(self) -> int:
        """Number of rows, each with an id of its own."""
        return len(self.ids)


encode = msgspec.msgpack.Encoder().encode
"""An entry as a record's payload."""

_decoder = msgspec.msgpack.Decoder(Entry)


def decode(payload: bytes) -> Entry:
    """An entry from a record's payload.

    Raises:
        ValueError: the payload is no entry.
    """
    try:
        return _decoder.decode(payload)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from None
