"""Messages as signed webhooks (standardwebhooks.com): HMAC-SHA256 over id, time and body.

No redirect is followed, no proxy of the environment is used, and of the answer only its status is read.
"""

import asyncio
import base64
import hmac
import ssl
from collections.abc import Sequence
from functools import cached_property

from typing_extensions import override

from konan import clock
from konan.adapters import addresses
from konan.adapters.addresses import Checked, Network
from konan.errors import Invalid
from konan.ports import Notifier
from konan.records.notifications import Delivery, Receiver, Sent

_WITHIN = 5.0
_GONE = 410
_LONGEST_WAIT = 86_400.0


def key_of(secret: bytes, receiver: str) -> bytes:
    """The key under which messages for one receiver are signed, 32 bytes.

    It follows from the secret of the server, so that the database holds none.

    Args:
        secret: of the server (`konan.access.secret`).
        receiver: its id.
    """
    return hmac.digest(secret, b"receiver:" + receiver.encode(), "sha256")


def text_of(key: bytes) -> str:
    """A key as receivers are given it, ``whsec_`` and Base64.

    >>> text_of(b"k" * 24)
    'whsec_a2tra2tra2tra2tra2tra2tra2tra2tr'
    """
    return "whsec_" + base64.b64encode(key).decode()


def signature(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """The header ``webhook-signature`` of a message (Standard Webhooks, "Signature scheme").

    The numbers are those of the specification's example.

    >>> key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    >>> signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def secret_of(secret: bytes, receiver: Receiver) -> str:
    """What a receiver verifies messages with, in the form of Standard Webhooks; of other kinds empty."""
    return text_of(key_of(secret, receiver.id)) if receiver.kind == "webhook" else ""


class Webhooks(Notifier):
    """Sends messages to webhooks.

    Args:
        secret: of the server.
        allowed: networks that may be sent to though they are not public.
        trusted: certificates that are trusted; None is those of the system.
    """

    def __init__(
        self, secret: bytes, allowed: Sequence[Network] = (), trusted: ssl.SSLContext | None = None
    ) -> None:
        self._secret = secret
        self._allowed = tuple(allowed)
        self._trusted = trusted

    @cached_property
    def _context(self) -> ssl.SSLContext:
        return self._trusted or ssl.create_default_context()

    @override
    async def check(self, url: str) -> None:
        """Find out whether messages may go to an address; see `konan.ports.Notifier.check`."""
        await addresses.check(url, self._allowed)

    @override
    async def send(self, receiver: Receiver, delivery: Delivery) -> Sent:
        """Attempt once to deliver a message; see `konan.ports.Notifier.send`."""
        try:
            checked = await addresses.check(receiver.url, self._allowed)
        except Invalid as error:
            return Sent(delivered=False, detail=error.message)
        now = int(clock.now().timestamp())
        body = delivery.body.encode()
        headers = {
            "Content-Type": "application/json",
            "Host": checked.named,
            "User-Agent": "konan",
            "webhook-id": delivery.id,
            "webhook-timestamp": str(now),
            "webhook-signature": signature(key_of(self._secret, receiver.id), delivery.id, now, body),
        }
        return await self._post(checked, headers, body)

    async def _post(self, checked: Checked, headers: dict[str, str], body: bytes) -> Sent:
        import httpx

        silent = Sent(delivered=False, detail="It gave no valid answer in 5 seconds.")
        try:
            async with asyncio.timeout(_WITHIN):
                client = httpx.AsyncClient(
                    verify=self._context, trust_env=False, follow_redirects=False, timeout=_WITHIN
                )
                async with client:
                    request = client.build_request(
                        "POST",
                        checked.pinned,
                        headers=headers,
                        content=body,
                        extensions={"sni_hostname": checked.host},
                    )
                    response = await client.send(request, stream=True)
                    await response.aclose()
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError):
            return silent
        return _said(response.status_code, response.headers.get("retry-after", ""))


def _said(status: int, retry_after: str) -> Sent:
    if 200 <= status < 300:
        return Sent(delivered=True, detail=f"It answered {status}.")
    if 300 <= status < 400:
        return Sent(delivered=False, detail=f"It answered {status}; redirects are not followed.")
    after = min(float(retry_after), _LONGEST_WAIT) if retry_after.isdecimal() else None
    return Sent(delivered=False, detail=f"It answered {status}.", again=status != _GONE, after=after)
