"""Every error that Konan raises on purpose, as one tree.

::

    KonanError                        internal
    ├── Usage                         usage                 the command was called wrongly
    ├── Invalid                       invalid               the caller sent something unusable
    │   ├── JsonMalformed             json_malformed
    │   ├── JsonTooDeep               json_too_deep
    │   ├── RequestMalformed          request_malformed     not HTTP as RFC 9112 has it
    │   ├── BodyTooLarge              body_too_large
    │   ├── HeadTooLarge              head_too_large
    │   ├── MediaTypeUnsupported      media_type_unsupported
    │   ├── RowsInvalid               rows_invalid          faults with a JSON pointer each
    │   ├── ModelFileInvalid          model_file_invalid
    │   ├── DataInvalid               data_invalid          the rows given at deploy
    │   ├── IdempotencyKeyReused      idempotency_key_reused  the key was sent with another request
    │   └── RequestTimeout            request_timeout       the request did not arrive in time
    ├── NotFound                      not_found
    │   └── MethodNotAllowed          method_not_allowed
    ├── NotAllowed                    not_allowed           the key lacks a scope
    │   └── Unauthenticated           unauthenticated       no key, or not a valid one
    ├── Conflict                      conflict
    ├── Unreachable                   unreachable           no server answers
    ├── GateFailed                    gate_failed           a certificate or a gate said no
    ├── TooMany                       too_many_requests
    ├── NotReady                      not_ready             no version of the deployment can answer
    │   ├── ControlUnavailable        control_unavailable
    │   └── JournalUnavailable        journal_unavailable   the log cannot be written
    ├── StorageFull                   storage_full
    ├── ModelFailed                   model_failed          the model raised or died
    │   └── OutputInvalid             model_output_invalid
    ├── DeadlineExceeded              deadline_exceeded
    └── MissingExtra                  missing_extra         an optional package is not installed

An error knows its ``code`` and nothing of HTTP or of the shell: the tables of statuses
(`konan.serving.problems`) and of exit codes (`konan.cli.exits`) are elsewhere, and tested to hold
every class.
"""

from typing import ClassVar

import msgspec


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong with a request, and where.

    Attributes:
        pointer: JSON pointer into the body (RFC 6901); empty for the whole body.
        code: stable word for the kind of fault, as ``missing`` or ``wrong_type``.
        message: what is wrong and what is expected, without the value that was sent.
    """

    pointer: str
    code: str
    message: str


class KonanError(Exception):
    """Something went wrong in a way that Konan foresees.

    Args:
        message: what happened, fit for the caller's eyes.
        hint: what to do about it.
        faults: the single things that are wrong, where there are several.
        retry_after: seconds after which the same request may succeed.
    """

    code: ClassVar[str] = "internal"

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        faults: tuple[Fault, ...] = (),
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.faults = faults
        self.retry_after = retry_after


class Usage(KonanError):
    """A command was called with words it does not know."""

    code = "usage"


class Invalid(KonanError):
    """The caller sent something that cannot be used as it is."""

    code = "invalid"


class JsonMalformed(Invalid):
    """The body is not JSON (RFC 8259; NaN, Infinity and 1e400 are not)."""

    code = "json_malformed"


class JsonTooDeep(Invalid):
    """The body nests deeper than is allowed."""

    code = "json_too_deep"


class RequestMalformed(Invalid):
    """The request breaks the framing rules of HTTP/1.1 (RFC 9112)."""

    code = "request_malformed"


class BodyTooLarge(Invalid):
    """The body has more bytes or rows than is allowed."""

    code = "body_too_large"


class HeadTooLarge(Invalid):
    """The request line or the headers have more bytes than is allowed."""

    code = "head_too_large"


class MediaTypeUnsupported(Invalid):
    """The body's Content-Type is not one that this path takes."""

    code = "media_type_unsupported"


class RowsInvalid(Invalid):
    """The body is JSON, but not what the deployment's schema asks for."""

    code = "rows_invalid"


class ModelFileInvalid(Invalid):
    """The uploaded file is not a model that any flavor knows."""

    code = "model_file_invalid"


class DataInvalid(Invalid):
    """The rows given at deploy cannot be read or do not fit the model."""

    code = "data_invalid"


class IdempotencyKeyReused(Invalid):
    """The Idempotency-Key was sent before, with another request."""

    code = "idempotency_key_reused"


class RequestTimeout(Invalid):
    """The request did not arrive whole before the deadline for receiving it."""

    code = "request_timeout"


class NotFound(KonanError):
    """There is no such thing, or it is not this caller's."""

    code = "not_found"


class MethodNotAllowed(NotFound):
    """The path exists, but not with this method."""

    code = "method_not_allowed"


class NotAllowed(KonanError):
    """The key is valid but lacks the permission."""

    code = "not_allowed"


class Unauthenticated(NotAllowed):
    """No key was sent, or one that is unknown, revoked or expired."""

    code = "unauthenticated"


class Conflict(KonanError):
    """The thing exists already, is locked, or is in another state."""

    code = "conflict"


class Unreachable(KonanError):
    """No Konan server answers at the address."""

    code = "unreachable"


class GateFailed(KonanError):
    """A certificate or a gate refused a version."""

    code = "gate_failed"


class TooMany(KonanError):
    """More requests wait than are allowed."""

    code = "too_many_requests"


class NotReady(KonanError):
    """Nothing can answer this right now."""

    code = "not_ready"


class ControlUnavailable(NotReady):
    """The control plane does not answer; predictions go on."""

    code = "control_unavailable"


class JournalUnavailable(NotReady):
    """The log cannot be written, so no prediction may be answered."""

    code = "journal_unavailable"


class StorageFull(KonanError):
    """The disk is full."""

    code = "storage_full"


class ModelFailed(KonanError):
    """The model raised, died or answered nonsense."""

    code = "model_failed"


class OutputInvalid(ModelFailed):
    """The model answered something that is not a valid output."""

    code = "model_output_invalid"


class DeadlineExceeded(KonanError):
    """The answer was not there before the deadline."""

    code = "deadline_exceeded"


class MissingExtra(KonanError):
    """An optional package is needed for this."""

    code = "missing_extra"


def all_errors(root: type[KonanError] = KonanError) -> list[type[KonanError]]:
    """Every error class of the tree, parents before children.

    >>> all_errors()[0].code
    'internal'
    """
    found = [root]
    for child in root.__subclasses__():
        found.extend(all_errors(child))
    return found


def by_code() -> dict[str, type[KonanError]]:
    """The class of each code; where a class keeps its parent's code, the parent.

    >>> by_code()["not_found"].__name__
    'NotFound'
    """
    return {error.code: error for error in reversed(all_errors())}
