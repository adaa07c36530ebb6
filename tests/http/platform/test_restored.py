"""A whole server put back elsewhere: on PostgreSQL, without an index of packages, after an erasure."""

import json
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract import postgresql
from tests.http.platform.persons import NAMES, People
from tests.http.platform.server import Server, eventually
from tests.http.platform.test_erasure import MODEL as RISK
from tests.http.platform.test_erasure import assert_gone, finished
from typing_extensions import override

ANNA, BELA, CARLA = NAMES
USES = """
import one


class Model:
    def predict(self, rows):
        return [{"twice": one.TWICE * row["x"]} for row in rows]
"""


class Elsewhere(Server):
    """A server with settings of its own in its environment."""

    def __init__(self, root: Path, **settings: str) -> None:
        root.mkdir()
        super().__init__(root)
        self._settings = settings

    @property
    @override
    def environment(self) -> dict[str, str]:
        return super().environment | self._settings


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    """What is put in here is stopped at the end."""
    made: list[Server] = []
    yield made
    for server in made:
        server.stop()


def run(server: Server, *words: str) -> "subprocess.CompletedProcess[str]":
    done = server.run(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def moved(source: Server, target: Server, archive: Path, *more: str) -> None:
    """Stop a server, and start another one on the backup that was made of it."""
    source.stop()
    run(target, "restore", str(archive), "--data-dir", str(target.data), *more)
    target.start()


def test_who_was_erased_since_the_backup_is_erased_again(servers: list[Server], tmp_path: Path) -> None:
    source, target = Elsewhere(tmp_path / "source"), Elsewhere(tmp_path / "target")
    servers += [source, target]
    source.start()
    (source.work / "model.py").write_text(RISK)
    (source.work / "rows.csv").write_text(f"x,who\n1.0,somebody\n2.5,else\n3.5,{ANNA}\n")
    run(source, "deploy", "risk", "model.py", "--data", "rows.csv", "--subject", "who", "--yes")
    people = People(source)
    people.act()
    archive, listed = tmp_path / "konan.tar", tmp_path / "erasures.json"
    run(source, "backup", str(archive))
    done = json.loads(run(source, "erasure", "create", "--subject", ANNA, "--yes", "--wait", "--json").stdout)
    listed.write_text(run(source, "erasure", "list", "--json").stdout)
    others = {name: people.shown(name) for name in (BELA, CARLA)}
    moved(source, target, archive, "--erasures", str(listed))
    people.server = target
    finished(target, done["id"])
    assert_gone(people, ANNA)
    assert {name: people.shown(name) for name in (BELA, CARLA)} == others
    (record,) = target.call("GET", "/v1/erasures")[1]["erasures"]
    assert record["replayed_at"] > done["finished_at"]
    assert record["erased"]["risk"]["predictions"] == done["erased"]["risk"]["predictions"]
    target.stop()
    target.start()
    assert target.call("GET", f"/v1/erasures/{done['id']}")[1] == record


def test_a_server_on_postgresql_goes_on_in_another_database(servers: list[Server], tmp_path: Path) -> None:
    with postgresql.cluster() as socket:
        try:
            old, new = (postgresql.create_database(socket, name) for name in ("old", "new"))
            source = Elsewhere(tmp_path / "source", KONAN_DATABASE_URL=old)
            target = Elsewhere(tmp_path / "target", KONAN_DATABASE_URL=new)
            servers += [source, target]
            source.start()
            source.deploy("twice")
            ids = [source.predict("twice", float(number))[1]["id"] for number in range(10)]
            truth = {"prediction_id": ids[3], "target": {"twice": 7}}
            assert source.call("POST", "/v1/deployments/twice/feedback", truth)[0] == 200
            archive = tmp_path / "konan.tar"
            run(source, "backup", str(archive))
            moved(source, target, archive)
            assert not (target.data / "konan.db").exists()
            eventually(lambda: target.predict("twice", 4.0)[0] == 200, "the model runs again")
            assert set(ids) <= set(target.logged("twice"))
            shown = target.call("GET", f"/v1/deployments/twice/predictions/{ids[3]}")[1]
            assert shown["ground_truth"] == {"twice": 7}
            target.deploy("twice")
            versions = target.call("GET", "/v1/deployments/twice/versions")[1]["versions"]
            assert [one["version"] for one in versions] == [2, 1]
            again = Elsewhere(tmp_path / "again", KONAN_DATABASE_URL=new)
            refused = again.run("restore", str(archive), "--data-dir", str(again.data), "--json")
            assert (refused.returncode, json.loads(refused.stdout)["error"]["code"]) == (5, "conflict")
            assert not again.data.exists()
        finally:
            for server in servers:
                server.stop()


def test_an_environment_that_cannot_be_built_yet_is_built_later(
    servers: list[Server], tmp_path: Path
) -> None:
    """The index is away when the server is put back: everything else works, and the model comes with it."""
    wheels, none = tmp_path / "wheels", tmp_path / "none"
    for folder in (wheels, none):
        folder.mkdir()
    wheel(wheels)
    offline = {"UV_OFFLINE": "1", "UV_NO_INDEX": "1"}
    source = Elsewhere(
        tmp_path / "source", **offline, UV_FIND_LINKS=str(wheels), UV_CACHE_DIR=str(tmp_path / "cache")
    )
    target = Elsewhere(
        tmp_path / "target", **offline, UV_FIND_LINKS=str(none), UV_CACHE_DIR=str(tmp_path / "other")
    )
    servers += [source, target]
    source.start()
    (source.work / "model.py").write_text(USES)
    (source.work / "rows.csv").write_text("x\n1.0\n2.5\n3.5\n")
    (source.work / "needs.txt").write_text("one==1.0\n")
    words = ("--data", "rows.csv", "--requirements", "needs.txt", "--yes")
    run(source, "deploy", "twice", "model.py", *words)
    before = source.predict("twice", 2.0)[1]["id"]
    archive = tmp_path / "konan.tar"
    run(source, "backup", str(archive))
    moved(source, target, archive)
    assert target.logged("twice") == [before]
    assert target.predict("twice", 2.0)[0] in {503, 504}
    assert target.call("GET", "/v1/deployments/twice")[1]["state"] == "degraded"
    (wheels / "one-1.0-py3-none-any.whl").rename(none / "one-1.0-py3-none-any.whl")
    eventually(lambda: target.predict("twice", 2.0)[0] == 200, "the model runs again")
    assert target.predict("twice", 2.0)[1]["output"] == {"twice": 4.0}


def wheel(folder: Path) -> None:
    """A small wheel of one module."""
    with zipfile.ZipFile(folder / "one-1.0-py3-none-any.whl", "w") as made:
        about = "one-1.0.dist-info"
        made.writestr("one.py", "TWICE = 2\n")
        made.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: one\nVersion: 1.0\n")
        made.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        made.writestr(f"{about}/RECORD", "")
