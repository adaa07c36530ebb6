"""What a model needs installed: from the modules it names to pinned distributions, and back to safe text.

On the client, modules become distributions at the versions of the environment that deploys; what those need
in turn is resolved by the server's lock. On the server, what a client sent is parsed and written anew, so
that no option, address or second line gets into the file that the installer reads.
"""

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution, packages_distributions
from pathlib import Path
from typing import NamedTuple

from konan.errors import Invalid, ModelFileInvalid, Usage
from konan.packaging.reading import Reading

_LONGEST = 300
_MOST = 500
_HASH = re.compile(r"\s--hash[= ]\S+")
_COMMENT = re.compile(r"(^|\s)#.*$")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_PLAIN = re.compile(r"[A-Za-z0-9._\[\]<>=!~*+ ,;()'\"-]+", re.ASCII)
_KNOWN = {"sklearn": "scikit-learn", "lz4": "lz4", "yaml": "pyyaml", "PIL": "pillow", "cv2": "opencv-python"}
_SAME_NAME = ("numpy", "scipy", "pandas", "joblib", "cloudpickle", "skops", "xgboost", "lightgbm", "catboost")
_NO_DISTRIBUTION = frozenset({"__main__", "builtins"})
_FROM_INDEX_HINT = (
    "Deploy the model from memory (its own code then travels with it), give a Python class in a folder with "
    "its modules, or give requirements that name a package of the index."
)


class Pins(NamedTuple):
    """What a model needs.

    Attributes:
        requirements: as ``scikit-learn==1.9.1``, sorted.
        notices: what its owner should know.
    """

    requirements: tuple[str, ...]
    notices: tuple[str, ...]


def pinned(reading: Reading, needs: Iterable[str] = ()) -> Pins:
    """The distributions behind the modules that a model names, at the versions of this environment.

    What is not installed here is taken without a version where its distribution is known.

    Args:
        reading: what the model's file shows.
        needs: further modules, for the loader.

    Raises:
        Usage: a module is of no distribution that a package index has; the message names it.
    """
    installed = packages_distributions()
    found: dict[str, str] = {}
    notices = []
    for module in sorted({*reading.modules, *needs}):
        root = module.partition(".")[0]
        if root in sys.stdlib_module_names or root in _NO_DISTRIBUTION - {"__main__"}:
            continue
        for name in _distributions(module, root, installed):
            found[name] = _pin(name, module, reading)
    here = found.get("scikit-learn", "").removeprefix("scikit-learn==")
    if reading.sklearn and here not in ("", reading.sklearn):
        notices.append(
            f"It was fitted with scikit-learn {reading.sklearn} and runs with {here}, as installed here."
        )
    if not reading.complete:
        notices.append("The model's file could be read only in part, so its requirements may be incomplete.")
    return Pins(tuple(sorted(found.values())), tuple(notices))


def _distributions(module: str, root: str, installed: Mapping[str, list[str]]) -> list[str]:
    if root == "__main__":
        raise Usage(
            "The model needs a class or function of a script (__main__), which is not in its file.",
            hint=_FROM_INDEX_HINT,
        )
    names = sorted({_normal(name) for name in installed.get(root, [])})
    if len(names) > 1:  # a namespace that several distributions share
        names = [name for name in names if _has(distribution(name), module)] or names
    if names:
        return names
    if root in _KNOWN or root in _SAME_NAME:
        return [_KNOWN.get(root, root)]
    raise Usage(
        f"The model needs the module {root}, which no package from an index provides here.",
        hint=_FROM_INDEX_HINT,
    )


def _pin(name: str, module: str, reading: Reading) -> str:
    try:
        found = distribution(name)
    except PackageNotFoundError:
        fitted = reading.sklearn if name == "scikit-learn" else ""
        return f"{name}=={fitted}" if fitted else name
    origin = json.loads(found.read_text("direct_url.json") or "{}")
    if origin:
        raise Usage(
            f"The model needs the module {module} of {name}, which was not installed from a package index.",
            hint=_FROM_INDEX_HINT,
        )
    return f"{name}=={found.version.partition('+')[0]}"


def _has(found: Distribution, module: str) -> bool:
    path = module.replace(".", "/")
    return any(str(file).startswith((f"{path}/", f"{path}.")) for file in found.files or ())


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def given(requirements: Sequence[str] | str | Path) -> Pins:
    """The requirements that a user gives: as a list, or as a requirements file.

    Hashes in a file are left out with a notice: the server makes a lock with hashes of its own.

    Raises:
        Usage: the file does not exist, or a line of it is more than a requirement.
    """
    lines = _lines(requirements) if isinstance(requirements, str | Path) else list(requirements)
    plain = [_HASH.sub("", line).strip() for line in lines]
    for line in plain:
        if not _NAME.match(line) or not _PLAIN.fullmatch(line):
            raise Usage(
                f"{line[:80]!a} is not a requirement that Konan takes.",
                hint="Name packages of an index with versions, as scikit-learn==1.9.1; options and addresses "
                "are not accepted.",
            )
    notice = "Hashes in the requirements file are replaced by those of the server's own lock."
    return Pins(tuple(plain), (notice,) if plain != lines else ())


def _lines(path: str | Path) -> list[str]:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Usage(f"The requirements file {path} cannot be read.") from error
    lines = (_COMMENT.sub("", line).strip() for line in text.replace("\\\n", " ").splitlines())
    return [line for line in lines if line]


def own(modules: Iterable[str]) -> tuple[str, ...]:
    """Those modules that are the user's own: of a script, a local file, or a package in a folder.

    >>> own(["collections.abc", "msgspec", "__main__"])
    ('__main__',)
    """
    roots = {name.partition(".")[0] for name in modules} - sys.stdlib_module_names - {"builtins"}
    installed = packages_distributions() if roots else {}
    return tuple(sorted(root for root in roots if not _from_index(installed.get(root, []))))


def _from_index(names: list[str]) -> bool:
    return bool(names) and not any(distribution(name).read_text("direct_url.json") for name in names)


def checked(requirements: Sequence[str]) -> tuple[str, ...]:
    """A client's requirements, parsed and written anew (server side).

    >>> checked(["Scikit-Learn == 1.9.1", "numpy>=2,<3"])
    ('numpy<3,>=2', 'scikit-learn==1.9.1')

    Raises:
        ModelFileInvalid: one is not a package of an index with versions and perhaps a marker (PEP 508).
    """
    from packaging.requirements import InvalidRequirement, Requirement

    if len(requirements) > _MOST:
        raise ModelFileInvalid(f"there are more than {_MOST} requirements")
    written = set()
    for text in requirements:
        if len(text) > _LONGEST or not _PLAIN.fullmatch(text):
            raise _not_one(text)
        try:
            parsed = Requirement(text)
        except InvalidRequirement as error:
            raise _not_one(text) from error
        if parsed.url or any(item.operator == "===" for item in parsed.specifier):
            raise _not_one(text)
        parsed.name = _normal(parsed.name)
        written.add(str(parsed))
    return tuple(sorted(written))


def _not_one(text: str) -> Invalid:
    return ModelFileInvalid(
        f"{text[:80]!a} is not a requirement that Konan takes",
        hint="Name packages of an index with versions, as scikit-learn==1.9.1.",
    )
