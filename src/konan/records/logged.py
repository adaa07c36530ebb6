"""A prediction as the log keeps it."""

from typing import Any

import msgspec


class LoggedPrediction(msgspec.Struct, frozen=True, kw_only=True):
    """One row that was answered, with what is known of it.

    Attributes:
        id: of the prediction.
        version: number of the version that answered.
        at: when the request was complete; RFC 3339.
        features: what the model was given; a date-time is shown in UTC.
        output: what it answered.
        ground_truth: the true value, or null while none is known.
        role: ``live``, ``canary`` or ``challenger``.
        mirrors: id of the prediction that this one is a copy of, or null.
        declared: the row's key, subject and segments, as text.
        status: HTTP status of the answer.
        latency_us: microseconds from the whole request to the answer's record.
        key_id: public id of the caller's key.
        request_id: id of the request.
    """

    id: str
    version: int
    at: str
    features: dict[str, Any]
    output: Any
    ground_truth: Any = None
    role: str = "live"
    mirrors: str | None = None
    declared: dict[str, str | None] = {}
    status: int = 200
    latency_us: int = 0
    key_id: str = ""
    request_id: str = ""
