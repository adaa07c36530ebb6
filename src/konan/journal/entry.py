"""What the journal keeps of one request: enough to log, replay and join every row of it."""

from typing import Literal

import msgspec


class Entry(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """One request that the model answered, as msgpack array (fields are only ever added at the end).

    Attributes:
        at_ns: when the request was complete, nanoseconds since 1970-01-01 UTC.
        project: name of the project.
        deployment: uuid of the deployment.
        version: number of the version that answered.
        role: whose traffic it was.
        key_id: public id of the key.
        request_id: the request's id, as in its answer's headers.
        status: HTTP status of the answer.
        latency_us: microseconds from the whole request to the entry.
        ids: prediction ids, one per row, in the order of the rows.
        single: whether the body was one object and not an array.
        body: the request's body as received.
        outputs: one JSON text per row.
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
