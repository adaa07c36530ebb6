import json
import socket
import threading
from collections.abc import Iterator

import pytest

from konan.worker import frames, serve
from konan.worker.frames import Frame

LINK = b'\x0f\x00\x00\x00{"kind":"link"}'


class Echo:
    """Answers what it is asked, or raises what the texts name."""

    def describe(self) -> dict[str, object]:
        return {}

    def predict(self, rows: int, numbers: bytes, texts: bytes) -> tuple[bytes, bytes]:
        assert rows
        if texts == b"raise":
            raise SystemExit("no")
        return numbers, texts


@pytest.fixture
def channel() -> Iterator[socket.socket]:
    """The supervisor's end of a running loop's channel."""
    ours, theirs = socket.socketpair()
    loop = threading.Thread(target=serve.serve, args=(theirs, Echo()))
    loop.start()
    with theirs:
        with ours:
            yield ours
        loop.join(10)
        assert not loop.is_alive()


def linked(channel: socket.socket) -> socket.socket:
    ours, theirs = socket.socketpair()
    with theirs:
        socket.send_fds(channel, [LINK], [theirs.fileno()])
    ours.settimeout(10)
    return ours


def test_each_link_gets_its_own_answers(channel: socket.socket) -> None:
    with linked(channel) as one, linked(channel) as two:
        frames.write(one, Frame(frames.PREDICT, 1, b"12345678", b""))
        frames.write(two, Frame(frames.PREDICT, 2, b"", b"[1,2]"))
        first, second = frames.read(one), frames.read(two)
        assert first is not None
        assert second is not None
        assert first[:4] == (frames.DONE, 1, b"12345678", b"")
        assert second[:4] == (frames.DONE, 2, b"", b"[1,2]")


def test_no_rows_are_answered_without_the_model(channel: socket.socket) -> None:
    with linked(channel) as link:
        frames.write(link, Frame(frames.PREDICT, 0, b"", b""))
        answer = frames.read(link)
        assert answer is not None
        assert answer[:4] == (frames.DONE, 0, b"", b"")


def test_a_failure_is_an_answer(channel: socket.socket) -> None:
    with linked(channel) as link:
        frames.write(link, Frame(frames.PREDICT, 1, b"", b"raise"))
        answer = frames.read(link)
        assert answer is not None
        assert answer.kind == frames.FAIL
        assert json.loads(answer.texts)["type"] == "SystemExit"
        frames.write(link, Frame(frames.PREDICT, 1, b"", b"1"))
        again = frames.read(link)
        assert again is not None
        assert again.kind == frames.DONE


@pytest.mark.parametrize("sent", [b"", b"EVIL" * 6, frames.pack(Frame(frames.DONE, 1, b"", b""))])
def test_a_link_that_ends_or_speaks_nonsense_is_dropped_alone(channel: socket.socket, sent: bytes) -> None:
    with linked(channel) as good:
        bad = linked(channel)
        bad.sendall(sent)
        bad.shutdown(socket.SHUT_WR)
        assert bad.recv(1) == b""
        bad.close()
        frames.write(good, Frame(frames.PREDICT, 1, b"", b"1"))
        assert frames.read(good) is not None


def test_a_gateway_that_leaves_before_its_answer_harms_nobody(channel: socket.socket) -> None:
    for _ in range(3):
        gone = linked(channel)
        frames.write(gone, Frame(frames.PREDICT, 1, b"12345678" * 100_000, b""))
        gone.close()
    with linked(channel) as link:
        frames.write(link, Frame(frames.PREDICT, 1, b"", b"1"))
        assert frames.read(link) is not None
