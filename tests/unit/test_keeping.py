"""A restore does again what was erased after the backup."""

import io
from pathlib import Path

from konan import keeping
from konan.adapters.sql import open_store, sqlite_url
from konan.backup import members, snapshot, writing
from konan.backup.members import Head
from konan.config import Paths
from konan.records.erasure import Erasure

SINCE = "2026-11-23T12:00:00.000000Z"


def erasure(one: str, finished_at: str | None) -> Erasure:
    made = {"id": one, "project": "default", "deployments": (), "digest": "d", "requested_by": "k"}
    return Erasure(**made, created_at=SINCE, state="done", finished_at=finished_at)  # type: ignore[arg-type] # texts


def test_what_was_erased_since_is_erased_again(tmp_path: Path) -> None:
    paths = Paths(tmp_path / "old")
    paths.make()
    store = open_store(sqlite_url(paths.database))
    store.ensure_project("default", SINCE)
    place = paths.run / "place"
    place.mkdir()
    head = Head(format=members.FORMAT, konan="0", started_at=SINCE)
    data = b"".join(writing.archive(head, snapshot.take(paths, place, store.export_rows)))
    store.close()
    later = (erasure("a", "2026-11-23T11:00:00.000000Z"), erasure("b", "2026-11-23T13:00:00.000000Z"))
    keeping.restore(io.BytesIO(data), tmp_path / "new", "", later)
    restored = open_store(sqlite_url(tmp_path / "new" / "konan.db"))
    assert [(one.id, one.state) for one in restored.platform_erasures()] == [("b", "pending")]
    restored.close()
