"""Starts a module of this folder without putting the folder, or anything of Konan's, on ``sys.path``.

``python -I -S boot.py launch 7`` calls ``launch.main(["7"])``. The folder becomes the package
``konan_worker``, so a model may have modules of its own under any other name.
"""

import importlib
import importlib.util
import os
import sys

PACKAGE = "konan_worker"


def boot(module: str, arguments: "list[str]") -> None:
    """Import a module of this folder and call its ``main``.

    Args:
        module: its name, as ``launch``.
        arguments: what ``main`` is given.
    """
    here = os.path.dirname(os.path.abspath(__file__))
    spec = importlib.util.spec_from_file_location(
        PACKAGE, os.path.join(here, "__init__.py"), submodule_search_locations=[here]
    )
    if spec is None or spec.loader is None:
        raise ImportError("the worker's own code is not where it should be")
    package = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = package
    spec.loader.exec_module(package)
    importlib.import_module(PACKAGE + "." + module).main(arguments)


if __name__ == "__main__":
    boot(sys.argv[1], sys.argv[2:])
