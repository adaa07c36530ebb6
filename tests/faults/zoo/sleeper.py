"""A model that misbehaves while it is loaded, as its ``way`` file says; it never gets to predict."""

import json
import os
import struct
import sys


class Model:
    """Does its worst in ``load``."""

    def load(self, path: str) -> None:
        """Read what to do from the file ``way`` and do it."""
        with open(os.path.join(path, "way")) as file:
            way, _, target = file.read().partition(" ")
        if way == "raise":
            raise ValueError("no such weights")
        if way == "exit":
            sys.exit(0)
        if way == "die":
            os._exit(0)
        if way == "hang":
            while True:
                pass
        if way == "hang_up":
            os.close(3)
            while True:
                pass
        if way == "lie":
            _say({"kind": "sandboxed", "level": "full", "layers": ["everything"], "temporary": target})
        if way == "babble":
            os.write(3, b"\xff" * 100)

    def predict(self, rows: list[object]) -> list[object]:
        """Nothing."""
        return rows


def _say(message: dict[str, object]) -> None:
    body = json.dumps(message).encode()
    os.write(3, struct.pack("<I", len(body)) + body)
