"""What the platform needs from outside; each port has one contract suite that runs on all its adapters.

`Store` is cut by noun. Every function on behalf of a caller takes its `Principal` and sees only that
project; the few without one serve the platform itself and are named for it.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Literal, Protocol

from konan.records.access import Key, KeyGrant, Principal
from konan.records.alarms import Alarm, AlarmEvent, Incident
from konan.records.deployments import Deployment, Version
from konan.records.erasure import Erasure
from konan.records.ledger import Action, LedgerEntry
from konan.records.measures import CustomMetric, Decision
from konan.records.messages import WorkersChanged
from konan.records.notifications import Delivery, Receiver, Sent
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
        """Mark a key as revoked; again changes nothing; raises `NotFound` if there is no such key."""
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

    def set_live(
        self,
        caller: Principal,
        name: str,
        number: int,
        *,
        instead_of: int | Literal["any"] | None = "any",
        action: Action = "deploy",
        why: str = "",
    ) -> Deployment:
        """Make a version live, the one that was ``disabled``, and an entry in the ledger, all at once.

        Raises:
            NotFound: no such version.
            Conflict: the version has failed, or not the one is live that it shall be ``instead_of``.
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
        """One erasure; raises `NotFound` unless it is about deployments that the caller all sees."""
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


class AlarmStore(Protocol):
    """Alarms, what became of them, and incidents."""

    def add_alarm(self, caller: Principal, alarm: Alarm) -> None:
        """Keep a new alarm of a deployment that the caller sees.

        Raises:
            NotFound: no such deployment.
            Conflict: the deployment has an alarm of that name, or the id is taken.
        """
        ...

    def alarm(self, caller: Principal, alarm_id: str) -> Alarm:
        """One alarm; raises `NotFound` unless it is about a deployment that the caller sees."""
        ...

    def list_alarms(
        self, caller: Principal, limit: int, after: str = "", deployment: str = ""
    ) -> list[Alarm]:
        """Alarms that the caller sees by id, after an id, of all deployments or one; without ``memory``."""
        ...

    def remove_alarm(self, caller: Principal, alarm_id: str) -> Alarm:
        """Remove an alarm with its events, and give it back as it was; raises `NotFound` as `alarm` does."""
        ...

    def list_alarm_events(
        self, caller: Principal, alarm_id: str, limit: int, before: int = 0
    ) -> list[AlarmEvent]:
        """Changes of an alarm's state, newest first, before a number if that is not 0; see `alarm`."""
        ...

    def list_incidents(
        self, caller: Principal, limit: int, before: str = "", deployment: str = ""
    ) -> list[Incident]:
        """Incidents that the caller sees, newest first, before an id."""
        ...

    def platform_alarms(self) -> list[Alarm]:
        """Every alarm of every project, by id."""
        ...

    def platform_keep(
        self,
        alarms: Sequence[Alarm],
        events: Sequence[AlarmEvent] = (),
        incidents: Sequence[Incident] = (),
        deliveries: Sequence[Delivery] = (),
    ) -> None:
        """Keep what became of alarms, all of it or nothing.

        Args:
            alarms: as they are now, each with the ``revision`` it was read with; it is kept with the next.
            events: that led there.
            incidents: new ones or known ones, as they are now.
            deliveries: messages to send.

        Raises:
            Conflict: an alarm was changed since it was read, or is gone; nothing is kept.
        """
        ...


class ReceiverStore(Protocol):
    """Who is told of alarms, and the messages for them."""

    def add_receiver(self, caller: Principal, receiver: Receiver) -> None:
        """Keep a receiver of the caller's project.

        Raises:
            Conflict: the id is taken.
        """
        ...

    def receiver(self, caller: Principal, receiver_id: str) -> Receiver:
        """One receiver of the caller's project; raises `NotFound` if there is none of that id."""
        ...

    def list_receivers(self, caller: Principal, limit: int, after: str = "") -> list[Receiver]:
        """Receivers of the caller's project by id, after an id."""
        ...

    def remove_receiver(self, caller: Principal, receiver_id: str) -> Receiver:
        """Remove a receiver and its messages, and give it back; raises `NotFound` as `receiver` does."""
        ...

    def list_deliveries(self, caller: Principal, limit: int, before: str = "") -> list[Delivery]:
        """Messages of the caller's project, newest first, before an id."""
        ...

    def platform_receivers(self) -> list[Receiver]:
        """Every receiver of every project, by id."""
        ...

    def platform_deliveries(self) -> list[Delivery]:
        """Every message that waits, oldest first."""
        ...

    def platform_put_delivery(self, delivery: Delivery) -> None:
        """Keep what became of a message; one whose receiver was removed is forgotten."""
        ...


class MeasureStore(Protocol):
    """What owners declare about the worth of answers, and metrics of their own.

    What has the name of a deployment raises `NotFound` if the caller sees none of that name.
    """

    def decision(self, caller: Principal, name: str) -> Decision | None:
        """What is declared of a deployment; None if nothing is."""
        ...

    def put_decision(self, caller: Principal, name: str, decision: Decision | None) -> None:
        """Declare something of a deployment in place of what was; None takes it back."""
        ...

    def platform_decisions(self) -> dict[str, Decision]:
        """What is declared of every deployment, by its uuid."""
        ...

    def list_metrics(self, caller: Principal, name: str) -> list[CustomMetric]:
        """A deployment's own metrics by name."""
        ...

    def add_metric(self, caller: Principal, name: str, metric: CustomMetric) -> None:
        """Keep a metric of a deployment; raises `Conflict` if it has one of that name."""
        ...

    def remove_metric(self, caller: Principal, name: str, metric: str) -> CustomMetric:
        """Remove a metric of a deployment, and give it back; raises `NotFound` if there is none."""
        ...


class LedgerStore(Protocol):
    """What was live when; written by `DeploymentStore.set_live`."""

    def list_ledger(
        self, caller: Principal, name: str, limit: int, before: int | None = None
    ) -> list[LedgerEntry]:
        """Entries of a deployment, newest first, below a number; raises `NotFound` without a deployment."""
        ...

    def whole_ledger(self, caller: Principal, name: str) -> Iterator[LedgerEntry]:
        """All entries of a deployment, oldest first."""
        ...


class Store(
    KeyStore, DeploymentStore, ErasureStore, AlarmStore, ReceiverStore, MeasureStore, LedgerStore, Protocol
):
    """The metadata of the platform. One process writes; calls are atomic and durable when they return."""

    def ensure_project(self, name: str, at: str) -> None:
        """Make a project if there is none of that name."""
        ...

    def generation(self) -> int:
        """The number of the routes' snapshot."""
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


class Notifier(Protocol):
    """Sends messages to one kind of receivers."""

    async def check(self, url: str) -> None:
        """Find out whether messages may go to an address.

        Raises:
            Invalid: they may not.
            MissingExtra: what sends there is not installed.
        """
        ...

    async def send(self, receiver: Receiver, delivery: Delivery) -> Sent:
        """Attempt once to deliver a message; never raises, and ends within seconds."""
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
