"""What every store promises about keys."""

import msgspec
import pytest

from konan.access.permissions import NewKey, make_key
from konan.adapters.sql import SqlStore, open_store
from konan.clock import now
from konan.errors import Conflict, NotFound
from konan.records.access import Key, Principal

AT = "2026-11-23T12:00:00.000000Z"
LATER = "2026-11-23T13:00:00.000000Z"


def admin(project: str = "p1") -> Principal:
    return Principal(project=project, key_id="maker", scopes=frozenset({"admin"}))


def add(store: SqlStore, project: str = "p1", name: str = "ci") -> tuple[Key, str]:
    request = NewKey(name=name, scopes=("read", "predict"), deployments=("bikes", "churn"))
    key, minted = make_key(admin(project), request, now(), 90)
    store.add_key(admin(project), key, minted.digest)
    return key, minted.digest


def test_a_key_is_kept_as_it_was_made(store: SqlStore, store_url: str) -> None:
    key, digest = add(store, name="é '; DROP TABLE keys; --")
    again = open_store(store_url)
    assert again.list_keys(admin(), 10) == [key]
    (grant,) = again.platform_grants()
    assert (grant.id, grant.digest, grant.project) == (key.id, digest, "p1")
    assert (grant.scopes, grant.deployments) == (key.scopes, key.deployments)
    assert grant.expires_at - now().timestamp() == pytest.approx(90 * 86400, abs=60)
    again.close()


def test_a_taken_id_is_refused_and_changes_nothing(store: SqlStore) -> None:
    key, _ = add(store)
    other = msgspec.structs.replace(key, name="thief", scopes=("admin",))
    for project in ("p1", "p2"):
        with pytest.raises(Conflict):
            store.add_key(admin(project), other, "0" * 64)
    assert store.list_keys(admin(), 10) == [key]


def test_a_key_is_kept_in_the_project_of_its_maker(store: SqlStore) -> None:
    key, _ = add(store)
    moved = msgspec.structs.replace(key, id="another00000", project="p2")
    store.add_key(admin("p1"), moved, "1" * 64)
    assert {kept.id for kept in store.list_keys(admin("p1"), 10)} == {key.id, "another00000"}
    assert store.list_keys(admin("p2"), 10) == []


def test_a_project_that_does_not_exist_has_no_keys(store: SqlStore) -> None:
    with pytest.raises(Conflict):
        add(store, project="p9")
    assert store.list_keys(admin("p9"), 10) == []


def test_keys_of_other_projects_do_not_exist(store: SqlStore) -> None:
    own, _ = add(store)
    foreign, _ = add(store, project="p2")
    assert store.list_keys(admin(), 10) == [own]
    for key_id in (foreign.id, "000000000000", "' OR 1=1 --", ""):
        with pytest.raises(NotFound) as refusal:
            store.revoke_key(admin(), key_id, AT)
        assert refusal.value.message == "There is no such key."
    assert store.list_keys(admin("p2"), 10)[0].revoked_at is None


def test_a_revoked_key_is_no_grant_and_stays_listed(store: SqlStore) -> None:
    key, _ = add(store)
    revoked = store.revoke_key(admin(), key.id, AT)
    assert revoked == msgspec.structs.replace(key, revoked_at=AT)
    assert store.revoke_key(admin(), key.id, LATER) == revoked
    assert store.list_keys(admin(), 10) == [revoked]
    assert store.platform_grants() == []


def test_grants_are_of_all_projects(store: SqlStore) -> None:
    made = {add(store)[0].id, add(store, project="p2")[0].id}
    assert {grant.id for grant in store.platform_grants()} == made


def test_pages_of_keys_hold_each_key_once(store: SqlStore) -> None:
    made = sorted(add(store)[0].id for _ in range(7))
    seen: list[str] = []
    while page := store.list_keys(admin(), 3, after=seen[-1] if seen else ""):
        seen.extend(key.id for key in page)
    assert seen == made
