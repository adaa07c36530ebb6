"""The rows given at deploy, as an erasure needs them gone."""

import asyncio
from typing import Protocol

from konan.control.fleet import Fleet, platform
from konan.errors import NotReady
from konan.packaging.erasing import Person, rows_erased
from konan.ports import Store
from konan.records.deployments import Deployment, Version

_ALL = 1_000_000


class Erases(Protocol):
    """What knows the rows that versions were given (`konan.packaging.register.Registrar`)."""

    async def without(self, version: Version, person: Person) -> Version:
        """The version as it is without a person."""
        ...

    def remove_erased(self, erasure: str) -> None:
        """Remove what held the rows that an erasure took out."""
        ...


class GivenRows:
    """The rows given with the versions of all deployments.

    Args:
        store: the metadata.
        registrar: knows the rows.
        fleet: what runs.
    """

    def __init__(self, store: Store, registrar: Erases, fleet: Fleet) -> None:
        self._store = store
        self._registrar = registrar
        self._fleet = fleet

    async def erase(self, deployment: Deployment, person: Person) -> int:
        """Erase a person; returns how many rows of files it were, over all attempts.

        Raises:
            NotReady: a version is being built, or rows are being read.
        """
        caller, changed = platform(deployment.project), False
        async with self._fleet.still():
            versions = await asyncio.to_thread(self._store.list_versions, caller, deployment.name, _ALL)
            for place, version in enumerate(versions):
                if version.state == "building":
                    raise NotReady(f"Version {version.version} of {deployment.name} is still being built.")
                left = await self._registrar.without(version, person)
                if left != version:
                    await asyncio.to_thread(self._store.put_version, caller, left)
                    versions[place], changed = left, True
            await asyncio.to_thread(self._registrar.remove_erased, person.erasure)
        if changed:
            await self._fleet.rows_changed()
        return rows_erased(versions, person.erasure)
