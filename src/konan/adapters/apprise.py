"""Messages to chats, pagers and the like, by the library Apprise (the extra ``notify``).

Many of its services take a host in their address, and could be pointed into the network of the server; so
only those that a setting names are used.
"""

import asyncio
from collections.abc import Iterable
from importlib import import_module
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from typing_extensions import override

from konan.errors import Invalid, MissingExtra
from konan.ports import Notifier
from konan.records.notifications import Delivery, Receiver, Sent

_WITHIN = 20.0


class Apprise(Notifier):
    """Sends messages by Apprise.

    Args:
        services: schemes of the services that may be used, as ``slack``.
    """

    def __init__(self, services: Iterable[str]) -> None:
        self._services = frozenset(services)

    @override
    async def check(self, url: str) -> None:
        """Find out whether an address is one of a service that may be used; see `Notifier.check`."""
        parts = urlsplit(url)
        if parts.scheme not in self._services:
            known = ", ".join(sorted(self._services)) or "none"
            raise Invalid(
                f"Messages cannot go to this kind of address; allowed are: {known}.",
                hint="An admin can allow more with the setting apprise_services.",
            )
        if any(name.lower() == "verify" for name, _ in parse_qsl(parts.query, keep_blank_values=True)):
            raise Invalid("The address may not switch off that certificates are verified.")
        if not await asyncio.to_thread(lambda: _library().Apprise().add(url)):
            raise Invalid(f"Apprise cannot read this address as one of {parts.scheme}.")

    @override
    async def send(self, receiver: Receiver, delivery: Delivery) -> Sent:
        """Attempt once to deliver a message; see `konan.ports.Notifier.send`."""
        try:
            await self.check(receiver.url)
            async with asyncio.timeout(_WITHIN):
                taken = await asyncio.to_thread(_notify, receiver.url, delivery)
        except (Invalid, MissingExtra) as error:
            return Sent(delivered=False, detail=error.message)
        except Exception as error:  # noqa: BLE001 - whatever one of its many services raises
            return Sent(delivered=False, detail=f"Apprise failed: {type(error).__name__}.")
        return Sent(delivered=taken, detail="It was taken." if taken else "It was not taken.")


def _notify(url: str, delivery: Delivery) -> bool:
    sender = _library().Apprise()
    return bool(sender.add(url)) and bool(sender.notify(title=delivery.title, body=delivery.text))


def _library() -> Any:
    try:
        return import_module("apprise")
    except ModuleNotFoundError:
        raise MissingExtra(
            "Messages to this kind of address need Apprise, which is not installed.",
            hint="pip install 'konan-mlops[server,notify]'",
        ) from None
