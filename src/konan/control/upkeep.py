"""What is done about a version beside its traffic: what it is compared with, and the rows it was given."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Protocol

import msgspec

from konan.errors import NotReady
from konan.ports import DeploymentStore
from konan.records.access import Principal, platform
from konan.records.deployments import Reference, Version

_AT_ONCE = 1


class Given(Protocol):
    """What knows the rows given at deploy (`konan.packaging.register.Registrar`)."""

    async def reference(self, version: Version) -> Reference:
        """What monitoring may compare a version with; may take a minute."""
        ...

    def forget_rows(self, version: Version) -> Version:
        """Remove the rows given with a version if they are not to be kept; the version as it is then."""
        ...


class Upkeep:
    """Keeps references and given rows in order, in the background.

    Args:
        store: the metadata.
        given: knows the rows.
        switching: held by whoever changes a version's record.
    """

    def __init__(self, store: DeploymentStore, given: Given, switching: asyncio.Lock) -> None:
        self._store = store
        self._given = given
        self._switching = switching
        self._references = asyncio.Semaphore(_AT_ONCE)  # nobody who deploys waits for these

    @contextlib.asynccontextmanager
    async def still(self) -> AsyncIterator[None]:
        """Change no version and read no rows given at deploy until the block ends.

        Raises:
            NotReady: such rows are being read; that may take long.
        """
        if self._references.locked():
            raise NotReady("Something to compare a version with is being made of the rows given at deploy.")
        async with self._references, self._switching:
            yield

    async def refer(self, caller: Principal, version: Version) -> None:
        """Keep what monitoring may compare with, once, beside the traffic."""
        if any(file.kept for file in version.datasets) and not version.reference.profile:
            async with self._references:
                made = await self._given.reference(version)
                await self._note(caller, version, reference=made)
        await self.forget(caller, version)

    async def forget(self, caller: Principal, version: Version) -> None:
        """Let go of the rows that a version was given, if they are not to be kept."""
        known = await asyncio.to_thread(self._given.forget_rows, version)
        if known != version:
            await self._note(caller, version, datasets=known.datasets, upload=known.upload)

    async def forget_left(self) -> None:
        """Let go of the rows of versions that ended while nobody could."""
        for deployment in await asyncio.to_thread(self._store.platform_deployments):
            caller = platform(deployment.project)
            versions = await asyncio.to_thread(self._store.list_versions, caller, deployment.name, 1000)
            for version in versions:
                if version.state in {"failed", "disabled"}:
                    await self.forget(caller, version)

    async def _note(self, caller: Principal, version: Version, **changes: object) -> None:
        """Change what is known of a version."""
        async with self._switching:
            known = await asyncio.to_thread(self._store.version, caller, version.deployment, version.version)
            changed = msgspec.structs.replace(known, **changes)
            await asyncio.to_thread(self._store.put_version, caller, changed)
