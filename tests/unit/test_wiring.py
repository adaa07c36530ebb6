"""What a first start and every later one makes of the database."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from konan import config, wiring
from konan.access import keys
from konan.config import Settings
from konan.errors import Invalid
from konan.records.access import SCOPES, KeyGrant, Principal
from konan.supervisor import start

AT = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = Settings(data_dir=str(tmp_path / "data"))
    config.paths(found).make()
    return found


def grants(settings: Settings) -> list[KeyGrant]:
    store = wiring.store(settings)
    try:
        return store.platform_grants()
    finally:
        store.close()


def test_the_first_start_makes_an_owner_key_with_every_scope(settings: Settings) -> None:
    text = wiring.prepare(settings, "", AT)
    (grant,) = grants(settings)
    assert grant.digest == keys.digest_of(text)
    assert grant.project == "default"
    assert set(grant.scopes) == set(SCOPES)
    assert grant.deployments == ()
    assert grant.expires_at == (AT + timedelta(days=365)).timestamp()


def test_a_good_key_is_kept(settings: Settings) -> None:
    text = wiring.prepare(settings, "", AT)
    assert wiring.prepare(settings, text, AT + timedelta(days=335)) == text
    assert len(grants(settings)) == 1


def test_a_key_with_less_than_a_month_left_is_renewed(settings: Settings) -> None:
    text = wiring.prepare(settings, "", AT)
    later = AT + timedelta(days=336)
    assert wiring.prepare(settings, text, later) != text
    assert len(grants(settings)) == 2


@pytest.mark.parametrize("known", ["nonsense", keys.mint().text])
def test_a_key_of_another_server_is_not_taken_over(settings: Settings, known: str) -> None:
    assert wiring.prepare(settings, known, AT) != known
    assert len(grants(settings)) == 1


def test_a_revoked_key_is_replaced(settings: Settings) -> None:
    text = wiring.prepare(settings, "", AT)
    (grant,) = grants(settings)
    owner = Principal(project="default", key_id=grant.id, scopes=frozenset(SCOPES))
    store = wiring.store(settings)
    store.revoke_key(owner, grant.id, "2026-11-23T00:00:00.000000Z")
    store.close()
    assert wiring.prepare(settings, text, AT) != text


def test_what_prevents_it_is_answered_with_its_code(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KONAN_HOME", str(tmp_path / "home"))
    other = Settings(data_dir=settings.data_dir, database_url="mysql://nowhere/x")
    with pytest.raises(Invalid):
        start.prepare(other)
