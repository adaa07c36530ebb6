"""The rows given at deploy, as an erasure needs them gone."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from konan.control.fleet import Fleet
from konan.errors import NotReady
from konan.packaging.erasing import Person, rows_erased
from konan.ports import Store
from konan.records.access import platform
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


class Counts(Protocol):
    """What counts live rows by references (`konan.monitoring.reference.learning.Learning`)."""

    async def anew(self, deployment: Deployment, versions: Sequence[Version]) -> None:
        """Count by the references as they are now, and let go of what was counted by those before."""
        ...


class GivenRows:
    """The rows given with the versions of all deployments.

    Args:
        store: the metadata.
        registrar: knows the rows.
        fleet: what runs.
        counts: has live rows counted by references.
    """

    def __init__(self, store: Store, registrar: Erases, fleet: Fleet, counts: Counts) -> None:
        self._store = store
        self._registrar = registrar
        self._fleet = fleet
        self._counts = counts

    async def erase(self, deployment: Deployment, person: Person) -> int:
        """Erase a person; returns how many rows of files it were, over all attempts.

        Raises:
            NotReady: a version is being built, or rows are being read.
        """
        caller, changed = platform(deployment.project), list[Version]()
        async with self._fleet.still():
            versions = await asyncio.to_thread(self._store.list_versions, caller, deployment.name, _ALL)
            for place, version in enumerate(versions):
                if version.state == "building":
                    raise NotReady(f"Version {version.version} of {deployment.name} is still being built.")
                left = await self._registrar.without(version, person)
                if left != version:
                    await asyncio.to_thread(self._store.put_version, caller, left)
                    versions[place] = left
                    changed.append(left)
            await asyncio.to_thread(self._registrar.remove_erased, person.erasure)
        if changed:
            await self._fleet.rows_changed()
            await self._counts.anew(deployment, changed)
        return rows_erased(versions, person.erasure)
