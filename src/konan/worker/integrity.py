"""The files of a model are read against their digests before any of them is loaded, at every start."""

import hashlib
import os
from typing import Dict

_PIECE = 1 << 20


class Damaged(Exception):
    """A file of the package is not the one that was certified."""


def check(package: str, digests: "Dict[str, str]") -> None:
    """Check files of a package.

    Args:
        package: its directory.
        digests: SHA-256 in hexadecimal digits by relative path.

    Raises:
        Damaged: a file has other bytes.
        OSError: a file cannot be read.
    """
    for path, expected in digests.items():
        hasher = hashlib.sha256()
        with open(os.path.join(package, path), "rb") as file:
            for piece in iter(lambda: file.read(_PIECE), b""):
                hasher.update(piece)
        if hasher.hexdigest() != expected:
            raise Damaged("The file %s is not the one that was certified." % path)
