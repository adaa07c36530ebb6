"""Konan: deploy, monitor and maintain trained machine-learning models.

The public names of the SDK; they are loaded when first used, so that ``import konan`` is light.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from konan.client import AsyncClient, Client, deploy

__version__ = "0.1.0"
__all__ = ["AsyncClient", "Client", "__version__", "deploy"]


def __getattr__(name: str) -> Any:
    if name in {"AsyncClient", "Client", "deploy"}:
        from konan import client

        return getattr(client, name)
    raise AttributeError(name)
