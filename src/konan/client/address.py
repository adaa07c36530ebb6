"""Finds the server and the key: what the caller gave, else the environment, else the local profile."""

from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from konan import config, profile
from konan.errors import Unreachable, Usage


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is and the key to call it with.

    Attributes:
        url: scheme, host and port, without a slash at the end.
        key: text of the key, or empty.
    """

    url: str
    key: str = field(repr=False)

    @property
    def loopback(self) -> bool:
        """Whether the server is on this machine, so that no proxy is to be asked."""
        host = urlsplit(self.url).hostname or ""
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"


def find(url: str | None = None, key: str | None = None) -> Address:
    """The server and the key to use.

    Args:
        url: address given by the caller, else ``KONAN_URL``, else the profile's.
        key: key given by the caller, else ``KONAN_API_KEY``, else the profile's when it was made for this
            very origin.

    Raises:
        Usage: the address or the key cannot be one.
        Unreachable: no address is known.
    """
    environment_url, environment_key = config.client_environment()
    local = profile.read()
    address = url or environment_url or (local.url if local else None)
    if address is None:
        raise Unreachable(
            "No Konan server is known.",
            hint="Start one with `konan up`, or name one with --url or KONAN_URL.",
        )
    origin = _origin(address)
    text = key or environment_key
    if text is None and local is not None and _origin(local.url) == origin:
        text = local.key
    return Address(origin, _key(text or ""))


def _origin(url: str) -> str:
    problem = Usage(
        f"{url!r} is not the address of a server.", hint="An address looks like http://127.0.0.1:8000."
    )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise problem from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/") or parts.query:
        raise problem
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{port or (443 if parts.scheme == 'https' else 80)}"


def _key(text: str) -> str:
    if not text.isascii() or not text.isprintable() or " " in text.strip():
        raise Usage("The key holds characters that no key has.", hint="Copy it again; it starts with kn_.")
    return text.strip()
