"""What gateways and the supervisor need to know: routes, keys, workers."""

import msgspec

from konan.records.access import KeyGrant
from konan.records.deployments import Durability
from konan.records.schema import Schema


class RouteVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version as a gateway sees it.

    Attributes:
        uuid: its id; links to workers carry it.
        number: its number in the deployment.
        schema: compiled into the validator.
        batch_rows: most rows of one call of the model; 1 when rows are not independent.
        deadline: seconds within which it must answer.
        queue_rows: most rows that may wait for it.
    """

    uuid: str
    number: int
    schema: Schema
    batch_rows: int
    deadline: float
    queue_rows: int


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment as a gateway sees it.

    Attributes:
        project: name of its project.
        name: name of the deployment.
        deployment: uuid of the deployment.
        live: number of the version that answers, or null.
        versions: every version that can be asked for by number.
        durability: what its answers promise; as the live version says.
    """

    project: str
    name: str
    deployment: str
    live: int | None
    versions: tuple[RouteVersion, ...]
    durability: Durability = "durable"


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that gateways need to serve without the control plane.

    Attributes:
        generation: counts up with every change.
        keys: all keys that are neither revoked nor expired.
        routes: all deployments.
    """

    generation: int
    keys: tuple[KeyGrant, ...]
    routes: tuple[Route, ...]


class WorkerSpec(msgspec.Struct, frozen=True, kw_only=True):
    """The workers that shall run for one version.

    Attributes:
        version_uuid: whose.
        label: for people, as ``bikes v3``.
        python: path of the interpreter of the version's environment.
        package: directory of the unpacked package.
        model: how to load and call the model; given to the worker as it is (see `konan.worker.main`).
        replicas: how many.
        memory: bytes of address space of each.
        files: descriptors of each.
        file_bytes: largest file that each may write.
        threads: numeric threads of each.
        start_timeout: seconds within which each must be ready.
        crashes: crashes within a minute after which the version rests.
        warming: only load the model; nobody is told of these workers until the same spec comes without this,
            and with a ``model`` that says more of how to call it.
    """

    version_uuid: str
    label: str
    python: str
    package: str
    model: dict[str, object]
    replicas: int
    memory: int
    files: int
    file_bytes: int
    threads: int
    start_timeout: float
    crashes: int
    warming: bool = False


class Workers(msgspec.Struct, frozen=True, kw_only=True):
    """What a supervisor needs to know to start all workers without the control plane.

    Attributes:
        workers: those of every version that is served.
    """

    workers: tuple[WorkerSpec, ...]
