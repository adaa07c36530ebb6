"""What a key may do, and which keys it may make: never one that can do more than itself."""

import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

from konan import clock, ids
from konan.access import keys
from konan.errors import Fault, Invalid, NotAllowed
from konan.records.access import SCOPES, Key, KeyGrant, Principal

PROJECT = "default"
"""The project that every server has; the owner key is a key of it."""

LONGEST_DAYS = 365
_RENEW = timedelta(days=30)
_LONGEST_NAME = 100
_NAME_RULE = f"1 to {_LONGEST_NAME} printable characters."
_SCOPE_RULE = f"One of {', '.join(SCOPES)}."
_DEPLOYMENT_RULE = "The name of a deployment: lower-case letters, digits and inner hyphens, at most 63."


def _shown(**schema: object) -> msgspec.Meta:
    """What the document says of a field that `make_key` checks, so that each fault gets its own words."""
    return msgspec.Meta(extra_json_schema=schema)


class NewKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody says about a key that shall be made.

    Attributes:
        name: what it is called, 1 to 100 printable characters.
        scopes: what it may do; at least one.
        deployments: names of the deployments it is limited to; absent is what the maker is limited to.
        expires_days: days that it is valid, 1 to 365; absent is the server's default.
    """

    name: Annotated[str, _shown(minLength=1, maxLength=_LONGEST_NAME)]
    scopes: Annotated[tuple[Annotated[str, _shown(enum=list(SCOPES))], ...], _shown(minItems=1)]
    deployments: tuple[Annotated[str, _shown(pattern=f"^{ids.NAME.pattern}$")], ...] | None = None
    expires_days: Annotated[int, _shown(minimum=1, maximum=LONGEST_DAYS)] | None = None


def require(principal: Principal, *scopes: str) -> None:
    """Let nobody pass who has none of some scopes.

    >>> require(Principal(project="default", key_id="k", scopes=frozenset({"read"})), "read", "predict")

    Raises:
        NotAllowed: the key has none of them.
    """
    if not any(principal.may(scope) for scope in scopes):
        raise NotAllowed(
            f"The key lacks the scope {' or '.join(scopes)}.",
            hint="`konan key create --scope …` makes a key that has it, with a key that may.",
        )


def make_key(caller: Principal, request: NewKey, at: datetime, default_days: int) -> tuple[Key, keys.Minted]:
    """A new key of the caller's project, as it is listed and as its holder sends it.

    Args:
        caller: who makes it.
        request: what it shall be.
        at: the present.
        default_days: days that a key is valid when nothing is said.

    Raises:
        Invalid: a name, a scope or the number of days is not one.
        NotAllowed: it would have more scopes or deployments, or a longer life, than its maker.
    """
    _check_words(request)
    deployments = _deployments(caller, request)
    expires_at = _expiry(caller, request, at, default_days)
    lacking = [scope for scope in request.scopes if not caller.may(scope)]
    if lacking:
        raise NotAllowed(f"A key cannot give the scope {lacking[0]}, because it lacks it itself.")
    minted = keys.mint()
    key = Key(
        id=minted.id,
        name=request.name,
        project=caller.project,
        scopes=tuple(scope for scope in SCOPES if scope in request.scopes),
        deployments=deployments,
        created_at=clock.rfc3339(at),
        expires_at=clock.rfc3339(expires_at),
    )
    return key, minted


def owner_key(project: str, at: datetime) -> tuple[Key, keys.Minted]:
    """The key of whoever owns the machine: every scope of a project, for a year."""
    maker = Principal(project=project, key_id="", scopes=frozenset(SCOPES))
    return make_key(maker, NewKey(name="owner of this machine", scopes=SCOPES), at, LONGEST_DAYS)


def is_owner(text: str, grants: Iterable[KeyGrant], at: datetime) -> bool:
    """Whether a key's text is that of an owner key that is valid for a month yet.

    Args:
        text: of the key; may be empty.
        grants: the keys that are valid.
        at: the present.
    """
    digest, until = keys.digest_of(text), (at + _RENEW).timestamp()
    return digest is not None and any(
        grant.digest == digest and set(SCOPES) <= set(grant.scopes) and grant.expires_at >= until
        for grant in grants
        if grant.project == PROJECT and not grant.deployments
    )


def _check_words(request: NewKey) -> None:
    days = request.expires_days
    checks = [
        (request.name.isprintable() and 1 <= len(request.name.strip()) <= _LONGEST_NAME, "/name", _NAME_RULE),
        (len(request.scopes) > 0, "/scopes", "At least one scope."),
        *((scope in SCOPES, f"/scopes/{at}", _SCOPE_RULE) for at, scope in enumerate(request.scopes)),
        *(
            (ids.is_name(name), f"/deployments/{at}", _DEPLOYMENT_RULE)
            for at, name in enumerate(request.deployments or ())
        ),
        (days is None or 1 <= days <= LONGEST_DAYS, "/expires_days", f"1 to {LONGEST_DAYS} days."),
    ]
    faults = tuple(
        Fault(pointer=pointer, code="invalid", message=rule) for good, pointer, rule in checks if not good
    )
    if faults:
        raise Invalid("The key cannot be made as asked for.", faults=faults)


def _deployments(caller: Principal, request: NewKey) -> tuple[str, ...]:
    if request.deployments is None:
        return tuple(sorted(caller.deployments))
    wanted = set(request.deployments)
    if caller.deployments and (not wanted or not wanted <= caller.deployments):
        raise NotAllowed("A key cannot reach more deployments than the key that makes it.")
    return tuple(sorted(wanted))


def _expiry(caller: Principal, request: NewKey, at: datetime, default_days: int) -> datetime:
    wanted = at + timedelta(days=request.expires_days or min(default_days, LONGEST_DAYS))
    if wanted.timestamp() <= caller.expires_at or math.isinf(caller.expires_at):
        return wanted
    if request.expires_days is not None:
        raise NotAllowed("A key cannot be valid for longer than the key that makes it.")
    return datetime.fromtimestamp(caller.expires_at, UTC)
