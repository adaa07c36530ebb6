import socket

import pytest

from konan.worker import frames
from konan.worker.frames import HEAD, Frame


@pytest.mark.parametrize(
    "frame",
    [
        Frame(frames.PREDICT, 2, b"12345678" * 4, b'["a"]'),
        Frame(frames.DONE, 0, b"", b"", 2**63),
        Frame(frames.FAIL, 1, b"", b"{}", 1),
    ],
)
def test_a_frame_survives_the_way(frame: Frame) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        frames.write(ours, frame)
        assert frames.read(theirs) == frame


@pytest.mark.parametrize("sent", [0, 10, HEAD.size, HEAD.size + 3])
def test_the_end_in_the_middle_of_a_frame_is_none(sent: int) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        ours.sendall(frames.pack(Frame(frames.PREDICT, 1, b"12345678", b""))[:sent])
        ours.close()
        assert frames.read(theirs) is None


@pytest.mark.parametrize(
    "head",
    [
        HEAD.pack(b"EVIL", 1, 0, 0, 0),
        HEAD.pack(frames.DONE, 1, frames.LARGEST_FRAME, 1, 0),
        b"\xff" * HEAD.size,
    ],
)
def test_what_is_no_frame_is_refused(head: bytes) -> None:
    with pytest.raises(ValueError, match="not the head of a frame"):
        frames.unpack_head(head)
