"""What an interpreter needs from the disk, found without running it: a package may have tampered with it."""

import os
from typing import NamedTuple

_HOPS = 40


class NotFound(Exception):
    """A path that the worker needs is not there."""


class Needs(NamedTuple):
    """What must be visible.

    Attributes:
        readable: real files and directories.
        links: other names by which they are asked for, and what each stands for.
    """

    readable: "list[str]"
    links: "list[tuple[str, str]]"


SYSTEM = (
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/lib",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/usr/share/zoneinfo",
)
"""Shared libraries and time zones, where there are such."""

DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")


def needs(python: str) -> Needs:
    """What the interpreter of an environment needs, beside the package of the model.

    The environment itself, the real program behind its links, and the libraries beside that; never
    the whole folder above, which may be a home.

    Args:
        python: path of the interpreter, in a virtual environment or not.

    Raises:
        NotFound: there is no interpreter, or it has no libraries beside it.
    """
    names, program = _names(python), os.path.realpath(python)
    prefix = os.path.dirname(os.path.dirname(program))
    if not os.path.isfile(program) or not os.path.isdir(os.path.join(prefix, "lib")):
        raise NotFound("There is no interpreter at %s." % python)
    readable = [program, os.path.join(prefix, "lib"), os.path.join(prefix, "lib64")]
    links = [(name, program) for name in names]
    environment = os.path.dirname(os.path.dirname(python))
    if os.path.isfile(os.path.join(environment, "pyvenv.cfg")):
        readable.append(environment)
        links += [(os.path.dirname(home), prefix) for home in _homes(environment)]
    readable += [path for path in SYSTEM if os.path.exists(path)]
    return real(readable, links)


def real(paths: "list[str]", links: "list[tuple[str, str]]") -> Needs:
    """Paths without links in them, none inside another, and the links that lead to them.

    Args:
        paths: files and directories; those that do not exist are left out.
        links: more names, each with what it stands for.
    """
    found = dict.fromkeys(os.path.realpath(path) for path in paths if os.path.exists(path))
    kept = [path for path in found if not any(_inside(path, other) for other in found)]
    aliases = [(path, os.path.realpath(path)) for path in paths if os.path.exists(path)]
    return Needs(kept, [(name, target) for name, target in [*aliases, *links] if name != target])


def _inside(path: str, other: str) -> bool:
    return path != other and path.startswith(other.rstrip("/") + "/")


def _names(python: str) -> "list[str]":
    names, path = [], python
    for _ in range(_HOPS):
        names.append(path)
        if not os.path.islink(path):
            return names
        path = os.path.normpath(os.path.join(os.path.dirname(path), os.readlink(path)))
    raise NotFound("The links of %s lead in a circle." % python)


def _homes(environment: str) -> "list[str]":
    with open(os.path.join(environment, "pyvenv.cfg"), encoding="utf-8") as file:
        pairs = (line.partition("=") for line in file)
        return [value.strip() for name, _, value in pairs if name.strip() == "home"]
