"""Who made a package with what; shown to people, trusted by nobody."""

import platform
import subprocess
from pathlib import Path
from typing import Any

from konan import __version__, clock

_PATIENCE = 5.0


def provenance(requirements: tuple[str, ...], notices: tuple[str, ...], directory: Path) -> dict[str, Any]:
    """What is known of how a package was made.

    Args:
        requirements: what it needs.
        notices: what its owner should know.
        directory: whose git commit is recorded, if it is in a repository (never its remote's address).

    Returns:
        ``client``, ``python``, ``platform``, ``packages``, ``created_at``; ``notices`` where there are some;
        ``commit`` and ``commit_clean`` (whether nothing differed from it) in a repository.
    """
    made: dict[str, Any] = {
        "client": __version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": list(requirements),
        "created_at": clock.rfc3339(clock.now()),
    }
    if notices:
        made["notices"] = list(notices)
    commit = _git(directory, "rev-parse", "--verify", "HEAD")
    if commit:
        made["commit"] = commit
        made["commit_clean"] = _git(directory, "status", "--porcelain") == ""
    return made


def _git(directory: Path, *arguments: str) -> str | None:
    """What git says; None when it is missing, fails or takes too long."""
    try:
        done = subprocess.run(
            ["git", "-C", str(directory), *arguments],
            capture_output=True,
            timeout=_PATIENCE,
            check=True,
            text=True,
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout.strip()
