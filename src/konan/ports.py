"""What the platform needs from outside; each port has one contract suite that runs on all its adapters.

`Store` is cut by noun. Every function on behalf of a caller takes its `Principal` and sees only that
project; the few without one serve the platform itself and are named for it.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Protocol

from konan.records.access import Key, KeyGrant, Principal
from konan.records.deployments import Deployment, Version
from konan.records.erasure import Erasure
from konan.records.messages import WorkersChanged
from konan.records.routes import WorkerSpec


class KeyStore(Protocol):
    """API keys; only digests are kept."""

    def add_key(self, caller: Principal, key: Key, digest: str) -> None:
        """Keep a key of the caller's project.

        Args:
            caller: who makes it.
            key: the key as it is listed.
            digest: SHA-256 of the key's text, 64 hexadecimal digits.

        Raises:
            Conflict: the id is taken.
        """
        ...

    def list_keys(self, caller: Principal, limit: int, after: str = "") -> list[Key]:
        """Keys of the caller's project by id, after an id, revoked ones included."""
        ...

    def revoke_key(self, caller: Principal, key_id: str, at: str) -> Key:
        """Mark a key as revoked; revoking again changes nothing.

        Raises:
            NotFound: no such key in the caller's project.
        """
        ...

    def platform_grants(self) -> list[KeyGrant]:
        """Every key of every project that is not revoked, for the gateways."""
        ...


class DeploymentStore(Protocol):
    """Deployments and their versions."""

    def ensure_deployment(self, caller: Principal, name: str, uuid: str, at: str) -> Deployment:
        """The deployment of that name in the caller's project, made if there is none."""
        ...

    def deployment(self, caller: Principal, name: str) -> Deployment:
        """One deployment.

        Raises:
            NotFound: none of that name is visible to the caller.
        """
        ...

    def list_deployments(self, caller: Principal, limit: int, after: str = "") -> list[Deployment]:
        """Deployments visible to the caller by name, after a name."""
        ...

    def add_version(self, caller: Principal, version: Version) -> Version:
        """Keep a new version under the next free number of its deployment (its own number is ignored).

        Raises:
            NotFound: no such deployment.
        """
        ...

    def put_version(self, caller: Principal, version: Version) -> None:
        """Replace what is known of a version that exists.

        Raises:
            NotFound: no such version.
        """
        ...

    def version(self, caller: Principal, name: str, number: int) -> Version:
        """One version.

        Raises:
            NotFound: no such version is visible to the caller.
        """
        ...

    def list_versions(
        self, caller: Principal, name: str, limit: int, before: int | None = None
    ) -> list[Version]:
        """Versions, newest first, below a number.

        Raises:
            NotFound: no such deployment.
        """
        ...

    def set_live(self, caller: Principal, name: str, number: int) -> Deployment:
        """Make a version live and the one that was live ``disabled``, in one transaction.

        Raises:
            NotFound: no such version.
        """
        ...

    def platform_deployments(self) -> list[Deployment]:
        """Every deployment of every project, by project and name."""
        ...

    def platform_versions(self) -> list[tuple[Deployment, Version]]:
        """Every version that is not failed, with its deployment, for routes, workers and resuming."""
        ...


class ErasureStore(Protocol):
    """What was asked to be erased."""

    def add_erasure(self, caller: Principal, erasure: Erasure) -> None:
        """Keep an erasure of the caller's project.

        Raises:
            Conflict: the id is taken.
        """
        ...

    def erasure(self, caller: Principal, erasure_id: str) -> Erasure:
        """One erasure.

        Raises:
            NotFound: none of that id is about deployments that are all visible to the caller.
        """
        ...

    def list_erasures(self, caller: Principal, limit: int, before: str = "") -> list[Erasure]:
        """Erasures of which the caller sees all deployments, newest first, before an id."""
        ...

    def platform_erasures(self) -> list[Erasure]:
        """Every erasure of every project, oldest first."""
        ...

    def platform_put_erasure(self, erasure: Erasure) -> None:
        """Keep an erasure as it is now, also one that is new here."""
        ...


class Store(KeyStore, DeploymentStore, ErasureStore, Protocol):
    """The metadata of the platform. One process writes; calls are atomic and durable when they return."""

    def ensure_project(self, name: str, at: str) -> None:
        """Make a project if there is none of that name."""
        ...

    def next_generation(self) -> int:
        """Count up and return the number of the routes' snapshot."""
        ...

    def close(self) -> None:
        """Give back all connections."""
        ...


class Blobs(Protocol):
    """Immutable bytes under their SHA-256."""

    def put(self, chunks: Iterator[bytes]) -> tuple[str, int]:
        """Keep bytes; returns digest and size. Nothing is visible before all of it is on disk.

        Raises:
            StorageFull: there is no room; nothing is left behind.
        """
        ...

    def read(self, digest: str) -> bytes:
        """The bytes of a small blob, checked against its digest.

        Raises:
            NotFound: no such blob.
            Conflict: the stored bytes do not have that digest.
        """
        ...

    def copy_to(self, digest: str, path: Path) -> None:
        """Write a blob to a new file, checked against its digest on the way.

        Raises:
            NotFound: no such blob.
            Conflict: the stored bytes do not have that digest; no file is left behind.
        """
        ...

    def remove(self, digest: str) -> None:
        """Keep a blob no longer; one that is not there is none either."""
        ...


class Runtime(Protocol):
    """Where workers run."""

    async def want(self, workers: tuple[WorkerSpec, ...]) -> None:
        """Say which workers shall run; those that are not named are drained and stopped."""
        ...

    async def publish(self, generation: int, within: float) -> None:
        """Make all gateways take the snapshot of a generation; returns when all that run have.

        Raises:
            NotReady: a gateway did not ``within`` that many seconds.
        """
        ...

    def changes(self) -> AsyncIterator[WorkersChanged]:
        """What happens to workers, from now on."""
        ...
