"""What versions take, remembered; asked of the store once for each version that rows belong to."""

from collections.abc import Callable

from konan import clock
from konan.ports import DeploymentStore
from konan.records.schema import Schema

Schemas = Callable[[str, int], Schema | None]
"""The schema of a version, by its deployment's uuid and its number; None when there is no such version."""

_PATIENCE = 5.0


class StoredSchemas:
    """The schemas of all versions that are not failed.

    Args:
        store: the metadata.
    """

    def __init__(self, store: DeploymentStore) -> None:
        self._store = store
        self._known: dict[tuple[str, int], Schema] = {}
        self._asked = -_PATIENCE

    def __call__(self, deployment: str, version: int) -> Schema | None:
        """The schema of a version, by its deployment's uuid and its number; None when it has none."""
        found = self._known.get((deployment, version))
        if found is None and clock.monotonic() - self._asked >= _PATIENCE:
            self._known = {
                (where.uuid, one.version): one.schema
                for where, one in self._store.platform_versions()
                if one.schema is not None
            }
            found = self._known.get((deployment, version))
            if found is None:  # rows of a version that is gone: do not ask for each of them
                self._asked = clock.monotonic()
        return found
