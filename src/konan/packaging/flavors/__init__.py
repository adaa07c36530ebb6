"""The kinds of models that Konan takes: one file each, found by the entry point group ``konan.flavors``.

A flavor is used on both sides. The client recognises a file and says what it needs; the server checks that
the bytes are what the upload says they are. Neither loads the model: only a worker does.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol

from konan.errors import ModelFileInvalid
from konan.packaging.reading import Reading

GROUP = "konan.flavors"


class Flavor(Protocol):
    """One kind of model."""

    @property
    def name(self) -> str:
        """Its name in an upload, as ``sklearn``."""
        ...

    @property
    def loader(self) -> str:
        """Name of the loader that the worker uses."""
        ...

    def detect(self, path: Path) -> bool:
        """Whether a file or folder is of this kind, by what is in it."""
        ...

    def files(self, path: Path) -> dict[str, Path]:
        """The files to upload by the name of their member; the first is the one to load."""
        ...

    def options(self, path: Path, reading: Reading, /) -> dict[str, Any]:
        """What the worker must know to load it.

        Raises:
            ModelFileInvalid: the file leaves open what to load.
        """
        ...

    def needs(self, options: Mapping[str, Any], reading: Reading, /) -> tuple[str, ...]:
        """Modules that loading and calling it takes beside those that its file names."""
        ...

    def runs_code(self, options: Mapping[str, Any], /) -> bool:
        """Whether loading it may run its author's code; that takes the scope ``model:upload-code``."""
        ...

    def check(
        self, options: Mapping[str, Any], members: Sequence[str], first: Callable[[str], bytes]
    ) -> None:
        """Refuse an upload whose bytes are not what it says; there is no other loader to fall back to.

        Args:
            options: what the upload says.
            members: its files, the one to load first.
            first: the first bytes (at least 16, if there are so many) of a member.

        Raises:
            ModelFileInvalid: they do not fit.
        """
        ...


def installed() -> dict[str, Flavor]:
    """Every flavor by name.

    >>> sorted(installed())
    ['python', 'sklearn']
    """
    found: dict[str, Flavor] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        found[point.name] = point.load()
    return found


def named(name: str) -> Flavor:
    """The flavor of that name.

    Raises:
        ModelFileInvalid: there is none.
    """
    flavors = installed()
    if name not in flavors:
        known = ", ".join(sorted(flavors))
        raise ModelFileInvalid(f"no flavor is named {name[:60]!a}", hint=f"Known flavors: {known}.")
    return flavors[name]
