"""The server listens on loopback only, and says so when it cannot."""

import pytest

from konan.errors import Conflict, Usage
from konan.supervisor import listening


def test_port_zero_takes_a_free_one() -> None:
    with listening.bind("localhost", 0) as listener:
        port = listener.getsockname()[1]
        assert port > 0
        assert listening.origin(listener) == f"http://127.0.0.1:{port}"


def test_a_taken_port_is_a_conflict() -> None:
    with (
        listening.bind("127.0.0.1", 0) as listener,
        pytest.raises(Conflict, match="listens on port"),
    ):
        listening.bind("127.0.0.1", listener.getsockname()[1])


def test_ipv6_has_brackets() -> None:
    with listening.bind("::1", 0) as listener:
        assert listening.origin(listener) == f"http://[::1]:{listener.getsockname()[1]}"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "example.com", ""])
def test_any_other_address_is_refused(host: str) -> None:
    with pytest.raises(Usage):
        listening.bind(host, 0)
