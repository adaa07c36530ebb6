"""Who a request speaks for: the check of its key, done on every request of gateways and control.

All refusals say the same in the same words, so that nobody learns from them which keys exist. The one
accepted form is ``Authorization: Bearer <key>``, byte for byte; a lenient reader would accept what a proxy
in front reads differently.
"""

import hmac
from collections.abc import Iterable

from konan.access import keys
from konan.errors import Unauthenticated
from konan.records.access import KeyGrant, Principal

_SCHEME = "Bearer "
_NOBODY = "0" * 64


class Grants:
    """The valid keys of one moment; a change of keys makes a new one.

    Args:
        grants: all keys that are not revoked; their expiry is checked at each use.
    """

    def __init__(self, grants: Iterable[KeyGrant]) -> None:
        self._grants = {grant.id: (grant, _principal(grant)) for grant in grants}
        self._seen: dict[str, tuple[KeyGrant, Principal]] = {}

    def authenticate(self, authorization: str | None, now: float) -> Principal:
        """Who the value of an Authorization header speaks for.

        Args:
            authorization: the header's value, or None when there is none.
            now: seconds since 1970-01-01 UTC.

        Raises:
            Unauthenticated: no key, not a key, or one that is unknown, revoked or expired.
        """
        known = self._seen.get(authorization or "") or self._look_up(authorization or "")
        if known is None or now >= known[0].expires_at:
            raise Unauthenticated(
                "A valid API key is needed.",
                hint="Send it as `Authorization: Bearer kn_live_…`; `konan key create` makes one.",
            )
        return known[1]

    def _look_up(self, authorization: str) -> tuple[KeyGrant, Principal] | None:
        # Only headers that held a valid key are remembered, so there are never more of them than keys.
        text = authorization.removeprefix(_SCHEME)
        digest = keys.digest_of(text)
        found = self._grants.get(keys.id_of(text) or "")
        same = hmac.compare_digest(digest or _NOBODY, found[0].digest if found else _NOBODY)
        if found is None or not same or text == authorization:
            return None
        self._seen[authorization] = found
        return found


def _principal(grant: KeyGrant) -> Principal:
    return Principal(
        project=grant.project,
        key_id=grant.id,
        scopes=frozenset(grant.scopes),
        deployments=frozenset(grant.deployments),
        expires_at=grant.expires_at,
    )
