"""Flipped bits, cut ends, lost and swapped blocks: what happens to what was on disk is found and named."""

import random
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.faults.size import FULL, size
from tests.unit.journal.journaling import entry, write

from konan.adapters.disk import DiskBlobs
from konan.errors import Conflict
from konan.ids import sha256_hex
from konan.journal.reader import Tail
from konan.journal.segments import Damage, segments
from konan.journal.verify import verify

DAMAGES = size(200, 2000)
COUNT = 300
BLOCK = 512
pytestmark = pytest.mark.timeout(1800 if FULL else 180)


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some segments of groups, durable ones and buffered ones."""
    directory = tmp_path_factory.mktemp("damage") / "0"
    for first in range(1, COUNT + 1, 60):
        write(directory, *range(first, first + 60), size=900, at_once=4, durable=first % 120 == 1)
    assert len(segments(directory)) >= 5
    return directory


def flip(data: bytearray, dice: random.Random) -> None:
    """One bit."""
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)


def truncate(data: bytearray, dice: random.Random) -> None:
    """The end is gone."""
    del data[dice.randrange(len(data)) :]


def lose(data: bytearray, dice: random.Random) -> None:
    """A block reads as zeros."""
    at = dice.randrange(len(data))
    data[at : at + BLOCK] = bytes(len(data[at : at + BLOCK]))


def swap(data: bytearray, dice: random.Random) -> None:
    """Two blocks have changed places."""
    blocks = len(data) // BLOCK
    one, other = (number * BLOCK for number in dice.sample(range(blocks), 2))
    data[one : one + BLOCK], data[other : other + BLOCK] = (
        data[other : other + BLOCK],
        data[one : one + BLOCK],
    )


def repeat(data: bytearray, dice: random.Random) -> None:
    """A block stands in the place of another."""
    blocks = len(data) // BLOCK
    one, other = (number * BLOCK for number in dice.sample(range(blocks), 2))
    data[one : one + BLOCK] = data[other : other + BLOCK]


DAMAGE: list[Callable[[bytearray, random.Random], None]] = [flip, flip, flip, truncate, lose, swap, repeat]


def good_records(directory: Path) -> list[int]:
    """What can still be read, over all damage; each is as it was written."""
    found: list[int] = []
    reading = Tail(directory, 0)
    while True:
        try:
            for sequence, kept in reading.everything():
                assert kept == entry(kept.at_ns, 900)
                assert sequence == kept.at_ns
                found.append(sequence)
        except Damage as damage:
            if damage.resume is None:
                return found
            reading = Tail(directory, damage.resume - 1)
        else:
            return found


def test_every_damage_is_named_and_no_record_is_wrong_or_missing_in_silence(journal: Path) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    assert verify(journal).findings == ()
    lost = 0
    for _ in range(DAMAGES):
        path = dice.choice([path for _, path in segments(journal)])
        before = path.read_bytes()
        data = bytearray(before)
        kind = dice.choice(DAMAGE)
        kind(data, dice)
        if data == before:
            continue
        path.write_bytes(data)
        try:
            report = verify(journal)
            assert report.damaged, kind.__name__
            assert path.name in {finding.file for finding in report.findings}
            missing = set(range(1, COUNT + 1)) - set(good_records(journal))
            assert report.records == COUNT - len(missing)
            lost += len(missing)
        finally:
            path.write_bytes(before)
    assert verify(journal).findings == ()
    print(f"{DAMAGES} damages, all named; {lost / DAMAGES:.1f} records lost by each")


def test_without_the_mark_damage_of_the_last_group_is_doubtful_and_kept(
    journal: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(journal, tmp_path / "0"))
    (copy / "mark").unlink()
    path = segments(copy)[-1][1]
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)
    kinds = {(finding.kind, finding.file) for finding in verify(copy).findings}
    assert kinds == {("damage", "mark"), ("doubtful", path.name)}
    write(copy, COUNT, size=900)
    (found,) = verify(copy).findings
    assert (found.kind, found.file.startswith("doubtful-")) == ("doubtful", True)
    assert good_records(copy)[-1] == COUNT


def test_every_damage_of_a_blob_is_found(tmp_path: Path) -> None:
    dice = random.Random(secrets.randbits(32))
    content = dice.randbytes(8 * BLOCK)
    blobs = DiskBlobs(tmp_path)
    digest, size_of_it = blobs.put(iter([content]))
    assert (digest, size_of_it) == (sha256_hex(content), len(content))
    (path,) = (each for each in tmp_path.rglob("*") if each.is_file())
    path.chmod(0o600)
    for _ in range(DAMAGES):
        data = bytearray(content)
        dice.choice(DAMAGE)(data, dice)
        path.write_bytes(data)
        with pytest.raises(Conflict):
            blobs.read(digest)
    path.write_bytes(content)
    assert blobs.read(digest) == content
