"""Puts files into a second directory as they are now, at the cost of a name each."""

import errno
import os
import shutil
from pathlib import Path

_NO_LINKS = frozenset({errno.EPERM, errno.EXDEV, errno.ENOTSUP, errno.EMLINK, errno.EACCES})


def link(source: Path, target: Path) -> bool:
    """Make a file be at a second place too; a copy where the file system has no links.

    Args:
        source: a file that nobody changes in place.
        target: where; its directory is made.

    Returns:
        Whether it was still there.
    """
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.link(source, target, follow_symlinks=False)
    except FileNotFoundError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        try:
            shutil.copyfile(source, target, follow_symlinks=False)
        except FileNotFoundError:
            return False
    return True
