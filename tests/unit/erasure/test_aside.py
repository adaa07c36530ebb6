"""Bytes that nobody can read any more are found wherever they are kept, and nothing else is."""

from pathlib import Path

from konan.config import Paths
from konan.erasure import journals


def test_bytes_set_aside_are_found_in_all_their_places(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    paths.make()
    theirs = [
        paths.journal / "0" / "doubtful-000000000001-64.bytes",
        paths.predictions / "000000000003.damaged",
        paths.root / "answers.broken",
        paths.predictions / "shelf" / "000000000007.shelf",
    ]
    others = [
        paths.journal / "0" / "000000000001.seg",
        paths.predictions / "removed.json",
        paths.root / "answers.db",
        paths.predictions / "shelf" / "000000000008.shelf",
    ]
    for path in (*theirs, *others):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    left_over = journals.shelf(paths) - {others[-1]}
    assert sorted(journals.aside(paths, left_over)) == sorted(theirs)
