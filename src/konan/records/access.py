"""Keys and who they speak for."""

import math
from typing import Literal

import msgspec

Scope = Literal["predict", "feedback", "read", "deploy", "model:upload-code", "admin"]
SCOPES: tuple[Scope, ...] = ("predict", "feedback", "read", "deploy", "model:upload-code", "admin")


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who is calling; every data function takes one.

    Attributes:
        project: name of the project that the key belongs to; nothing outside it exists for the caller.
        key_id: public id of the key.
        scopes: what the key may do; ``admin`` implies all but ``model:upload-code``.
        deployments: names of the deployments it is limited to; empty is all of the project.
        expires_at: when the key ends, in seconds since 1970-01-01 UTC; infinite for the platform itself.
    """

    project: str
    key_id: str
    scopes: frozenset[str]
    deployments: frozenset[str] = frozenset()
    expires_at: float = math.inf

    def may(self, scope: str) -> bool:
        """Whether the principal has a scope.

        >>> owner = Principal(project="default", key_id="k", scopes=frozenset({"admin"}))
        >>> owner.may("deploy"), owner.may("model:upload-code")
        (True, False)
        """
        if scope in self.scopes:
            return True
        return "admin" in self.scopes and scope != "model:upload-code"

    def sees(self, deployment: str) -> bool:
        """Whether a deployment of its project exists for the principal."""
        return not self.deployments or deployment in self.deployments


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is listed: never its secret, never its hash.

    Attributes:
        id: public id, part of the key's text.
        name: what somebody called it.
        project: name of its project.
        scopes: what it may do.
        deployments: names of the deployments it is limited to; empty is all.
        created_at: RFC 3339.
        expires_at: RFC 3339.
        revoked_at: RFC 3339, or null while it is valid.
    """

    id: str
    name: str
    project: str
    scopes: tuple[str, ...]
    deployments: tuple[str, ...]
    created_at: str
    expires_at: str
    revoked_at: str | None = None


class KeyGrant(msgspec.Struct, frozen=True, kw_only=True):
    """A key as the gateways know it.

    Attributes:
        id: public id.
        digest: SHA-256 of the whole key text, 64 hexadecimal digits.
        project: name of its project.
        scopes: what it may do.
        deployments: names of the deployments it is limited to; empty is all.
        expires_at: seconds since 1970-01-01 UTC.
    """

    id: str
    digest: str
    project: str
    scopes: tuple[str, ...]
    deployments: tuple[str, ...]
    expires_at: float


def platform(project: str) -> Principal:
    """The platform itself, as a caller in a project."""
    return Principal(project=project, key_id="platform", scopes=frozenset({"admin"}))
