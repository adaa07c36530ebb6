"""What ``/metrics`` shows a caller: predictions of its deployments, gateways, and processes."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import psutil

from konan.control.exposition import Exposition
from konan.records.access import Principal

_WORKER = re.compile(r"worker (.+) #[0-9]+")


def page(
    caller: Principal,
    *,
    version: str,
    generation: int,
    stats: Mapping[int, Mapping[str, Any]],
    processes: Iterable[Mapping[str, Any]],
) -> str:
    """The page of metrics.

    Args:
        caller: only its project's deployments are shown, and of these those that its key reaches.
        version: of Konan.
        generation: of the routes.
        stats: the counters of each gateway (see `konan.serving.metrics`).
        processes: ``{"name", "pid", "restarts"}`` of each; see `shown_processes`.
    """
    shown = Exposition()
    shown.family("konan_build_info", "gauge", "The version of Konan.", [({"version": version}, 1)])
    shown.family("konan_routes_generation", "gauge", "Number of the routes.", [({}, generation)])
    parts = list(_predictions(caller, stats))
    shown.family(
        "konan_prediction_requests_total",
        "counter",
        "Requests that a model had a say in, by outcome.",
        [(labels, part["requests"]) for labels, _, part in parts],
    )
    shown.family(
        "konan_predictions_total",
        "counter",
        "Rows of those requests.",
        [(labels, part["rows"]) for labels, _, part in parts],
    )
    shown.histogram(
        "konan_prediction_seconds",
        "Seconds from a request's arrival to its answer.",
        [(labels, bounds, part["seconds"]) for labels, bounds, part in parts],
    )
    _add_queues(shown, list(_seen_parts(caller, stats, "queues")))
    shown.gateways(stats)
    _add_processes(shown, processes)
    _add_machine(shown)
    return shown.text()


def shown_processes(
    processes: Iterable[Mapping[str, Any]], labels: frozenset[str]
) -> tuple[Mapping[str, Any], ...]:
    """The processes without the workers of other people's deployments.

    >>> both = [{"name": "control"}, {"name": "worker bikes v1 #1"}, {"name": "worker fraud v2 #7"}]
    >>> [process["name"] for process in shown_processes(both, frozenset({"bikes v1"}))]
    ['control', 'worker bikes v1 #1']
    """
    found = ((process, _WORKER.fullmatch(process["name"])) for process in processes)
    return tuple(process for process, worker in found if worker is None or worker[1] in labels)


def _predictions(
    caller: Principal, stats: Mapping[int, Mapping[str, Any]]
) -> Iterator[tuple[dict[str, object], list[Any], Mapping[str, Any]]]:
    for labels, part in _seen_parts(caller, stats, "predictions"):
        gateway = labels.pop("gateway")
        yield {**labels, "code": part["code"], "gateway": gateway}, stats[gateway]["bounds"], part


def _seen_parts(
    caller: Principal, stats: Mapping[int, Mapping[str, Any]], kind: str
) -> Iterator[tuple[dict[str, Any], Mapping[str, Any]]]:
    """Labels and figures of each part of the gateways' counters that the caller may see."""
    for gateway, counted in stats.items():
        for part in counted.get(kind, ()):
            if part["project"] == caller.project and caller.sees(part["deployment"]):
                names = ("project", "deployment", "version")
                yield {**{name: part[name] for name in names}, "gateway": gateway}, part


def _add_queues(shown: Exposition, parts: list[tuple[dict[str, Any], Mapping[str, Any]]]) -> None:
    families = (
        ("konan_workers", "gauge", "Workers that take calls.", "workers"),
        ("konan_waiting_rows", "gauge", "Rows that wait for a worker.", "waiting_rows"),
        ("konan_model_calls_total", "counter", "Calls of the model.", "frames"),
        ("konan_model_rows_total", "counter", "Rows in those calls.", "rows"),
        ("konan_model_seconds_total", "counter", "Time that the model took for them.", "model_seconds"),
    )
    for name, kind, meaning, field in families:
        shown.family(name, kind, meaning, [(labels, part[field]) for labels, part in parts])


def _add_processes(shown: Exposition, processes: Iterable[Mapping[str, Any]]) -> None:
    looked = [({"process": process["name"]}, process, _look(process["pid"])) for process in processes]
    families = (
        ("konan_process_cpu_seconds_total", "counter", "Processor time.", "cpu"),
        ("konan_process_resident_bytes", "gauge", "Memory in use.", "resident"),
        ("konan_process_open_fds", "gauge", "Open descriptors.", "descriptors"),
        ("konan_process_read_bytes_total", "counter", "Bytes read from disks.", "read"),
        ("konan_process_written_bytes_total", "counter", "Bytes written to disks.", "written"),
    )
    for name, kind, meaning, field in families:
        shown.family(
            name, kind, meaning, [(labels, seen[field]) for labels, _, seen in looked if field in seen]
        )
    restarts = [(labels, process.get("restarts", 0)) for labels, process, _ in looked]
    shown.family("konan_process_restarts_total", "counter", "Restarts after a failure.", restarts)


def _add_machine(shown: Exposition) -> None:
    memory, network = psutil.virtual_memory(), psutil.net_io_counters()
    families = (
        ("konan_machine_memory_bytes", "gauge", "Memory of the machine.", memory.total),
        ("konan_machine_memory_available_bytes", "gauge", "Memory that can be had.", memory.available),
        (
            "konan_machine_network_received_bytes_total",
            "counter",
            "Bytes received over networks.",
            getattr(network, "bytes_recv", 0),
        ),
        (
            "konan_machine_network_sent_bytes_total",
            "counter",
            "Bytes sent over networks.",
            getattr(network, "bytes_sent", 0),
        ),
    )
    for name, kind, meaning, value in families:
        shown.family(name, kind, meaning, [({}, value)])


def _look(pid: int) -> dict[str, float]:
    seen: dict[str, float] = {}
    try:
        process = psutil.Process(pid)
        times = process.cpu_times()
        seen["cpu"] = times.user + times.system
        seen["resident"] = process.memory_info().rss
        seen["descriptors"] = process.num_fds()
        counted = process.io_counters()
        seen["read"], seen["written"] = counted.read_bytes, counted.write_bytes
    except (psutil.Error, OSError):  # it has just ended, or runs as another user
        return seen
    return seen
