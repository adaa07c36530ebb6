"""The TCP socket that all gateways share; it outlives each of them, so a restart refuses no connection."""

import errno
import ipaddress
import socket

from konan.errors import Conflict, NotAllowed, Usage

_BACKLOG = 1024


def bind(host: str, port: int) -> socket.socket:
    """Listen on a loopback address.

    Args:
        host: the address; until TLS can be set up it must be a loopback one.
        port: 0 takes a free one.

    Raises:
        Usage: the address is not a loopback address.
        Conflict: another program listens there.
        NotAllowed: this user may not listen there.
    """
    address = _loopback(host)
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        return socket.create_server((str(address), port), family=family, backlog=_BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Conflict(
                f"Another program listens on port {port}.",
                hint="Choose another port with --port; 0 takes a free one.",
            ) from None
        raise NotAllowed(
            f"Cannot listen on {host} port {port}: {error.strerror}.",
            hint="Choose another port with --port; those below 1024 are often kept for root.",
        ) from None


def origin(listener: socket.socket) -> str:
    """The address of a listening socket as a URL, as ``http://127.0.0.1:8000``."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _loopback(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address that a setting names.

    >>> _loopback("localhost"), _loopback("::1")
    (IPv4Address('127.0.0.1'), IPv6Address('::1'))
    """
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise Usage(f"The host to listen on is not an address: {host}.") from None
    if not address.is_loopback:
        raise Usage(
            "Konan listens on loopback addresses only until TLS can be set up.",
            hint="Use --host 127.0.0.1, and a proxy with TLS in front of it for other machines.",
        )
    return address
