"""The calls that say which version answers, as steps (see `konan.client.steps`)."""

from urllib.parse import quote

import msgspec

from konan.client.answers import decode
from konan.client.steps import JSON, Request, Steps, ask, everything
from konan.errors import Invalid
from konan.records.deployments import Deployment
from konan.records.ledger import Checked, LedgerEntry


def promote(name: str, version: int, why: str = "") -> Steps[Deployment]:
    """Have a version answer."""
    return decode(
        (yield from ask(_sent(f"{_path(name)}/versions/{version}/promote", {"why": why}))), Deployment
    )


def rollback(name: str, to: int | str | None = None, why: str = "") -> Steps[Deployment]:
    """Have an earlier version answer."""
    return decode((yield from ask(_sent(f"{_path(name)}/rollback", {"to": to, "why": why}))), Deployment)


def ledger(name: str) -> Steps[list[LedgerEntry]]:
    """The whole ledger, newest first."""
    return (yield from everything(f"{_path(name)}/ledger", "entries", LedgerEntry))


def check_ledger(name: str) -> Steps[Checked]:
    """Whether the ledger is as it was written."""
    return decode((yield from ask(Request("GET", f"{_path(name)}/ledger/check"))), Checked)


def _path(name: str) -> str:
    if not name or name in {".", ".."}:
        raise Invalid("A deployment's name cannot be empty.")
    return f"/v1/deployments/{quote(name, safe='')}"


def _sent(path: str, body: object) -> Request:
    return Request("POST", path, body=msgspec.json.encode(body), media_type=JSON)
