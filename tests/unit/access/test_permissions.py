"""A key makes no key that can do more than itself."""

import itertools
import math
from datetime import UTC, datetime, timedelta

import pytest

from konan.access.permissions import LONGEST_DAYS, NewKey, make_key, owner_key, require
from konan.errors import Invalid, NotAllowed
from konan.records.access import SCOPES, Principal

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)


def caller(*scopes: str, deployments: tuple[str, ...] = (), days: float = math.inf) -> Principal:
    return Principal(
        project="p1",
        key_id="maker",
        scopes=frozenset(scopes),
        deployments=frozenset(deployments),
        expires_at=math.inf if math.isinf(days) else (AT + timedelta(days=days)).timestamp(),
    )


@pytest.mark.parametrize("held", SCOPES)
@pytest.mark.parametrize("wanted", SCOPES)
def test_a_scope_gives_only_itself_and_admin_all_but_code(held: str, wanted: str) -> None:
    allowed = held == wanted or (held == "admin" and wanted != "model:upload-code")
    if allowed:
        require(caller(held), wanted)
    else:
        with pytest.raises(NotAllowed) as refusal:
            require(caller(held), wanted)
        assert wanted in refusal.value.message


def test_any_of_several_scopes_is_enough() -> None:
    require(caller("predict"), "read", "predict")
    with pytest.raises(NotAllowed):
        require(caller("feedback"), "read", "predict")


def test_a_key_belongs_to_the_project_of_its_maker() -> None:
    key, minted = make_key(caller("admin"), NewKey(name="ci", scopes=("read", "predict")), AT, 90)
    assert key.project == "p1"
    assert key.id == minted.id
    assert key.scopes == ("predict", "read")
    assert key.deployments == ()
    assert key.created_at == "2026-11-23T12:00:00.000000Z"
    assert key.expires_at == "2027-02-21T12:00:00.000000Z"
    assert key.revoked_at is None
    assert minted.text not in repr(key)
    assert minted.digest not in repr(key)


@pytest.mark.parametrize(("held", "wanted"), list(itertools.product(SCOPES, SCOPES)))
def test_no_key_gives_a_scope_that_it_lacks(held: str, wanted: str) -> None:
    maker, request = caller(held), NewKey(name="k", scopes=(wanted,))
    if maker.may(wanted):
        assert make_key(maker, request, AT, 90)[0].scopes == (wanted,)
    else:
        with pytest.raises(NotAllowed):
            make_key(maker, request, AT, 90)


def test_a_limited_key_gives_only_its_own_deployments() -> None:
    maker = caller("admin", deployments=("bikes", "churn"))
    inherited, _ = make_key(maker, NewKey(name="k", scopes=("predict",)), AT, 90)
    assert inherited.deployments == ("bikes", "churn")
    fewer, _ = make_key(maker, NewKey(name="k", scopes=("predict",), deployments=("bikes",)), AT, 90)
    assert fewer.deployments == ("bikes",)
    for wider in ((), ("fraud",), ("bikes", "fraud")):
        with pytest.raises(NotAllowed):
            make_key(maker, NewKey(name="k", scopes=("predict",), deployments=wider), AT, 90)


def test_no_key_outlives_its_maker() -> None:
    maker = caller("admin", days=10)
    key, _ = make_key(maker, NewKey(name="k", scopes=("read",)), AT, 90)
    assert key.expires_at == "2026-12-03T12:00:00.000000Z"
    key, _ = make_key(maker, NewKey(name="k", scopes=("read",), expires_days=10), AT, 90)
    assert key.expires_at == "2026-12-03T12:00:00.000000Z"
    with pytest.raises(NotAllowed):
        make_key(maker, NewKey(name="k", scopes=("read",), expires_days=11), AT, 90)


@pytest.mark.parametrize(
    ("request_", "pointer"),
    [
        (NewKey(name="", scopes=("read",)), "/name"),
        (NewKey(name="   ", scopes=("read",)), "/name"),
        (NewKey(name="a\nb", scopes=("read",)), "/name"),
        (NewKey(name="a\x1b[2J", scopes=("read",)), "/name"),
        (NewKey(name="x" * 101, scopes=("read",)), "/name"),
        (NewKey(name="k", scopes=()), "/scopes"),
        (NewKey(name="k", scopes=("read", "root")), "/scopes/1"),
        (NewKey(name="k", scopes=("Read",)), "/scopes/0"),
        (NewKey(name="k", scopes=("read",), deployments=("../etc",)), "/deployments/0"),
        (NewKey(name="k", scopes=("read",), expires_days=0), "/expires_days"),
        (NewKey(name="k", scopes=("read",), expires_days=-5), "/expires_days"),
        (NewKey(name="k", scopes=("read",), expires_days=366), "/expires_days"),
    ],
)
def test_what_is_no_key_is_refused_with_its_place(request_: NewKey, pointer: str) -> None:
    with pytest.raises(Invalid) as refusal:
        make_key(caller("admin"), request_, AT, 90)
    assert [fault.pointer for fault in refusal.value.faults] == [pointer]
    assert "root" not in refusal.value.faults[0].message


def test_the_owner_has_every_scope_for_a_year() -> None:
    key, _ = owner_key("default", AT)
    assert set(key.scopes) == set(SCOPES)
    assert key.deployments == ()
    assert key.expires_at == f"{AT + timedelta(days=LONGEST_DAYS):%Y-%m-%dT%H:%M:%S.%fZ}"
