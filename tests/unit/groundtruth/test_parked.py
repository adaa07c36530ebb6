"""The file of what waits for its prediction is whole, or somebody is told."""

from pathlib import Path

import pytest

from konan.groundtruth import parked
from konan.groundtruth.revisions import Parked
from konan.journal.segments import Damage

WAITING = {"d": [Parked("order-1", 5, 6, "1", "k"), Parked("order-2", 5, 7, "1", "k")]}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    parked.write(tmp_path / parked.NAME, 9, WAITING)
    assert parked.read(tmp_path / parked.NAME) == parked.Waiting(9, WAITING)
    report = parked.verify(tmp_path)
    assert (report.records, report.acknowledged, report.findings) == (2, 9, ())


def test_nothing_is_good_too(tmp_path: Path) -> None:
    assert parked.read(tmp_path / parked.NAME) == parked.Waiting()
    assert not parked.verify(tmp_path).damaged


def test_damage_is_named(tmp_path: Path) -> None:
    path = tmp_path / parked.NAME
    parked.write(path, 9, WAITING)
    data = bytearray(path.read_bytes())
    for at in range(len(data)):
        data[at] ^= 1
        path.write_bytes(data)
        data[at] ^= 1
        with pytest.raises(Damage):
            parked.read(path)
        assert [found.file for found in parked.verify(tmp_path).findings] == [parked.NAME]
    path.replace(path.with_suffix(".damaged"))
    assert [found.file for found in parked.verify(tmp_path).findings] == ["parked-truth.damaged"]
