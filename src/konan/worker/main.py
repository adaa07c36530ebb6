"""A worker: loads one model inside the sandbox and answers the frames on its links, one call at a time.

The start message is on descriptor 0 (see `launch`). Of it this reads ``package`` and ``model``::

    {"loader": "sklearn" | "python", "files": [paths in the package, the one to load first],
     "digests": {path: SHA-256}, "options": {...}, "features": [[name, type, dtype], ...],
     "input": "frame" | "array",
     "output": {"kind": ..., "probabilities": ..., "label": ...},
     "private": whether values of rows may not be written anywhere}

``features`` may be empty and ``output`` absent while the model is only being described.
"""

import faulthandler
import gc
import json
import os
import resource
import signal
import site
import socket
import sys
import time
from typing import Any, Dict

from . import integrity, seccomp, traces, wire
from .loaders import Model, load
from .serve import log, serve


def main(arguments: "list[str]") -> None:
    """Load the model, say so, and answer until the supervisor closes the channel.

    Args:
        arguments: ``filtered`` when system calls are filtered already, then the rest is closed here.
    """
    started = time.perf_counter()
    channel = socket.socket(fileno=wire.CHANNEL)
    package = ""
    try:
        start = _start_message()
        package = str(start["package"])
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        if "filtered" in arguments:
            seccomp.install(seccomp.EXEC, [])
        model = _load(start)
        described = model.describe()
        wire.send(channel, _ready(described, time.perf_counter() - started))
    except BaseException as error:  # noqa: BLE001 - a model may raise anything, SystemExit included
        text = traces.text_of(error, package)
        log(text)
        wire.send(channel, wire.failed(type(error).__name__, str(error), text))
        sys.exit(1)
    gc.collect()
    gc.freeze()
    serve(channel, model, package, private=bool(start["model"].get("private")))


def _start_message() -> "Dict[str, Any]":
    with os.fdopen(0, "rb", closefd=False) as file:
        start: "Dict[str, Any]" = json.loads(file.read().decode())
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return start


def _load(start: "Dict[str, Any]") -> Model:
    faulthandler.enable()
    integrity.check(str(start["package"]), start["model"].get("digests", {}))
    site.main()  # from here on code of the environment runs: its .pth files first
    return load(str(start["package"]), start["model"])


def _ready(described: "Dict[str, object]", seconds: float) -> "Dict[str, object]":
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "kind": "ready",
        "load_seconds": seconds,
        "memory_bytes": peak if sys.platform == "darwin" else peak * 1024,
        "described": described,
    }
