"""Ground truth over HTTP: one truth or very many, each with its own result."""

import asyncio
from typing import Any, ClassVar

import msgspec

from konan.control.bodies import Bulk, fault_of
from konan.control.table import Call, Nothing, Table
from konan.errors import BodyTooLarge, Invalid, JsonMalformed, JsonTooDeep, NotFound, StorageFull
from konan.records.predictions import Feedback, FeedbackResult

table = Table()
ITEMS = 50_000
"""Most items of one request."""

_COMMAS = 2_000_000
"""So many commas an array can have that is worth being read; it bounds the memory of reading it."""

_one = msgspec.json.Decoder(Feedback)
_all = msgspec.json.Decoder(list[Feedback])
_raw = msgspec.json.Decoder(list[msgspec.Raw])


class FeedbackBody(Bulk):
    """One truth or an array of them."""

    record: ClassVar[type] = Feedback


class FeedbackResults(msgspec.Struct, frozen=True, kw_only=True):
    """What became of each item, in the order of the items."""

    results: list[FeedbackResult]


@table.route(
    "POST",
    "/v1/deployments/{name}/feedback",
    permission="feedback",
    query=Nothing,
    request=FeedbackBody,
    response=FeedbackResults,
    summary="Tell what was true, for one prediction (an object) or up to 50,000 (an array); each item has a "
    "status of its own, and what is taken is on disk before the answer.",
    errors=(NotFound, StorageFull),
)
async def feedback(call: Call[Nothing, FeedbackBody]) -> FeedbackResults:
    """Take in truths."""
    services = call.services
    deployment = await asyncio.to_thread(services.store.deployment, call.caller, call.path["name"])
    body = await call.body.read()
    items = await asyncio.to_thread(items_in, body)
    results = await services.truth.take(deployment.project, deployment.uuid, items, call.caller.key_id)
    return FeedbackResults(results=results)


def items_in(body: bytes) -> list[Feedback | FeedbackResult]:
    """The items of a body; of one that is wrong, its result.

    >>> [item.target for item in items_in(b'{"prediction_id": "p", "target": 1}')]
    [1]
    >>> [item.status for item in items_in(b'[{"prediction_id": "p"}, 7]')]
    [422, 422]

    Raises:
        Invalid: it is not JSON, holds too many items, or is neither an object nor an array.
    """
    if body.count(b",") > _COMMAS:
        raise BodyTooLarge(f"A request holds at most {ITEMS} items.", hint="Send several requests.")
    try:
        found = _items(body)
    except RecursionError:
        raise JsonTooDeep("The body nests too deep.") from None
    except msgspec.ValidationError:
        raise Invalid("The body is neither an object nor an array.") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise JsonMalformed("The body is not JSON.") from None
    if len(found) > ITEMS:
        raise BodyTooLarge(f"A request holds at most {ITEMS} items.", hint="Send several requests.")
    return found


def _items(body: bytes) -> list[Feedback | FeedbackResult]:
    if body.lstrip(b" \t\r\n").startswith(b"{"):
        return [_item(body)]
    try:
        return list(_all.decode(body))
    except msgspec.ValidationError:  # some item is wrong: each for itself then
        return [_item(one) for one in _raw.decode(body)]


def _item(text: msgspec.Raw | bytes) -> Feedback | FeedbackResult:
    try:
        return _one.decode(text)
    except msgspec.ValidationError as error:
        fault = fault_of(error)
        sent: Any = msgspec.json.decode(text)
        named = sent.get("prediction_id") if isinstance(sent, dict) else None
        detail = f"{fault.pointer}: {fault.message}" if fault.pointer else fault.message
        return FeedbackResult(
            prediction_id=named if isinstance(named, str) else "", status=422, detail=detail
        )
