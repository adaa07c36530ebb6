import os
import socket
import struct

import pytest

from konan.worker import wire


def test_a_message_arrives_with_its_descriptor() -> None:
    ours, theirs = socket.socketpair()
    read, write = os.pipe()
    with ours, theirs:
        body = b'{"kind":"link"}'
        socket.send_fds(ours, [struct.pack("<I", len(body)) + body], [write])
        os.close(write)
        received = wire.receive(theirs)
        assert received is not None
        message, [descriptor] = received
        assert message == {"kind": "link"}
        os.write(descriptor, b"through")
        os.close(descriptor)
        assert os.read(read, 10) == b"through"
        os.close(read)


def test_the_end_of_the_channel_is_none() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        ours.sendall(b"\x05\x00")
        ours.close()
        assert wire.receive(theirs) is None


def test_a_message_that_is_too_long_is_not_read() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(b"\xff\xff\xff\xff")
        with pytest.raises(ValueError, match="too long"):
            wire.receive(theirs)


def test_what_is_sent_is_received() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        wire.send(ours, wire.failed("E", "m" * 5000, "t" * 50_000))
        received = wire.receive(theirs)
    assert received is not None
    assert received[0]["type"] == "E"
    assert len(str(received[0]["message"])) < 2100
    assert len(str(received[0]["traceback"])) < 16_500
