"""Every setting, its meaning, its value and where the value came from.

A value comes from the default, else the file ``config.json`` of the data directory, else the environment
(``KONAN_`` and the name in capitals), else a flag; the later wins. No other module reads the environment.
"""

import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import msgspec

from konan.errors import Invalid

ENVIRONMENT_PREFIX = "KONAN_"
_MIB = 1024 * 1024
_PATHS = {"data_dir", "otel_headers_file"}


def _setting(default: object, meaning: str) -> Any:
    return field(default=default, metadata={"meaning": meaning})


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The settings of one server; sizes in bytes and times in seconds unless the name says otherwise."""

    data_dir: str = _setting("~/.konan/data", "Directory that holds everything of this server.")
    host: str = _setting("127.0.0.1", "Address to listen on; only loopback until TLS is set up.")
    port: int = _setting(8000, "TCP port to listen on; 0 takes a free one.")
    database_url: str = _setting("", "SQLAlchemy URL of the metadata; empty is SQLite in the data directory.")
    gateways: int = _setting(0, "Gateway processes; 0 is one up to 4 cores, then a quarter of the cores.")

    head_bytes: int = _setting(16 * 1024, "Largest request line and headers together.")
    head_count: int = _setting(100, "Most headers of one request.")
    target_bytes: int = _setting(8 * 1024, "Longest request target (path and query).")
    body_bytes: int = _setting(1 * _MIB, "Largest body of a request other than an upload.")
    feedback_bytes: int = _setting(16 * _MIB, "Largest body of a request with ground truth.")
    upload_bytes: int = _setting(2048 * _MIB, "Largest upload of a version.")
    rows: int = _setting(10_000, "Most rows of one prediction request.")
    json_depth: int = _setting(64, "Deepest nesting of a JSON body.")
    connections: int = _setting(4096, "Most open connections of one gateway.")
    head_timeout: float = _setting(10.0, "Seconds within which a request's headers must arrive.")
    body_timeout: float = _setting(
        30.0, "Seconds within which a body must arrive; for an upload, between two parts."
    )
    idle_timeout: float = _setting(5.0, "Seconds that a connection may stay open without a request.")
    drain_timeout: float = _setting(20.0, "Seconds that requests in flight get at shutdown.")

    deadline: float = _setting(30.0, "Seconds within which a model must have answered.")
    queue_rows: int = _setting(20_000, "Most rows that wait for one version; more are refused with 429.")
    batch_rows: int = _setting(4096, "Most rows given to a model in one call.")
    replicas: int = _setting(1, "Workers of one version.")
    worker_memory: int = _setting(4096 * _MIB, "Address space that one worker may use.")
    worker_files: int = _setting(256, "Descriptors that one worker may hold.")
    worker_file_bytes: int = _setting(256 * _MIB, "Largest file that a worker may write.")
    worker_start_timeout: float = _setting(120.0, "Seconds within which a worker must have loaded its model.")
    worker_crashes: int = _setting(5, "Crashes within a minute after which a version rests (breaker).")
    unsafe_models: bool = _setting(False, "Run models without any sandbox where the system has none.")
    threads: int = _setting(1, "Numeric threads of one worker (OpenMP, BLAS).")

    segment_bytes: int = _setting(32 * _MIB, "Size of one journal segment.")
    flush_rows: int = _setting(50_000, "Rows of a deployment that are put into its table at once.")
    flush_seconds: float = _setting(900.0, "Seconds after which fewer rows are put into their table too.")
    retention_days: int = _setting(0, "Days that predictions are kept; 0 keeps them for ever.")
    log_bytes: int = _setting(16 * _MIB, "Size at which a log file is turned over; one old one is kept.")
    log_level: str = _setting("info", "Least severe log lines written: debug, info, warning or error.")
    log_format: str = _setting(
        "json", "Form of log lines: json, or ecs for Elasticsearch (Elastic Common Schema)."
    )
    build_timeout: float = _setting(900.0, "Seconds that building an environment may take.")
    certify_timeout: float = _setting(300.0, "Seconds that a certificate may take.")
    data_rows: int = _setting(1_000_000, "Most rows read from the data given at deploy.")
    key_days: int = _setting(90, "Days that a new key is valid unless it says otherwise.")
    webhook_networks: str = _setting(
        "", "Networks, with commas, that webhooks may go to though they are not public; also by plain HTTP."
    )
    apprise_services: str = _setting(
        "discord,msteams,opsgenie,pagerduty,slack,tgram",
        "Services of Apprise, with commas, that may be used.",
    )
    otel_endpoint: str = _setting(
        "", "Address of an OpenTelemetry collector, as http://127.0.0.1:4318; empty sends nothing."
    )
    otel_headers_file: str = _setting("", "File with headers for it, as a key: name: value, one a line.")
    otel_share: float = _setting(1.0, "Share of requests, from 0 to 1, whose spans are sent to it.")
    otel_seconds: float = _setting(10.0, "Seconds between two rounds of sending to it.")


@dataclass(frozen=True, slots=True)
class Origin:
    """One setting as it stands.

    Attributes:
        name: its name.
        value: the value in force.
        origin: where it came from: ``default``, ``file``, ``environment`` or ``flag``.
        meaning: the setting in one sentence.
    """

    name: str
    value: object
    origin: str
    meaning: str


def load(flags: dict[str, object] | None = None) -> tuple[Settings, list[Origin]]:
    """The settings in force, and where each came from.

    Args:
        flags: values given on the command line, by name; ``None`` values count as not given.

    Raises:
        Invalid: a value has the wrong type, or the file names a setting that does not exist.
    """
    layers = [("environment", _environment()), ("flag", _given(flags or {}))]
    data_dir = next(
        (str(layer["data_dir"]) for _, layer in reversed(layers) if "data_dir" in layer),
        str(Settings().data_dir),
    )
    layers.insert(0, ("file", _file(Path(data_dir).expanduser() / "config.json")))
    values: dict[str, object] = {}
    origins = []
    for spec in fields(Settings):
        value, origin = spec.default, "default"
        for source, layer in layers:
            if spec.name in layer:
                value, origin = _typed(spec.name, spec.type, layer[spec.name], source), source
        if spec.name in _PATHS and value:  # other processes work in other directories
            value = str(Path(str(value)).expanduser().absolute())
        values[spec.name] = value
        origins.append(Origin(spec.name, value, origin, spec.metadata["meaning"]))
    return Settings(**values), origins  # type: ignore[arg-type] # typed one by one above


@dataclass(frozen=True, slots=True)
class Paths:
    """Where things are inside the data directory; all of it is 0700 and no user's text is part of a path.

    Attributes:
        root: the data directory itself.
    """

    root: Path

    @property
    def database(self) -> Path:
        """The SQLite file of the metadata."""
        return self.root / "konan.db"

    @property
    def blobs(self) -> Path:
        """Content-addressed files."""
        return self.root / "blobs"

    @property
    def environments(self) -> Path:
        """Locked virtual environments, a directory per digest of the lock."""
        return self.root / "environments"

    @property
    def packages(self) -> Path:
        """Unpacked packages, a directory per version uuid."""
        return self.root / "packages"

    @property
    def journal(self) -> Path:
        """Segments, a directory per gateway."""
        return self.root / "journal"

    @property
    def predictions(self) -> Path:
        """The prediction log: a directory per deployment uuid, and the rows that wait."""
        return self.root / "predictions"

    @property
    def logs(self) -> Path:
        """Log files: ``<version uuid>.log`` of workers, ``control.log`` and so on."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """Sockets and the snapshot; the working directory of gateways and control."""
        return self.root / "run"

    @property
    def uploads(self) -> Path:
        """Archives that are being received."""
        return self.root / "uploads"

    @property
    def snapshot(self) -> Path:
        """The snapshot of routes (`konan.records.routes.Snapshot` as JSON), replaced by rename."""
        return self.run / "routes.json"

    @property
    def workers(self) -> Path:
        """The workers that shall run (`konan.records.routes.Workers` as JSON), replaced by rename."""
        return self.run / "workers.json"

    @property
    def secret(self) -> Path:
        """The secret under which private values are hashed; only its owner may read it."""
        return self.root / "secret"

    @property
    def lock(self) -> Path:
        """Locked exclusively by the supervisor; holds its process id."""
        return self.root / "lock"

    def make(self) -> None:
        """Make all directories, private to this user."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for directory in (
            self.blobs,
            self.environments,
            self.packages,
            self.journal,
            self.predictions,
            self.logs,
            self.run,
            self.uploads,
        ):
            directory.mkdir(mode=0o700, exist_ok=True)


CONTROL_SOCKET = "control.sock"
"""Control's listening socket in `Paths.run`; used as a relative path, because socket paths are short."""


def paths(settings: Settings) -> Paths:
    """Where this server keeps its things, as absolute paths."""
    return Paths(Path(settings.data_dir).expanduser().resolve())


def to_json(settings: Settings) -> bytes:
    """Settings as JSON, to hand them to a child process through a descriptor (they may hold a password)."""
    return msgspec.json.encode(settings)


def from_json(data: bytes) -> Settings:
    """Settings from what `to_json` made."""
    return msgspec.json.decode(data, type=Settings)


def home() -> Path:
    """The directory of the local profile: ``$KONAN_HOME``, else ``~/.konan``."""
    return Path(os.environ.get("KONAN_HOME") or "~/.konan").expanduser()


def client_environment() -> tuple[str | None, str | None]:
    """The server's address and the key that the environment names: ``KONAN_URL``, ``KONAN_API_KEY``."""
    return os.environ.get("KONAN_URL") or None, os.environ.get("KONAN_API_KEY") or None


def builder_environment() -> dict[str, str]:
    """What an environment builder inherits: paths, language, and the user's index, proxy and CA settings."""
    wanted = (
        "PATH",
        "HOME",
        "LANG",
        "LC_ALL",
        "TMPDIR",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE",
    )
    prefixes = ("UV_", "PIP_", "XDG_", "NETRC")
    proxies = {"http_proxy", "https_proxy", "no_proxy", "all_proxy"}
    return {
        name: value
        for name, value in os.environ.items()
        if name in wanted or name.startswith(prefixes) or name.lower() in proxies
    }


def _environment() -> dict[str, object]:
    names = {spec.name for spec in fields(Settings)}
    found: dict[str, object] = {}
    for key, value in os.environ.items():
        name = key.removeprefix(ENVIRONMENT_PREFIX).lower()
        if key.startswith(ENVIRONMENT_PREFIX) and name in names:
            found[name] = value
    return found


def _given(flags: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in flags.items() if value is not None}


def _file(path: Path) -> dict[str, object]:
    try:
        content = msgspec.json.decode(path.read_bytes(), type=dict[str, object])
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise Invalid(f"The settings file {path} cannot be read: {error.strerror}.") from None
    except msgspec.DecodeError as error:
        raise Invalid(f"The settings file {path.name} is not a JSON object: {error}.") from None
    unknown = sorted(set(content) - {spec.name for spec in fields(Settings)})
    if unknown:
        raise Invalid(
            f"The settings file {path.name} has no setting named {unknown[0]}.",
            hint="`konan config show` lists all settings.",
        )
    return content


def _typed(name: str, kind: Any, value: object, source: str) -> object:
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError:
        raise Invalid(
            f"The setting {name} (from {source}) must be of type {kind.__name__}.",
            hint="`konan config show` lists all settings with their values.",
        ) from None
