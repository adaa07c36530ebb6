"""The SDK: `Client`, `AsyncClient` and `deploy`; light enough to live beside any model code."""

import re
from pathlib import Path
from typing import Any, Unpack

from konan.client.awaiting import AsyncClient
from konan.client.blocking import Client
from konan.client.steps import Log, NewKey, System
from konan.client.upload import DeployOptions
from konan.records.deployments import Deployment, Version
from konan.records.predictions import Feedback, FeedbackResult, Prediction

__all__ = [
    "AsyncClient",
    "Client",
    "DeployOptions",
    "Deployment",
    "Feedback",
    "FeedbackResult",
    "Log",
    "NewKey",
    "Prediction",
    "System",
    "Version",
    "deploy",
]


def deploy(model: Any, name: str = "", **options: Unpack[DeployOptions]) -> Version:
    """Deploy a model from a notebook on the server that the environment or the local profile names.

    Args:
        model: a fitted model in memory, or a file or folder of one.
        name: of the deployment; else one made of the model's class, as ``linearregression``, or of its file.
        **options: see `DeployOptions`; ``data`` is the table that the model was fitted on.

    Returns:
        The live version.

    Raises:
        GateFailed: the version failed; the notes hold the model's own traceback.
        Unreachable: no server is known or answers.
    """
    with Client() as client:
        return client.deploy(name or named_after(model), model, **options)


def named_after(model: Any) -> str:
    """A deployment's name made of a model's class, or of its file.

    >>> named_after("models/Bike_rentals.joblib"), named_after(Exception())
    ('bike-rentals', 'exception')
    """
    text = Path(model).stem if isinstance(model, str | Path) else type(model).__name__
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:63]
