"""What every store promises about the ledger."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.contract.test_store_versions import add, caller

from konan.adapters.sql import SqlStore
from konan.errors import Conflict, NotFound
from konan.records.ledger import Share
from konan.rollout.ledger import checked


def test_every_switch_is_an_entry(store: SqlStore) -> None:
    add(store)
    add(store)
    store.set_live(caller(), "bikes", 1)
    store.set_live(caller(), "bikes", 2, action="promote", why="better")
    newest, oldest = store.list_ledger(caller(), "bikes", 9)
    assert (oldest.number, oldest.action, oldest.why, oldest.by) == (1, "deploy", "", "k")
    assert (newest.number, newest.action, newest.why) == (2, "promote", "better")
    assert newest.live == (Share(version=2, share=1.0),)
    assert newest.deployment == store.deployment(caller(), "bikes").uuid
    assert store.list_ledger(caller(), "bikes", 9, before=2) == [oldest]
    assert list(store.whole_ledger(caller(), "bikes")) == [oldest, newest]
    assert checked(store.whole_ledger(caller(), "bikes")).broken is None


def test_ledgers_of_two_deployments_are_two(store: SqlStore) -> None:
    for name in ("bikes", "churn"):
        add(store, name)
        store.set_live(caller(), name, 1)
        assert [entry.number for entry in store.list_ledger(caller(), name, 9)] == [1]


def test_a_switch_that_thought_otherwise_changes_nothing(store: SqlStore) -> None:
    add(store)
    add(store)
    store.set_live(caller(), "bikes", 1, instead_of=None)
    for thought in (None, 2):
        with pytest.raises(Conflict, match="meanwhile"):
            store.set_live(caller(), "bikes", 2, instead_of=thought)
    assert store.deployment(caller(), "bikes").live_version == 1
    assert len(store.list_ledger(caller(), "bikes", 9)) == 1
    store.set_live(caller(), "bikes", 2, instead_of=1)


def test_of_many_at_once_one_wins(store: SqlStore) -> None:
    for _ in range(5):
        add(store)
    store.set_live(caller(), "bikes", 1)

    def promoted(number: int) -> bool:
        try:
            store.set_live(caller(), "bikes", number, instead_of=1)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(promoted, (2, 3, 4, 5))) == 1
    found = checked(store.whole_ledger(caller(), "bikes"))
    assert (found.entries, found.broken) == (2, None)


def test_a_ledger_is_its_callers(store: SqlStore) -> None:
    add(store)
    store.set_live(caller(), "bikes", 1)
    for who in (caller("p2"), caller("p1", "churn")):
        with pytest.raises(NotFound):
            store.list_ledger(who, "bikes", 9)
        with pytest.raises(NotFound):
            list(store.whole_ledger(who, "bikes"))
