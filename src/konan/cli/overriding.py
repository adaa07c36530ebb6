"""Marks overriding methods for the type checker; Python 3.11 has no ``typing.override`` yet."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

if TYPE_CHECKING:
    from typing_extensions import override as override  # noqa: PLC0414 - exported
else:

    def override(method: F) -> F:
        """Say that a method overrides one of its class's parent."""
        return method
