"""Every error of the tree has a status, and a problem document says what RFC 9457 asks for."""

import msgspec
import pytest

from konan.errors import Fault, KonanError, RowsInvalid, all_errors
from konan.serving.problems import STATUS, problem, status_of


def test_the_table_holds_every_error_and_nothing_else() -> None:
    ours = [error for error in all_errors() if error.__module__ == "konan.errors"]
    assert set(STATUS) == set(ours)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("internal", 500),
        ("json_malformed", 400),
        ("body_too_large", 413),
        ("head_too_large", 431),
        ("media_type_unsupported", 415),
        ("rows_invalid", 422),
        ("request_timeout", 408),
        ("not_found", 404),
        ("method_not_allowed", 405),
        ("not_allowed", 403),
        ("unauthenticated", 401),
        ("too_many_requests", 429),
        ("not_ready", 503),
        ("control_unavailable", 503),
        ("journal_unavailable", 503),
        ("storage_full", 507),
        ("model_failed", 502),
        ("model_output_invalid", 502),
        ("deadline_exceeded", 504),
    ],
)
def test_statuses(code: str, status: int) -> None:
    (error,) = [error for error in all_errors() if error.code == code]
    assert status_of(error("x")) == status


def test_a_document_carries_the_faults_and_the_request() -> None:
    fault = Fault(pointer="/0/hr", code="missing", message="A value is missing.")
    document = msgspec.json.decode(problem(RowsInvalid("1 fault.", hint="Look.", faults=(fault,)), "r-1"))
    assert document == {
        "type": "/docs/errors#rows_invalid",
        "title": "Unprocessable Content" if document["title"].endswith("Content") else "Unprocessable Entity",
        "status": 422,
        "code": "rows_invalid",
        "detail": "1 fault.",
        "hint": "Look.",
        "request_id": "r-1",
        "faults": [{"pointer": "/0/hr", "code": "missing", "message": "A value is missing."}],
    }


def test_what_is_not_there_is_left_out() -> None:
    document = msgspec.json.decode(problem(KonanError("x"), "r"))
    assert "hint" not in document
    assert "faults" not in document
