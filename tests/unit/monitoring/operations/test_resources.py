"""What processes use is sampled, added up by minute and hour, and told to those who may see it."""

import os
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from konan.errors import Invalid
from konan.monitoring.operations import samples
from konan.monitoring.operations.resource_report import ALL, Stretch, resources, saturation, stretch
from konan.monitoring.operations.samples import DAY, HOUR, MINUTE, Load, Samples, Usage
from konan.monitoring.operations.sampling import JOBS, MACHINE, PLATFORM, Sampler

NOW = 1_795_420_800
AT = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=NOW)


class Runs:
    """This process under two names, and one gateway that counts."""

    def __init__(self) -> None:
        self.queue = {"project": "p1", "deployment": "bikes", "version": 3, "workers": 2}
        self.queue |= {"waiting_rows": 7, "model_seconds": 100.0}

    def processes(self) -> tuple[dict[str, Any], ...]:
        pids = {"control": os.getpid(), "worker bikes v3 #1": os.getpid(), "worker gone v1 #1": 2**22 + 1}
        return tuple({"name": name, "pid": pid} for name, pid in pids.items())

    def stats(self) -> dict[int, dict[str, Any]]:
        return {0: {"queues": [self.queue]}}


def test_a_minute_is_kept_with_every_process_and_every_queue(tmp_path: Path) -> None:
    kept, runs = Samples(tmp_path / samples.FILE), Runs()
    sampler = Sampler(runs, lambda: {"bikes v3": "p1"}, kept, tmp_path)
    sampler.take(NOW, 0.0)
    sum(number * number for number in range(300_000))  # some work
    runs.queue["model_seconds"] = 115.0
    sampler.take(NOW + 10, 10.0)
    sampler.put_down()
    found = {one.process: one for _, one in kept.usage(NOW, NOW + 60, NOW)}
    assert found.keys() == {"control", "worker bikes v3 #1", JOBS, MACHINE, PLATFORM}
    assert (found["control"].project, found["worker bikes v3 #1"].project) == ("", "p1")
    assert found["control"].seconds == 10.0
    assert found["control"].cpu > 0
    assert found["control"].memory == 10 * found["control"].memory_most > 10 * 2**20
    assert found[PLATFORM].cpu >= 2 * found["control"].cpu
    assert found[MACHINE].disk > 0
    ((_, load),) = kept.load("p1", "bikes", NOW, NOW + 60, NOW)
    assert load == Load("p1", "bikes", 3, 10.0, 20.0, 15.0, 70.0, 0.75, 7)


def test_samples_of_a_minute_add_up_also_over_a_restart(tmp_path: Path) -> None:
    kept = Samples(tmp_path / samples.FILE)
    for _ in range(2):
        sampler = Sampler(Runs(), dict, kept, tmp_path)
        sampler.take(NOW, 0.0)
        sampler.take(NOW + 5, 5.0)
        sampler.take(NOW + MINUTE, MINUTE)  # the next minute puts the last one down
    usage = {(at, one.process): one for at, one in kept.usage(NOW, NOW + HOUR, NOW)}
    assert usage[NOW, "control"].seconds == 10.0


def test_hours_add_up_minutes_and_what_is_old_goes(tmp_path: Path) -> None:
    kept = Samples(tmp_path / samples.FILE)
    for minute in range(3):
        one = Usage("", "control", 60.0, cpu=6.0, memory=60.0, cpu_most=0.1 * minute)
        kept.add(NOW + minute * MINUTE, [one], [Load("p1", "bikes", 1, 60.0, 60.0, 30.0)])
    later = NOW + 3 * DAY
    ((at, hour),) = kept.usage(NOW, NOW + HOUR, later)
    assert (at, hour.seconds, hour.cpu, hour.cpu_most) == (NOW, 180.0, 18.0, 0.2)
    assert len(kept.usage(NOW, NOW + HOUR, NOW)) == 3
    kept.add(later, [Usage("", "control", 60.0)], [])
    assert not kept.usage(NOW, NOW + HOUR, NOW)  # no minutes any more
    assert kept.usage(NOW, NOW + HOUR, later)
    kept.add(NOW + 500 * DAY, [], [])
    assert not kept.usage(NOW, NOW + HOUR, later)


def test_the_ring_is_bounded_by_rows_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "MOST", 10)
    kept = Samples(tmp_path / samples.FILE)
    for minute in range(20):
        kept.add(NOW + minute * MINUTE, [Usage("", name, 60.0) for name in "abc"], [])
    assert len(kept.usage(NOW, NOW + HOUR, NOW)) <= 10
    assert kept.usage(NOW, NOW + HOUR, NOW)[-1][0] == NOW + 19 * MINUTE


def test_a_damaged_file_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / samples.FILE
    path.write_bytes(b"this is no database, " * 100)
    kept = Samples(path)
    kept.add(NOW, [Usage("", "control", 60.0)], [])
    assert len(kept.usage(NOW, NOW + 60, NOW)) == 1
    assert path.stat().st_mode & 0o077 == 0


def test_a_busy_file_is_not_taken_for_a_damaged_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "_PATIENCE", 0.01)
    kept = Samples(tmp_path / samples.FILE)
    kept.add(NOW, [Usage("", "control", 60.0)], [])
    other = sqlite3.connect(tmp_path / samples.FILE)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(sqlite3.OperationalError):
        kept.add(NOW, [Usage("", "control", 60.0)], [])
    other.close()
    assert kept.usage(NOW, NOW + 60, NOW)


def test_windows_have_averages_and_maxima() -> None:
    found = [
        (NOW, Usage("", "control", 60.0, cpu=30.0, memory=600.0, cpu_most=0.9, memory_most=20.0)),
        (NOW + 60, Usage("", "control", 60.0, cpu=0.0, memory=1200.0, cpu_most=0.1, memory_most=25.0)),
        (NOW, Usage("", MACHINE, 60.0, sent=5.0, disk=6000.0)),
        (NOW, Usage("p2", "worker bikes v1 #1", 60.0)),
    ]
    machine, control = resources(found, Stretch(NOW, NOW + 120, 120), lambda one: not one.project)
    assert (control.cpu, control.cpu_most, control.memory, control.memory_most) == (0.25, 0.9, 15.0, 25.0)
    assert (machine.sent, machine.disk, control.sent) == (5.0, 100.0, None)
    assert len(resources(found, Stretch(NOW, NOW + 120, 60), lambda one: one.process == "control")) == 2


def test_saturation_is_of_all_versions_or_of_each() -> None:
    found = [
        (NOW, Load("p1", "bikes", 1, 60.0, 120.0, 60.0, 30.0, 0.5, 4)),
        (NOW, Load("p1", "bikes", 2, 60.0, 60.0, 0.0, 0.0, 0.0, 0)),
    ]
    asked = Stretch(NOW, NOW + HOUR, HOUR)
    whole = saturation(found, asked, by_version=False, version=None)[ALL, 0]
    assert (whole.busy, whole.busy_most, whole.workers, whole.waiting_most) == (1 / 3, 0.5, 3.0, 4)
    each = saturation(found, asked, by_version=True, version=None)
    assert (each[1, 0].busy, each[2, 0].busy) == (0.5, 0.0)
    assert saturation(found, asked, by_version=False, version=2).keys() == {(2, 0)}


@pytest.mark.parametrize(
    ("since", "until", "window"),
    [
        ("soon", "", ""),
        ("", "", "3"),
        ("2026-11-23T08:00:00Z", "2026-11-23T07:00:00Z", ""),
        ("2026-11-01T00:00:00Z", "", "5m"),
        ("2020-01-01T00:00:00Z", "", "1h"),
    ],
)
def test_what_cannot_be_meant_is_refused(since: str, until: str, window: str) -> None:
    with pytest.raises(Invalid):
        stretch(since, until, window, AT)
