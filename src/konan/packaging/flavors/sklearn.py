"""A fitted scikit-learn model (or one like it) in a file of joblib, pickle, cloudpickle or skops."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from konan.errors import ModelFileInvalid
from konan.packaging.magic import Container, container
from konan.packaging.reading import Reading

_FIRST = 16
_CONTAINERS: dict[str, tuple[Container, ...]] = {
    "joblib": ("pickle", "zlib", "gzip", "bz2", "xz", "lzma", "lz4"),
    "pickle": ("pickle",),
    "cloudpickle": ("pickle",),
    "skops": ("zip",),
}
_NEEDS_NAMES = frozenset({"feature_names_in_", "ColumnTransformer"})


@dataclass(frozen=True, slots=True)
class SklearnFlavor:
    """Models with ``predict``, as scikit-learn writes them."""

    name: str = "sklearn"
    loader: str = "sklearn"

    def detect(self, path: Path) -> bool:
        """Whether the file begins as a pickle, a compressed one, or a zip.

        A zip is told to be skops only when it is read.
        """
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return container(file.read(_FIRST)) != ""

    def files(self, path: Path) -> dict[str, Path]:
        """The one file."""
        suffix = path.suffix.lower()
        known = suffix if suffix in (".joblib", ".pkl", ".pickle", ".cloudpickle", ".skops") else ".bin"
        return {f"model/model{known}": path}

    def options(self, _path: Path, reading: Reading, /) -> dict[str, Any]:
        """How it is written: ``{"format": "joblib"}``."""
        return {"format": reading.format}

    def needs(self, options: Mapping[str, Any], reading: Reading) -> tuple[str, ...]:
        """scikit-learn, numpy and what reads the file; pandas for a model fitted on named columns."""
        needed = ["sklearn", "numpy"]
        if options["format"] in ("joblib", "cloudpickle", "skops"):
            needed.append(options["format"])
        if reading.compression == "lz4":
            needed.append("lz4")
        if _NEEDS_NAMES & set(reading.words):
            needed.append("pandas")
        return tuple(needed)

    def runs_code(self, options: Mapping[str, Any]) -> bool:
        """All but skops: unpickling is running.

        >>> FLAVOR.runs_code({"format": "joblib"}), FLAVOR.runs_code({"format": "skops"})
        (True, False)
        """
        return options.get("format") != "skops"

    def check(
        self, options: Mapping[str, Any], members: Sequence[str], first: Callable[[str], bytes]
    ) -> None:
        """The bytes must be of the declared format.

        Raises:
            ModelFileInvalid: they are not, or the options are not of this flavor.
        """
        declared = options.get("format")
        if set(options) != {"format"} or not isinstance(declared, str) or declared not in _CONTAINERS:
            raise ModelFileInvalid(f"the sklearn flavor needs the option format: {', '.join(_CONTAINERS)}")
        if len(members) != 1:
            raise ModelFileInvalid("a scikit-learn model is one file")
        if container(first(members[0])[:_FIRST]) not in _CONTAINERS[declared]:
            raise ModelFileInvalid(
                f"{members[0]} is declared as {declared}, but its bytes are something else"
            )


FLAVOR = SklearnFlavor()
