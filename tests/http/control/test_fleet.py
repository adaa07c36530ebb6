"""Gateways and workers follow the store: bringing up, failing, switching, restarting."""

import asyncio
import json
import stat
from pathlib import Path

import pytest
from tests.http.control.rig import Rig

from konan.config import Settings
from konan.errors import ModelFailed
from konan.records.deployments import DatasetFile, Reference

BIKES = "/v1/deployments/bikes"


def version(rig: Rig, key: str, number: int) -> dict[str, object]:
    answer: dict[str, object] = rig.call("GET", f"{BIKES}/versions/{number}", key).json()
    return answer


def state(rig: Rig, key: str, number: int) -> object:
    return version(rig, key, number)["state"]


def test_the_snapshot_is_private_and_whole_from_the_start(rig: Rig) -> None:
    assert rig.snapshot().routes == ()
    assert stat.S_IMODE(rig.paths.snapshot.stat().st_mode) == 0o600
    names = {path.name for path in rig.paths.run.iterdir()}
    assert names == {"routes.json", "workers.json", "backup.lock"}


def test_gateways_know_a_version_before_its_workers_run(rig: Rig) -> None:
    key = rig.key()
    rig.drawer.hold = asyncio.Event()
    uuid = rig.deploy(key).json()["uuid"]
    rig.until(lambda: rig.call("GET", BIKES, key).json()["state"] == "building")
    assert "bikes v1" not in rig.runtime.wanted[-1]
    assert rig.runtime.warming[-1] == ("bikes v1",)
    rig.drawer.hold.set()
    rig.until(lambda: state(rig, key, 1) == "live")
    rig.until(lambda: rig.snapshot().routes[0].live == 1)
    assert [known.uuid for known in rig.snapshot().routes[0].versions] == [uuid]
    assert rig.runtime.wanted[-1] == ("bikes v1",)
    assert rig.runtime.published == sorted(rig.runtime.published)


def test_a_new_version_takes_over_and_the_old_one_stays_warm(rig: Rig) -> None:
    key = rig.key()
    rig.live(key)
    rig.live(key)
    assert (state(rig, key, 1), state(rig, key, 2)) == ("disabled", "live")
    rig.until(lambda: rig.snapshot().routes[0].live == 2)
    assert [known.number for known in rig.snapshot().routes[0].versions] == [1, 2]
    assert rig.runtime.wanted[-1] == ("bikes v1", "bikes v2")


def test_the_old_version_goes_when_it_was_warm_long_enough(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "data", warm=0.05)
    key = rig.key()
    rig.live(key)
    rig.live(key)
    rig.until(lambda: rig.runtime.wanted[-1] == ("bikes v2",))
    assert [known.number for known in rig.snapshot().routes[0].versions] == [2]
    rig.close()


def test_workers_that_do_not_start_fail_the_version_and_the_old_one_stays(rig: Rig) -> None:
    key = rig.key()
    rig.live(key)
    rig.runtime.failure = {
        "type": "ValueError",
        "message": "no weights",
        "traceback": "Traceback: no weights",
    }
    rig.deploy(key)
    rig.until(lambda: state(rig, key, 2) == "failed")
    failure = version(rig, key, 2)["failure"]
    assert failure == {
        "step": "start",
        "code": "model_failed",
        "message": "The workers did not start: no weights",
        "hint": "`konan logs` shows what the model wrote.",
        "traceback": "Traceback: no weights",
    }
    rig.until(lambda: rig.runtime.wanted[-1] == ("bikes v1",))
    assert rig.call("GET", BIKES, key).json()["live_version"] == 1
    assert [known.number for known in rig.snapshot().routes[0].versions] == [1]


def test_a_first_version_that_fails_makes_the_deployment_failed(rig: Rig) -> None:
    key = rig.key()
    rig.drawer.error = ModelFailed("It raised.", hint="Look.")
    rig.deploy(key)
    rig.until(lambda: state(rig, key, 1) == "failed")
    assert rig.call("GET", BIKES, key).json()["state"] == "failed"
    rig.drawer.error = None
    assert rig.live(key).live_version == 2


def test_a_deployment_that_nothing_answers_for_is_still_a_route(rig: Rig) -> None:
    key = rig.key()
    rig.drawer.error = ModelFailed("It raised.")
    rig.deploy(key)
    rig.until(lambda: state(rig, key, 1) == "failed")
    rig.until(lambda: len(rig.snapshot().routes) == 1)
    assert (rig.snapshot().routes[0].live, rig.snapshot().routes[0].versions) == (None, ())


def test_a_live_version_gets_its_reference_once(rig: Rig) -> None:
    key = rig.key()
    rig.live(key)
    rig.drawer.datasets = (DatasetFile(role="data", sha256="0" * 64, rows=3, columns=("x",)),)
    rig.live(key)
    rig.until(lambda: version(rig, key, 2)["reference"] != {})
    scored = {"source": "holdout", "rows": 3, "predictions": "0" * 64}
    assert version(rig, key, 2)["reference"] == {**scored, "inputs": 3, "profile": "1" * 64}
    assert state(rig, key, 2) == "live"
    rig.restart()
    rig.live(key)
    rig.until(lambda: version(rig, key, 3)["reference"] != {})
    assert rig.drawer.referred == [2, 3]


def test_what_was_learnt_is_kept_unless_the_reference_changed_meanwhile(rig: Rig) -> None:
    key = rig.key()
    rig.live(key)
    ((owner, found),) = rig.store.platform_versions()
    learnt = Reference(source="live", rows=1000, inputs=1000, profile="2" * 64)
    rig.run(rig.fleet.learnt(owner, found, learnt))
    noted = version(rig, key, 1)["reference"]
    assert noted == {"source": "live", "rows": 1000, "inputs": 1000, "profile": "2" * 64}
    rig.run(rig.fleet.learnt(owner, found, Reference(source="live", rows=1)))
    assert version(rig, key, 1)["reference"] == noted


def test_a_deploy_does_not_wait_for_the_references_of_others(rig: Rig) -> None:
    key = rig.key()
    held = rig.drawer.hold_references = asyncio.Event()
    rig.drawer.datasets = (DatasetFile(role="data", sha256="0" * 64, rows=3, columns=("x",)),)
    for _ in range(4):
        rig.live(key)
    assert rig.drawer.referred == [1]
    held.set()
    rig.until(lambda: rig.drawer.referred == [1, 2, 3, 4])


def test_an_error_that_nobody_foresaw_fails_the_version_without_details(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    key = rig.key()
    rig.drawer.error = ZeroDivisionError("canary")
    rig.deploy(key)
    rig.until(lambda: state(rig, key, 1) == "failed")
    assert "canary" not in json.dumps(version(rig, key, 1))
    assert "canary" in caplog.text


def test_workers_that_are_never_ready_fail_the_version(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "data", Settings(worker_start_timeout=0.05, replicas=2))
    key = rig.key()
    rig.deploy(key)
    rig.until(lambda: state(rig, key, 1) == "failed")
    failure = version(rig, key, 1)["failure"]
    assert isinstance(failure, dict)
    assert (failure["step"], failure["code"]) == ("start", "deadline_exceeded")
    rig.close()


def test_a_deployment_is_degraded_while_its_workers_are_down(rig: Rig) -> None:
    key = rig.key()
    rig.live(key)
    uuid = str(version(rig, key, 1)["uuid"])
    rig.runtime.say(uuid, 0, resting=True)
    rig.until(lambda: rig.call("GET", BIKES, key).json()["state"] == "degraded")
    rig.runtime.say(uuid, 1)
    rig.until(lambda: rig.call("GET", BIKES, key).json()["state"] == "ready")


def test_a_slow_older_version_does_not_replace_a_newer_one(rig: Rig) -> None:
    key = rig.key()
    slow = rig.drawer.hold = asyncio.Event()
    rig.deploy(key)
    rig.until(lambda: state(rig, key, 1) == "building")
    rig.drawer.hold = None
    assert rig.live(key).live_version == 2
    slow.set()
    rig.until(lambda: state(rig, key, 1) == "disabled")
    assert rig.call("GET", BIKES, key).json()["live_version"] == 2
    rig.until(lambda: rig.runtime.wanted[-1] == ("bikes v2",))


def test_control_that_starts_again_serves_what_is_live_and_goes_on_building(rig: Rig) -> None:
    key = rig.key()
    rig.live(key)
    rig.drawer.hold = asyncio.Event()
    rig.deploy(key)
    rig.until(lambda: state(rig, key, 2) == "building")
    generation = rig.snapshot().generation
    rig.restart()
    assert rig.runtime.wanted[0] == ("bikes v1",)
    assert rig.snapshot().generation > generation
    assert rig.snapshot().routes[0].live == 1
    rig.drawer.hold.set()
    rig.until(lambda: state(rig, key, 2) == "live")
    assert rig.call("GET", BIKES, key).json()["state"] == "ready"


def test_one_damaged_package_does_not_stop_the_others(rig: Rig) -> None:
    key = rig.key()
    rig.live(key)
    rig.live(key, "churn")
    rig.drawer.broken.add(str(version(rig, key, 1)["uuid"]))
    rig.restart()
    assert rig.runtime.wanted[-1] == ("churn v1",)
    assert rig.call("GET", BIKES, key).json()["state"] == "degraded"


def test_expired_keys_leave_the_snapshot(rig: Rig) -> None:
    key, text = rig.made_key("read", days=1)
    assert key.id in {grant.id for grant in rig.snapshot().keys}
    (grant,) = [grant for grant in rig.snapshot().keys if grant.id == key.id]
    with rig.store._database.writing() as connection:
        connection.exec_driver_sql(
            f"UPDATE keys SET expires_at = '2020-01-01T00:00:00Z' WHERE id = '{grant.id}'"
        )
    rig.run(rig.fleet.keys_changed())
    assert key.id not in {grant.id for grant in rig.snapshot().keys}
    assert rig.call("GET", "/v1/deployments", text).status_code == 401


def test_a_snapshot_that_cannot_be_written_is_said_and_tried_again(rig: Rig) -> None:
    owner = rig.key()
    made, text = rig.made_key("read")
    before = rig.snapshot().generation
    rig.paths.run.rename(rig.paths.root / "gone")
    answer = rig.call("DELETE", f"/v1/keys/{made.id}", owner)
    assert (answer.status_code, answer.json()["code"]) == (507, "storage_full")
    assert rig.call("GET", "/v1/deployments", text).status_code == 401
    (rig.paths.root / "gone").rename(rig.paths.run)
    rig.until(lambda: rig.snapshot().generation > before)
    assert made.id not in {grant.id for grant in rig.snapshot().keys}
