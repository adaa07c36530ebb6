"""Where messages may be sent: to public hosts over TLS, and to networks that an admin names.

A name is resolved once, all its addresses are checked, and the connection is made to a checked address; so a
name that resolves otherwise a moment later leads nowhere else. Every refusal has the same words, for they
would tell the caller what is in the network of the server.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from konan.errors import Invalid

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_PORTS = frozenset({443, 8443})
_NEVER = frozenset({22, 23, 25, 110, 143, 465, 587, 6379, 11211})
"""Ports of other protocols that could take a request for words of their own."""

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_WITHIN = 5.0
_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Checked:
    """An address that messages may go to.

    Attributes:
        scheme: ``https``, or ``http`` in a network that an admin named.
        host: as it was given, for TLS and the header Host.
        port: of TCP.
        target: path and query.
        ip: what to connect to.
    """

    scheme: str
    host: str
    port: int
    target: str
    ip: Address

    @property
    def pinned(self) -> str:
        """The URL with the checked address in the place of the host."""
        host = f"[{self.ip}]" if self.ip.version == 6 else str(self.ip)
        return f"{self.scheme}://{host}:{self.port}{self.target}"

    @property
    def named(self) -> str:
        """The value of the header Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = 443 if self.scheme == "https" else 80
        return host if self.port == usual else f"{host}:{self.port}"


def networks(text: str) -> tuple[Network, ...]:
    """The networks in a setting, separated by commas.

    Raises:
        Invalid: one of them is none.

    >>> networks("10.0.0.0/8, ::1/128")
    (IPv4Network('10.0.0.0/8'), IPv6Network('::1/128'))
    """
    try:
        return tuple(ipaddress.ip_network(each.strip()) for each in text.split(",") if each.strip())
    except ValueError:
        raise Invalid("The setting webhook_networks must be networks as 10.1.0.0/16, with commas.") from None


def is_public(ip: Address) -> bool:
    """Whether an address is one of the public internet, also as the IPv4 address inside it.

    >>> [is_public(ipaddress.ip_address(text)) for text in ("192.0.43.7", "10.0.0.1", "64:ff9b::7f00:1")]
    [True, False, False]
    """
    plain = _plain(ip)
    return plain.is_global and not (plain.is_multicast or plain.is_reserved)


async def check(url: str, allowed: Iterable[Network] = ()) -> Checked:
    """Resolve and check an address.

    Args:
        url: of a webhook.
        allowed: networks that are allowed though they are not public; in them also plain HTTP and any port.

    Raises:
        Invalid: messages may not go there, or nobody knows where that is.
    """
    scheme, host, port, target = _parts(url)
    try:
        async with asyncio.timeout(_WITHIN):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        ips = [ipaddress.ip_address(entry[4][0]) for entry in found]
    except (OSError, ValueError, UnicodeError):
        raise _refusal() from None
    named = tuple(allowed)
    inside = [any(_in(ip, network) for network in named) for ip in ips]
    if not ips or port in _NEVER:
        raise _refusal()
    if not all(inside) and (scheme != "https" or port not in _PORTS):
        raise _refusal()
    if not all(known or is_public(ip) for ip, known in zip(ips, inside, strict=True)):
        raise _refusal()
    return Checked(scheme, host, port, target, ips[0])


def _parts(url: str) -> tuple[str, str, int, str]:
    """Scheme, host, port and target of a URL that is written in the plainest way."""
    if len(url) > _LONGEST or not url.isascii() or any(c <= " " or c in "\\\x7f" for c in url):
        raise _refusal()
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refusal() from None
    host = parts.hostname or ""
    if parts.scheme not in {"https", "http"} or "@" in parts.netloc or "#" in url or not host or "%" in host:
        raise _refusal()
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts.scheme, host, port or (443 if parts.scheme == "https" else 80), target


def _plain(ip: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, else the address."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else ip)


def _in(ip: Address, network: Network) -> bool:
    return ip in network or _plain(ip) in network


def _refusal() -> Invalid:
    return Invalid(
        "Messages cannot go to this address: it must be https on port 443 or 8443 of a public host.",
        hint="An admin can allow networks of your own with the setting webhook_networks.",
    )
