"""Where rows wait that are not in their table yet, when the journal's segments shall be free again.

Until then they wait in the journal (`konan.predictions.stretch`). A file holds what was waiting at one
moment: a run of entries per log, then an index of the runs. It is on disk before any segment goes that held
the same entries, and goes itself when the last of its runs is in a table.
"""

import logging
import os
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import google_crc32c
import msgspec

from konan.journal.entry import Entry, decode
from konan.journal.segments import Damage
from konan.predictions.mark import sync
from konan.predictions.stretch import Segment, Stretch
from konan.predictions.stretch import records as records_at
from konan.records.journals import Finding, Report

NAME = "shelf"
"""Its directory among the logs."""

_NAME = re.compile(r"(\d{12})\.shelf", re.ASCII)
_END = b"KONANSHF"
_TRAILER = 16
_ARRAY = struct.Struct(">BI")
"""Kind and length of a long array in msgpack."""

logger = logging.getLogger(__name__)
_encode = msgspec.msgpack.Encoder().encode


class Waiting(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An entry that is not in its table yet.

    Attributes:
        gateway: index of the gateway that wrote it.
        sequence: of the record in that gateway's journal.
        entry: the record's content.
    """

    gateway: int
    sequence: int
    entry: Entry


class Run(msgspec.Struct, frozen=True, array_like=True):
    """The entries of one log in one file.

    Attributes:
        log: name of the log.
        offset: in the file.
        length: bytes.
        crc: CRC32C of them.
        rows: number of rows.
        oldest: nanoseconds since 1970-01-01 UTC of its oldest entry.
        last: largest id.
        ends: the last sequence of each gateway.
    """

    log: str
    offset: int
    length: int
    crc: int
    rows: int
    oldest: int
    last: str
    ends: dict[int, int]


class Place(NamedTuple):
    """A run and where it is.

    Attributes:
        path: a file of the shelf, or a segment of a journal.
        run: the run.
        spans: of a journal, where the entries are in the segment; else empty.
        segment: of a journal, the segment if it is open.
    """

    path: Path
    run: Run
    spans: bytes = b""
    segment: Segment | None = None


class Done(msgspec.Struct, frozen=True):
    """What became of waiting entries.

    Attributes:
        rows: rows that are in the table now and were not before.
        commits: in so many commits.
        broken: what is wrong with places that were not, or not all, as they were written, by their index.
    """

    rows: int
    commits: int
    broken: dict[int, str]


_index = msgspec.msgpack.Decoder(list[Run])
_waiting = msgspec.msgpack.Decoder(list[Waiting])


class Shelf:
    """All files of waiting entries; changed by one thread at a time.

    Args:
        directory: made if it does not exist.

    Attributes:
        damage: what is wrong with files whose index cannot be read; they stay as they are.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory
        self._runs: dict[Path, dict[str, Run]] = {}
        self._number = 0
        self.damage: list[Damage] = []
        for path in sorted(directory.iterdir()):
            match = _NAME.fullmatch(path.name)
            if match is None:
                path.unlink()  # was never complete
                continue
            self._number = int(match[1])
            try:
                self._runs[path] = {run.log: run for run in _read_index(path)}
            except Damage as damage:
                logger.critical("waiting predictions are damaged", extra={"damage": str(damage)})
                self.damage.append(damage)

    def ends(self) -> dict[int, int]:
        """The last sequence of each gateway that is on the shelf."""
        found: dict[int, int] = {}
        for place in self._places():
            for gateway, sequence in place.run.ends.items():
                found[gateway] = max(found.get(gateway, 0), sequence)
        return found

    def logs(self) -> dict[str, list[Place]]:
        """The runs of each log, oldest first."""
        found: dict[str, list[Place]] = {}
        for place in self._places():
            found.setdefault(place.run.log, []).append(place)
        return found

    def put(self, waiting: Mapping[str, Sequence[Stretch]]) -> list[Place]:
        """Keep entries of logs, on disk when this returns; each log's in the order of its gateways' journals.

        Raises:
            OSError: they are not on disk; nothing of them is left.
        """
        self._number += 1
        path = self._directory / f"{self._number:012d}.shelf"
        part = path.with_suffix(".part")
        try:
            with part.open("xb") as file:
                runs = [_write_run(file, log, stretches) for log, stretches in waiting.items()]
                index = _encode(runs)
                file.write(index + len(index).to_bytes(4, "little"))
                file.write(google_crc32c.value(index).to_bytes(4, "little") + _END)
                file.flush()
                os.fsync(file.fileno())
            part.rename(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise
        sync(self._directory)
        self._runs[path] = {run.log: run for run in runs}
        return [Place(path, run) for run in runs]

    def take(self, place: Place) -> None:
        """Forget a run, which is in its table now; a file without runs is removed."""
        runs = self._runs.get(place.path, {})
        runs.pop(place.run.log, None)
        if not runs:
            place.path.unlink(missing_ok=True)
            self._runs.pop(place.path, None)

    def _places(self) -> Iterator[Place]:
        for path, runs in list(self._runs.items()):
            for run in list(runs.values()):
                yield Place(path, run)


def place_of(log: str, stretch: Stretch) -> Place:
    """A stretch of a journal as a place."""
    run = _run(log, [stretch], 0, stretch.bytes, 0)
    return Place(stretch.path, run, stretch.spans(), stretch.segment)


def read(place: Place) -> list[Waiting]:
    """The entries of a run; those of a journal that are not as they were written are left out.

    Raises:
        FileNotFoundError: they were put into their table meanwhile.
        Damage: they are not as they were written.
    """
    run = place.run
    if place.spans:
        (gateway,) = run.ends
        segment = place.segment or Segment(place.path)
        found = records_at(segment.descriptor, place.spans)
        return [Waiting(gateway, sequence, decode(payload)) for sequence, payload in found]
    with place.path.open("rb") as file:
        file.seek(run.offset)
        data = file.read(run.length)
    if google_crc32c.value(data) != run.crc:
        raise Damage(place.path, run.offset, "the entries' checksum is wrong")
    return _waiting.decode(data)


def verify(directory: Path) -> Report:
    """Read every byte of a shelf; a server may be at work.

    Args:
        directory: of the shelf.

    Returns:
        What was found; a file counts as a segment.
    """
    findings: list[Finding] = []
    files = records = 0
    for path in sorted(path for path in directory.iterdir() if _NAME.fullmatch(path.name)):
        try:
            runs = _read_index(path)
        except FileNotFoundError:  # all of it is in tables by now
            continue
        except Damage as damage:
            runs = []
            findings.append(_finding(damage, "what waits in this file is unknown"))
        files += 1
        for run in runs:
            try:
                records += len(read(Place(path, run)))
            except FileNotFoundError:
                break
            except Damage as damage:
                findings.append(_finding(damage, f"{run.rows} rows of log {run.log} wait there"))
    return Report(
        journal=NAME,
        segments=files,
        records=records,
        first=0,
        last=0,
        acknowledged=0,
        findings=tuple(findings),
    )


def _finding(damage: Damage, lost: str) -> Finding:
    what = f"{damage.what}; {lost}"
    return Finding(kind="damage", file=damage.path.name, offset=damage.offset, what=what)


def _write_run(file: BinaryIO, log: str, stretches: Sequence[Stretch]) -> Run:
    """Copy entries from the journal, undecoded and one by one, for they may be many."""
    offset, good = file.tell(), 0
    for stretch in stretches:
        found = sum(1 for _ in records_at(stretch.segment.descriptor, stretch.spans()))
        stretch.broken = found < len(stretch)
        good += found
    head = _ARRAY.pack(0xDD, good)
    crc = google_crc32c.value(head)
    file.write(head)
    for stretch in stretches:
        for sequence, payload in records_at(stretch.segment.descriptor, stretch.spans()):
            item = b"\x93" + _encode(stretch.gateway) + _encode(sequence) + payload
            crc = google_crc32c.extend(crc, item)
            file.write(item)
    return _run(log, stretches, offset, file.tell() - offset, crc)


def _run(log: str, stretches: Sequence[Stretch], offset: int, length: int, crc: int) -> Run:
    return Run(
        log=log,
        offset=offset,
        length=length,
        crc=crc,
        rows=sum(stretch.rows for stretch in stretches),
        oldest=min(stretch.oldest for stretch in stretches),
        last=max(stretch.last for stretch in stretches),
        ends={stretch.gateway: stretch.end for stretch in stretches},
    )


def _read_index(path: Path) -> list[Run]:
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _TRAILER))
        trailer = file.read(_TRAILER)
        length = int.from_bytes(trailer[:4], "little")
        if trailer[8:] != _END or length > size - _TRAILER:
            raise Damage(path, max(0, size - _TRAILER), "the end of the file is damaged")
        file.seek(size - _TRAILER - length)
        index = file.read(length)
    if google_crc32c.value(index) != int.from_bytes(trailer[4:8], "little"):
        raise Damage(path, size - _TRAILER - length, "the index's checksum is wrong")
    return _index.decode(index)
