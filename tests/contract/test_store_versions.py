"""What every store promises about deployments and versions."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest

from konan import ids
from konan.adapters.sql import SqlStore, open_store
from konan.errors import Conflict, NotFound
from konan.records.access import Principal
from konan.records.deployments import Certificate, Failure, FileDigest, Version
from konan.records.schema import Feature, Output, Schema

AT = "2026-11-23T12:00:00.000000Z"


def caller(project: str = "p1", *deployments: str) -> Principal:
    return Principal(
        project=project, key_id="k", scopes=frozenset({"admin"}), deployments=frozenset(deployments)
    )


def new_version(deployment: str = "bikes", **others: Any) -> Version:
    fields: dict[str, Any] = {
        "uuid": ids.new_uuid(),
        "deployment": deployment,
        "version": 0,
        "state": "building",
        "created_at": AT,
        "flavor": "sklearn",
    }
    return Version(**{**fields, **others})


def add(store: SqlStore, deployment: str = "bikes", project: str = "p1", **others: Any) -> Version:
    store.ensure_deployment(caller(project), deployment, ids.new_uuid(), AT)
    return store.add_version(caller(project), new_version(deployment, **others))


def test_a_deployment_is_made_once(store: SqlStore) -> None:
    first = store.ensure_deployment(caller(), "bikes", "u1", AT)
    assert first == store.ensure_deployment(caller(), "bikes", "u2", "later")
    assert first == store.deployment(caller(), "bikes")
    assert (first.uuid, first.name, first.project, first.created_at) == ("u1", "bikes", "p1", AT)
    assert first.live_version is None


def test_two_projects_may_use_one_name(store: SqlStore) -> None:
    assert store.ensure_deployment(caller("p1"), "bikes", "u1", AT).uuid == "u1"
    assert store.ensure_deployment(caller("p2"), "bikes", "u2", AT).uuid == "u2"


def test_a_deployment_needs_its_project(store: SqlStore) -> None:
    with pytest.raises(NotFound):
        store.ensure_deployment(caller("p9"), "bikes", "u1", AT)


def test_a_version_is_kept_whole_and_survives_reopening(store: SqlStore, store_url: str) -> None:
    made = add(
        store,
        files=(FileDigest(path="model/m.joblib", sha256="a" * 64, size=7),),
        schema=Schema(
            features=(Feature(name="größe '\"\\", type="number"),),
            output=Output(kind="classifier", classes=(True, False)),
            example={"größe '\"\\": 0.1},
        ),
        certificate=Certificate(golden_rows=5, golden="reproduced", largest_difference=1e-12),
        provenance={"client": "konan 0.1", "nested": {"a": [1, None, 2.5]}},
        warnings=("a column was ignored \u2028 \x00 kept",),
    )
    again = open_store(store_url)
    assert made.version == 1
    assert again.version(caller(), "bikes", 1) == made
    again.close()


def test_numbers_count_up_in_each_deployment(store: SqlStore) -> None:
    assert [add(store, version=99).version for _ in range(3)] == [1, 2, 3]
    assert add(store, "churn").version == 1
    with pytest.raises(NotFound):
        store.add_version(caller(), new_version("nothing"))


def test_versions_are_listed_newest_first_in_pages(store: SqlStore) -> None:
    for _ in range(5):
        add(store)
    assert [v.version for v in store.list_versions(caller(), "bikes", 2)] == [5, 4]
    assert [v.version for v in store.list_versions(caller(), "bikes", 9, before=4)] == [3, 2, 1]
    assert store.list_versions(caller(), "bikes", 9, before=1) == []
    with pytest.raises(NotFound):
        store.list_versions(caller(), "nothing", 9)


def test_deployments_are_listed_by_the_bytes_of_their_names(store: SqlStore) -> None:
    for name in ("b", "a-b", "ab", "a1", "a"):
        store.ensure_deployment(caller(), name, ids.new_uuid(), AT)
    assert [d.name for d in store.list_deployments(caller(), 10)] == ["a", "a-b", "a1", "ab", "b"]
    assert [d.name for d in store.list_deployments(caller(), 2, after="a-b")] == ["a1", "ab"]


def test_what_is_known_of_a_version_is_replaced(store: SqlStore) -> None:
    made = add(store)
    failure = Failure(step="certificate", code="model_failed", message="It raised.", traceback="Trace")
    failed = msgspec.structs.replace(made, state="failed", failure=failure)
    store.put_version(caller(), failed)
    assert store.version(caller(), "bikes", 1) == failed


def test_only_the_version_itself_is_replaced(store: SqlStore) -> None:
    made = add(store)
    for wrong in (
        msgspec.structs.replace(made, version=2),
        msgspec.structs.replace(made, uuid=ids.new_uuid()),
        msgspec.structs.replace(made, deployment="churn"),
    ):
        with pytest.raises(NotFound):
            store.put_version(caller(), wrong)
    assert store.version(caller(), "bikes", 1) == made


def test_a_switch_moves_live_from_one_version_to_another(store: SqlStore) -> None:
    for _ in range(3):
        add(store)
    states: dict[int, str] = {}
    for number in (2, 3, 1, 1):
        assert store.set_live(caller(), "bikes", number).live_version == number
        states = {v.version: v.state for v in store.list_versions(caller(), "bikes", 9)}
        assert [n for n, state in states.items() if state == "live"] == [number]
    assert states == {1: "live", 2: "disabled", 3: "disabled"}
    assert store.deployment(caller(), "bikes").live_version == 1
    with pytest.raises(NotFound):
        store.set_live(caller(), "bikes", 4)


def test_only_a_switch_makes_or_ends_live(store: SqlStore) -> None:
    made = add(store)
    with pytest.raises(Conflict):
        store.put_version(caller(), msgspec.structs.replace(made, state="live"))
    store.set_live(caller(), "bikes", 1)
    with pytest.raises(Conflict):
        store.put_version(caller(), msgspec.structs.replace(made, state="failed"))
    live = msgspec.structs.replace(made, state="live", warnings=("noted",))
    store.put_version(caller(), live)
    assert store.version(caller(), "bikes", 1) == live


def test_a_failed_version_is_never_live(store: SqlStore) -> None:
    add(store)
    store.set_live(caller(), "bikes", 1)
    add(store, state="failed")
    with pytest.raises(Conflict):
        store.set_live(caller(), "bikes", 2)
    assert store.deployment(caller(), "bikes").live_version == 1


def test_the_platform_sees_all_that_is_not_failed(store: SqlStore) -> None:
    add(store)
    store.set_live(caller(), "bikes", 1)
    add(store, state="failed")
    add(store)
    add(store, project="p2")
    seen = [(d.project, d.live_version, v.version, v.state) for d, v in store.platform_versions()]
    assert seen == [("p1", 1, 1, "live"), ("p1", 1, 3, "building"), ("p2", None, 1, "building")]


def test_the_platform_sees_every_deployment(store: SqlStore) -> None:
    for name, project in (("b", "p2"), ("b", "p1"), ("a", "p1")):
        store.ensure_deployment(caller(project), name, ids.new_uuid(), AT)
    add(store, "b", state="failed")
    seen = [(deployment.project, deployment.name) for deployment in store.platform_deployments()]
    assert seen == [("p1", "a"), ("p1", "b"), ("p2", "b")]


Act = Callable[[SqlStore, Principal], object]
ACTS: dict[str, Act] = {
    "deployment": lambda store, who: store.deployment(who, "bikes"),
    "version": lambda store, who: store.version(who, "bikes", 1),
    "list_versions": lambda store, who: store.list_versions(who, "bikes", 9),
    "add_version": lambda store, who: store.add_version(who, new_version()),
    "put_version": lambda store, who: store.put_version(who, new_version(version=1)),
    "set_live": lambda store, who: store.set_live(who, "bikes", 1),
}


@pytest.mark.parametrize("act", sorted(ACTS))
@pytest.mark.parametrize("who", [caller("p2"), caller("p1", "churn"), caller("p2", "bikes")])
def test_what_is_not_the_callers_is_like_nothing(store: SqlStore, act: str, who: Principal) -> None:
    made = add(store)
    with pytest.raises(NotFound) as refusal:
        ACTS[act](store, who)
    with pytest.raises(NotFound) as unknown:
        ACTS[act](store, caller("p9"))
    assert str(refusal.value) == str(unknown.value)
    assert store.version(caller(), "bikes", 1) == made
    assert len(store.list_versions(caller(), "bikes", 9)) == 1


def test_a_limited_key_sees_only_its_deployments(store: SqlStore) -> None:
    add(store)
    add(store, "churn")
    limited = caller("p1", "churn", "later")
    assert [d.name for d in store.list_deployments(limited, 9)] == ["churn"]
    assert store.version(limited, "churn", 1).version == 1
    with pytest.raises(NotFound):
        store.ensure_deployment(limited, "bikes", ids.new_uuid(), AT)
    assert store.ensure_deployment(limited, "later", ids.new_uuid(), AT).name == "later"
    assert store.list_deployments(caller("p2"), 9) == []


def test_many_at_once_give_different_numbers_and_one_live(store: SqlStore) -> None:
    start = threading.Barrier(8)

    def deploy(_: int) -> int:
        start.wait(timeout=30)
        store.ensure_deployment(caller(), "bikes", ids.new_uuid(), AT)
        number = store.add_version(caller(), new_version()).version
        store.set_live(caller(), "bikes", number)
        return number

    with ThreadPoolExecutor(8) as pool:
        numbers = sorted(pool.map(deploy, range(8)))
    assert numbers == list(range(1, 9))
    live = [v.version for v in store.list_versions(caller(), "bikes", 9) if v.state == "live"]
    assert live == [store.deployment(caller(), "bikes").live_version]
    assert len(store.list_deployments(caller(), 9)) == 1


def test_generations_count_up_also_at_once(store: SqlStore) -> None:
    with ThreadPoolExecutor(4) as pool:
        taken = sorted(pool.map(lambda _: store.next_generation(), range(20)))
    assert taken == list(range(1, 21))
    assert store.generation() == 20
    assert store.next_generation() == store.generation() == 21
