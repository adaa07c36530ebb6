"""What every store promises about decisions and metrics of deployments."""

import pytest

from konan import ids
from konan.adapters.sql import SqlStore, open_store
from konan.errors import Conflict, NotFound
from konan.records.access import Principal
from konan.records.measures import CustomMetric, Decision, Payoff

AT = "2026-11-24T12:00:00.000000Z"
DECISION = Decision(positive="yes", threshold=0.3, payoffs=(Payoff(truth="yes", answer="no", value=-500),))
METRIC = CustomMetric(name="regret", code="def metric(rows): return 0", better="lower", created_at=AT)


def who(project: str = "p1", *deployments: str) -> Principal:
    return Principal(
        project=project, key_id="maker", scopes=frozenset({"deploy"}), deployments=frozenset(deployments)
    )


@pytest.fixture
def uuid(store: SqlStore) -> str:
    return store.ensure_deployment(who(), "churn", ids.new_uuid(), AT).uuid


def test_a_decision_is_declared_replaced_and_taken_back(store: SqlStore, store_url: str, uuid: str) -> None:
    assert store.decision(who(), "churn") is None
    store.put_decision(who(), "churn", Decision(threshold=0.9))
    store.put_decision(who(), "churn", DECISION)
    again = open_store(store_url)
    assert again.decision(who(), "churn") == DECISION
    assert again.platform_decisions() == {uuid: DECISION}
    again.close()
    store.put_decision(who(), "churn", None)
    assert store.decision(who(), "churn") is None
    assert store.platform_decisions() == {}


@pytest.mark.usefixtures("uuid")
def test_metrics_are_kept_by_name_and_removed(store: SqlStore) -> None:
    other = CustomMetric(name="cost", code="def metric(rows): return 1")
    store.add_metric(who(), "churn", METRIC)
    store.add_metric(who(), "churn", other)
    assert store.list_metrics(who(), "churn") == [other, METRIC]
    with pytest.raises(Conflict):
        store.add_metric(who(), "churn", METRIC)
    assert store.remove_metric(who(), "churn", "regret") == METRIC
    assert store.list_metrics(who(), "churn") == [other]
    with pytest.raises(NotFound):
        store.remove_metric(who(), "churn", "regret")


@pytest.mark.parametrize("stranger", [who("p2"), who("p1", "other")])
def test_nobody_else_sees_or_changes_them(store: SqlStore, uuid: str, stranger: Principal) -> None:
    store.put_decision(who(), "churn", DECISION)
    store.add_metric(who(), "churn", METRIC)
    with pytest.raises(NotFound):
        store.decision(stranger, "churn")
    with pytest.raises(NotFound):
        store.put_decision(stranger, "churn", None)
    with pytest.raises(NotFound):
        store.list_metrics(stranger, "churn")
    with pytest.raises(NotFound):
        store.add_metric(stranger, "churn", METRIC)
    with pytest.raises(NotFound):
        store.remove_metric(stranger, "churn", "regret")
    assert store.platform_decisions() == {uuid: DECISION}
