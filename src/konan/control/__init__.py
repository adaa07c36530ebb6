"""The control plane: its HTTP API, and how gateways and workers are kept in step with the store."""

from konan.control.app import create_app
from konan.control.fleet import Fleet
from konan.control.services import Services

__all__ = ["Fleet", "Services", "create_app"]
