"""The file with the truths that wait for their predictions, whole or not at all."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import google_crc32c
import msgspec

from konan.groundtruth.revisions import Parked
from konan.journal.files import sync_directory
from konan.journal.segments import Damage
from konan.records.journals import Finding, Report

NAME = "parked-truth"
"""The file's name among the logs."""


class Waiting(msgspec.Struct, frozen=True, array_like=True):
    """What waited at one moment.

    Attributes:
        sequence: of the last journal record that is in here.
        parked: by deployment's uuid.
    """

    sequence: int = 0
    parked: dict[str, list[Parked]] = {}


_decoder = msgspec.msgpack.Decoder(Waiting)
_encode = msgspec.msgpack.Encoder().encode


def write(path: Path, sequence: int, parked: Mapping[str, Sequence[Parked]]) -> None:
    """Replace the file; it is on disk when this returns.

    Raises:
        OSError: it is not; the old one stays.
    """
    data = _encode((sequence, parked))
    temporary = path.with_suffix(".part")
    with temporary.open("wb") as file:
        file.write(google_crc32c.value(data).to_bytes(4, "little") + data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_directory(path.parent)


def read(path: Path) -> Waiting:
    """What is in the file; nothing if there is none.

    Raises:
        Damage: it is not as it was written.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Waiting()
    if google_crc32c.value(data[4:]) != int.from_bytes(data[:4], "little"):
        raise Damage(path, 0, "the checksum is wrong")
    return _decoder.decode(data[4:])


def verify(directory: Path) -> Report:
    """Read the file, and look for one that a start set aside because it was damaged.

    Args:
        directory: where it is.
    """
    path = directory / NAME
    findings, waiting = [], Waiting()
    try:
        waiting = read(path)
    except Damage as damage:
        findings.append(_finding(path, damage.what))
    aside = path.with_suffix(".damaged")
    if aside.exists():
        findings.append(_finding(aside, "a start set it aside, because its checksum is wrong"))
    count = sum(map(len, waiting.parked.values()))
    return Report(
        journal=NAME,
        segments=int(path.exists()),
        records=count,
        first=0,
        last=0,
        acknowledged=waiting.sequence,
        findings=tuple(findings),
    )


def _finding(path: Path, what: str) -> Finding:
    what = f"{what}; truths for keys without a prediction waited there"
    return Finding(kind="damage", file=path.name, offset=0, what=what)
