"""What every store promises about KPIs that users send."""

import pytest

from konan import ids
from konan.adapters.sql import SqlStore, kpis, open_store
from konan.errors import Conflict, NotFound
from konan.records.access import Principal

AT = "2026-11-24T12:00:00.000000Z"
HOUR = 3_600_000_000


def who(project: str = "p1", *deployments: str) -> Principal:
    return Principal(
        project=project, key_id="k", scopes=frozenset({"feedback"}), deployments=frozenset(deployments)
    )


@pytest.fixture(autouse=True)
def _churn(store: SqlStore) -> None:
    store.ensure_deployment(who(), "churn", ids.new_uuid(), AT)


def test_points_are_kept_once_and_replaced(store: SqlStore, store_url: str) -> None:
    store.put_kpis(who(), "churn", [("revenue", 5, 0, 1.0), ("revenue", 9, 0, 2.5), ("calls", 5, 2, 7.0)])
    store.put_kpis(who(), "churn", [("revenue", 9, 0, 3.5)])
    again = open_store(store_url)
    assert again.list_kpis(who(), "churn") == [("calls", 1, 5, 5, 7.0), ("revenue", 2, 5, 9, 3.5)]
    again.close()


def test_windows_add_up_by_version(store: SqlStore) -> None:
    moments = [0, HOUR - 1, HOUR, 3 * HOUR]
    store.put_kpis(who(), "churn", [("revenue", at, 0, 1.5 + at / HOUR) for at in moments])
    store.put_kpis(who(), "churn", [("revenue", 7, 3, -2.0)])
    found = store.kpi_windows(who(), "churn", "revenue", (0, 3 * HOUR, HOUR))
    assert [one[:3] for one in found] == [(0, 0, 2), (0, 1, 1), (3, 0, 1)]
    assert found[0][3:] == pytest.approx((4.0, 1.5, 2.5))
    assert found[1][3:] == found[1][3:][:1] * 3 == (2.5, 2.5, 2.5)
    assert not store.kpi_windows(who(), "churn", "other", (0, 3 * HOUR, HOUR))


def test_a_deployment_takes_only_so_many(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kpis, "MOST", 2)
    store.put_kpis(who(), "churn", [("revenue", 1, 0, 1.0), ("revenue", 2, 0, 1.0)])
    store.put_kpis(who(), "churn", [("revenue", 2, 0, 5.0)])  # takes the place of one
    with pytest.raises(Conflict):
        store.put_kpis(who(), "churn", [("revenue", 3, 0, 1.0)])
    assert store.list_kpis(who(), "churn") == [("revenue", 2, 1, 2, 5.0)]


@pytest.mark.parametrize("stranger", [who("p2"), who("p1", "other")])
def test_nobody_else_sees_or_sends_them(store: SqlStore, stranger: Principal) -> None:
    with pytest.raises(NotFound):
        store.put_kpis(stranger, "churn", [("revenue", 1, 0, 1.0)])
    with pytest.raises(NotFound):
        store.list_kpis(stranger, "churn")
    with pytest.raises(NotFound):
        store.kpi_windows(stranger, "churn", "revenue", (0, 1, 1))
