"""Keeps the traffic of logs equal to a count of their tables, in the process that changes them.

The way is that of the profiles (`konan.monitoring.profiles.live`): after each commit, and after a crash at
any moment, what is missing is counted from just those files of the table that are not counted yet.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from konan.groundtruth.revisions import SUFFIX
from konan.journal.segments import Damage
from konan.monitoring.operations import traffic
from konan.monitoring.operations.latency import CELLS, Ints, cells_of
from konan.monitoring.operations.traffic import Count, Day, Group
from konan.monitoring.profiles.compaction import rewritten
from konan.monitoring.profiles.log_rows import hours_of
from konan.predictions.flusher import REJECTED
from konan.predictions.mark import sync
from konan.predictions.table import File, Snapshot

FOLDER = "traffic"
"""Where the traffic of a log is, beside its table."""

INDEX = "index"
_SUFFIX = ".day"
_HOURS, _STATUSES = 24, 1000
_FIXED = ("id", "version", "role", "status", "latency_us")


class Index(msgspec.Struct, frozen=True, array_like=True):
    """How far the traffic of a log is counted.

    Attributes:
        table: version of the log's table that is counted, all of it.
    """

    table: int


class LiveTraffic:
    """The traffic of all logs (a `konan.predictions.following.Follower`).

    Args:
        directory: where the logs are.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def follow(self, name: str, now: Snapshot) -> None:
        """Bring the traffic of a log up to date.

        Args:
            name: of the log; that of truths has no traffic.
            now: its table.
        """
        if name.endswith(SUFFIX) or now.delta is None:
            return
        log = self._directory / name
        version = now.delta.version()
        if index(log) == version:
            return
        folder = log / FOLDER
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / INDEX).unlink(missing_ok=True)  # who reads meanwhile sees that it is not whole
        days = defaultdict[int, list[File]](list)
        for file in now.files:
            days[file.day].append(file)
        for path in list(folder.glob(f"*{_SUFFIX}")):
            if int(path.stem) not in days:
                path.unlink()
        for day, files in days.items():
            _bring(log, day, files, version)
        _put_index(folder, version)


def index(log: Path) -> int:
    """Version of a log's table that is counted; -1 if none is, or one is just being counted."""
    try:
        return _decode((log / FOLDER / INDEX).read_bytes()).table
    except (FileNotFoundError, msgspec.DecodeError):
        return -1


def path_of(log: Path, day: int) -> Path:
    """The file of a day (days since 1970-01-01 UTC)."""
    return log / FOLDER / f"{day}{_SUFFIX}"


def count(path: str, day: int, *, rejected: bool) -> dict[Group, Count]:
    """Count the requests in a file of a log's table.

    A request with several rows has the id of the first of them, so it counts where that row is.

    Args:
        path: of the file.
        day: of all its rows.
        rejected: whether they are requests that were refused or failed.
    """
    found = Day()
    for rows in _rows(path, ("code",) if rejected else ("request_id",)):
        for group, counted in _counted(rows, day, rejected=rejected):
            found.add(group, counted)
    return found.found


def _bring(log: Path, day: int, files: list[File], version: int) -> None:
    """Count what is missing of a day."""
    names = {Path(one.path).name: one.path for one in files}
    path = path_of(log, day)
    if traffic.counted(path) == traffic.digest_of(names):
        return
    known = _known(path)
    gone = known.files - names.keys()
    if gone:
        moved = rewritten(log / "table", known.table, version)[Path(files[0].path).parent.name]
        if gone <= moved.old <= known.files and moved.new <= names.keys():
            known.files = (known.files - gone) | moved.new
        else:
            known = Day()
    for name in sorted(names.keys() - known.files):
        for group, counted in count(names[name], day, rejected=log.name.endswith(REJECTED)).items():
            known.add(group, counted)
        known.files.add(name)
    known.table = version
    traffic.write(path, known)


def _known(path: Path) -> Day:
    try:
        return traffic.read(path)
    except (FileNotFoundError, Damage):
        return Day()


def _rows(path: str, more: tuple[str, ...]) -> Iterator[pa.Table]:
    reader = pq.ParquetFile(path)
    for group in range(reader.num_row_groups):
        yield reader.read_row_group(group, columns=[*_FIXED, *more], use_threads=False)


def _counted(rows: pa.Table, day: int, *, rejected: bool) -> Iterator[tuple[Group, Count]]:
    first = np.ones(rows.num_rows, bool) if rejected else _mask(pc.equal(rows["id"], rows["request_id"]))
    groups, which = _groups(rows, day, rejected=rejected)
    each = np.zeros(len(groups), np.int64) if rejected else np.bincount(which, minlength=len(groups))
    latency = rows["latency_us"].to_numpy()[first]
    cells = np.bincount(which[first] * CELLS + cells_of(latency), minlength=len(groups) * CELLS)
    sums = np.zeros(len(groups), np.int64)
    np.add.at(sums, which[first], latency)
    requests = np.bincount(which[first], minlength=len(groups))
    for at, group in enumerate(groups):
        latencies = cells[at * CELLS : (at + 1) * CELLS].astype(np.int64)
        yield group, Count(int(requests[at]), int(each[at]), int(sums[at]), latencies)


def _groups(rows: pa.Table, day: int, *, rejected: bool) -> tuple[list[Group], Ints]:
    """The groups that rows are of, and that of each row."""
    roles, role = _coded(rows["role"])
    codes, code = _coded(rows["code"]) if rejected else ([""], np.zeros(rows.num_rows, np.int64))
    sizes = (len(roles), _HOURS, len(codes), _STATUSES)
    packed = rows["version"].to_numpy().astype(np.int64)
    for part, size in zip((role, hours_of(rows["id"], day), code, rows["status"]), sizes, strict=True):
        packed = packed * size + np.asarray(part)
    found, which = np.unique(packed, return_inverse=True)
    groups = []
    for one in found.tolist():
        rest, parts = one, list[int]()
        for size in reversed(sizes):
            rest, part = divmod(rest, size)
            parts.append(part)
        groups.append(Group(rest, roles[parts[3]], parts[2], codes[parts[1]], parts[0]))
    return groups, which


def _coded(column: pa.ChunkedArray) -> tuple[list[str], Ints]:
    coded = pc.dictionary_encode(column.combine_chunks())
    return coded.dictionary.to_pylist(), coded.indices.to_numpy().astype(np.int64)


def _mask(column: pa.ChunkedArray) -> "np.typing.NDArray[np.bool_]":
    found: np.typing.NDArray[np.bool_] = column.to_numpy(zero_copy_only=False)
    return found


def _put_index(folder: Path, version: int) -> None:
    sync(folder)
    fresh = folder / f"{INDEX}.new"
    fresh.touch(mode=0o600)
    fresh.write_bytes(_encode(Index(version)))
    fresh.replace(folder / INDEX)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Index).decode
