"""How the rows of a deployment age, over HTTP."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
from tests.http.control.rig import Rig

from konan.config import Settings
from konan.predictions.removals import Intended, Removals
from konan.records.access import SCOPES, Principal
from konan.records.retention import Removed

OWNER = Principal(project="p1", key_id="test", scopes=frozenset(SCOPES))
PATH = "/v1/deployments/bikes/retention"


def test_the_live_version_says_how_long_else_the_setting(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "data", Settings(retention_days=9))
    key = rig.key()
    rig.live(key)
    assert rig.call("GET", PATH, key).json() == {
        "deployment": "bikes",
        "days": 9,
        "version": None,
        "removed": [],
    }
    version = rig.store.version(OWNER, "bikes", 1)
    rig.store.put_version(OWNER, msgspec.structs.replace(version, retention_days=0))
    found = rig.call("GET", PATH, key).json()
    assert (found["days"], found["version"]) == (0, 1)
    rig.close()


def test_what_went_is_shown_newest_first_and_of_this_deployment_alone(rig: Rig) -> None:
    key = rig.key()
    mine, others = rig.live(key), rig.live(key, "cars")
    logs = (f"{mine.uuid}-truth", mine.uuid, "", others.uuid)
    for number, log in enumerate(logs):
        at = datetime(2026, 11, 20 + number, tzinfo=UTC).isoformat()
        one = Removed(at=at, place="aside" if not log else "predictions", day="2026-11-01", count=number)
        directory = rig.paths.predictions / log
        directory.mkdir(exist_ok=True)
        book = Removals(directory)
        book.intend([Intended("", one)])
        book.settle(lambda _: True)
    shown = rig.call("GET", PATH, key).json()["removed"]
    assert [one["count"] for one in shown] == [2, 1, 0]


def test_a_deployment_that_the_key_does_not_see_has_none(rig: Rig) -> None:
    rig.live(rig.key())
    assert rig.call("GET", PATH, rig.key(deployments=("cars",))).status_code == 404
    assert rig.call("GET", PATH, rig.key(project="p2")).status_code == 404
    assert rig.call("GET", PATH, rig.key("predict")).status_code == 403
    assert rig.call("GET", PATH).status_code == 401
