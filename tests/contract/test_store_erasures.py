"""What every store promises about erasures."""

import msgspec
import pytest

from konan import ids
from konan.adapters.sql import SqlStore, open_store
from konan.errors import Conflict, NotFound
from konan.records.access import Principal
from konan.records.erasure import Erased, Erasure

AT = "2026-11-23T12:00:00.000000Z"


def who(project: str = "p1", *deployments: str) -> Principal:
    return Principal(
        project=project, key_id="maker", scopes=frozenset({"admin"}), deployments=frozenset(deployments)
    )


def made(number: int, *deployments: str, project: str = "p1") -> Erasure:
    return Erasure(
        id=f"0190000{number}-0000-7000-8000-000000000000",
        project=project,
        deployments=deployments or ("bikes",),
        digest="hmac:" + "0" * 32,
        requested_by="maker",
        created_at=AT,
    )


def test_an_erasure_is_kept_as_it_was_made(store: SqlStore, store_url: str) -> None:
    store.add_erasure(who(), made(1))
    again = open_store(store_url)
    assert again.erasure(who(), made(1).id) == made(1)
    assert again.list_erasures(who(), 10) == again.platform_erasures() == [made(1)]
    again.close()


def test_it_can_be_changed_and_taken_over(store: SqlStore) -> None:
    store.add_erasure(who(), made(1))
    later = msgspec.structs.replace(made(1), state="done", erased={"bikes": Erased(truths=3)}, finished_at=AT)
    store.platform_put_erasure(later)
    store.platform_put_erasure(made(2, project="p2"))
    assert store.platform_erasures() == [later, made(2, project="p2")]
    assert store.erasure(who(), later.id).total == Erased(truths=3)


def test_a_taken_id_or_an_unknown_project_is_refused(store: SqlStore) -> None:
    store.add_erasure(who(), made(1))
    with pytest.raises(Conflict):
        store.add_erasure(who("p2"), made(1, "other"))
    with pytest.raises(Conflict):
        store.add_erasure(who("p9"), made(2))
    assert store.platform_erasures() == [made(1)]


def test_an_erasure_is_kept_in_the_project_of_its_maker(store: SqlStore) -> None:
    store.add_erasure(who("p2"), made(1, project="p1"))
    assert store.list_erasures(who(), 10) == []
    assert store.erasure(who("p2"), made(1).id).project == "p2"
    with pytest.raises(NotFound):
        store.erasure(who(), made(1).id)


def test_pages_are_newest_first(store: SqlStore) -> None:
    for number in (3, 1, 5, 2, 4):
        store.add_erasure(who(), made(number))
    first = store.list_erasures(who(), 2)
    rest = store.list_erasures(who(), 10, before=first[-1].id)
    assert [one.id[7] for one in first + rest] == list("54321")


def test_a_limited_key_sees_what_is_about_its_deployments_alone(store: SqlStore) -> None:
    for number, names in ((1, ("bikes",)), (2, ("bikes", "churn")), (3, ("churn",)), (4, ("bikes",))):
        store.add_erasure(who(), made(number, *names))
    limited = who("p1", "bikes")
    assert [one.id[7] for one in store.list_erasures(limited, 10)] == ["4", "1"]
    assert [one.id[7] for one in store.list_erasures(limited, 1)] == ["4"]
    for hidden in (2, 3):
        with pytest.raises(NotFound):
            store.erasure(limited, made(hidden).id)
    with pytest.raises(NotFound):
        store.erasure(who(), ids.new_uuid())
