"""The messages between a worker and its supervisor: a length, then one JSON object, descriptors beside it.

The worker's end is descriptor 3. It sends, in this order:

* ``{"kind": "sandboxed", "level", "layers", "temporary"}`` by the launcher, before anything of the
  model's environment has run; only the first message can be believed;
* ``{"kind": "ready", "load_seconds", "memory_bytes", "described"}`` when the model is loaded, or
  ``{"kind": "failed", "type", "message", "traceback"}``.

It is sent ``{"kind": "link"}`` with one descriptor, a gateway's link, and while it is certified
``{"kind": "configure", "features", "output", "input"}``, which it applies to the loaded model and answers
with ``{"kind": "configured"}``. End of file means: end.
"""

import array
import json
import socket
import struct

CHANNEL = 3
_LENGTH = struct.Struct("<I")
_LARGEST = 1 << 22
_TEXT = 16384


def send(channel: socket.socket, message: "dict[str, object]") -> None:
    """Send one message.

    Raises:
        OSError: the other side has gone.
    """
    body = json.dumps(message).encode()
    channel.sendall(_LENGTH.pack(len(body)) + body)


def receive(channel: socket.socket) -> "tuple[dict[str, object], list[int]] | None":
    """Wait for one message and the descriptors beside it; None when the other side has gone.

    Raises:
        ValueError: what came is not a message.
    """
    descriptors: "list[int]" = []
    head = _exactly(channel, _LENGTH.size, descriptors)
    if head is None:
        return None
    (size,) = _LENGTH.unpack(head)
    if size > _LARGEST:
        raise ValueError("the message is too long")
    body = _exactly(channel, size, descriptors)
    return None if body is None else (json.loads(body.decode()), descriptors)


def failed(kind: str, message: str, traceback: str = "") -> "dict[str, object]":
    """The message that says why no model will answer; long texts lose their middle.

    >>> failed("ValueError", "no such file")["type"]
    'ValueError'
    """
    return {
        "kind": "failed",
        "type": shorten(kind, 200),
        "message": shorten(message, 2000),
        "traceback": shorten(traceback, _TEXT),
    }


def shorten(text: str, most: int) -> str:
    """A text of at most about ``most`` characters; what is cut is cut from the middle.

    >>> shorten("abcdefghij", 4)
    'ab … ij'
    """
    if len(text) <= most:
        return text
    return text[: most // 2] + " … " + text[-(most // 2) :]


def _exactly(channel: socket.socket, size: int, descriptors: "list[int]") -> "bytes | None":
    parts = []
    while size:
        data, beside, _, _ = channel.recvmsg(size, socket.CMSG_SPACE(4 * array.array("i").itemsize))
        for level, kind, content in beside:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                received = array.array("i")
                received.frombytes(content[: len(content) - len(content) % received.itemsize])
                descriptors.extend(received)
        if not data:
            return None
        parts.append(data)
        size -= len(data)
    return b"".join(parts)
