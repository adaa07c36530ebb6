"""Which flavor a file or folder is, by what is in it and not by its name."""

from pathlib import Path

from konan.errors import ModelFileInvalid, Usage
from konan.packaging.flavors import Flavor, installed, named

_ACCEPTED = (
    "Konan takes a fitted scikit-learn model (joblib, pickle, cloudpickle, skops), or a .py file or a folder "
    "with model.py that has a class with predict."
)


def detect(path: Path, flavor: str = "") -> Flavor:
    """The flavor of a model on disk.

    Args:
        path: the file or folder.
        flavor: name of the flavor where the user says so; it must still fit.

    Raises:
        Usage: there is nothing at the path.
        ModelFileInvalid: no flavor knows it, or several do.
    """
    if not path.exists():
        raise Usage(f"There is no file or folder {path}.", hint="Check the path of the model.")
    if path.is_file() and path.stat().st_size == 0:
        raise ModelFileInvalid(f"{path.name} is empty.", hint=_ACCEPTED)
    candidates = [named(flavor)] if flavor else list(installed().values())
    fitting = [candidate for candidate in candidates if candidate.detect(path)]
    if not fitting:
        what = f"a model of flavor {flavor}" if flavor else "a model that Konan knows"
        raise ModelFileInvalid(f"{path.name} is not {what}.", hint=_ACCEPTED)
    if len(fitting) > 1:
        names = ", ".join(candidate.name for candidate in fitting)
        raise ModelFileInvalid(f"{path.name} could be of several flavors: {names}.", hint="Say which one.")
    return fitting[0]
