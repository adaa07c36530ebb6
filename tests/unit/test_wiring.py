"""What a start makes of the owner key in the database, and what control says when it cannot serve."""

import asyncio
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from konan import config, wiring
from konan.access import keys
from konan.adapters.sql import SqlStore
from konan.channel import Channel
from konan.config import Settings
from konan.records.access import SCOPES, Principal
from konan.records.messages import Failed

AT = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("KONAN_HOME", str(tmp_path / "home"))
    found = Settings(data_dir=str(tmp_path / "data"))
    config.paths(found).make()
    return found


@pytest.fixture
def store(settings: Settings) -> Iterator[SqlStore]:
    opened = wiring.store(settings)
    yield opened
    opened.close()


def test_the_first_start_makes_an_owner_key_with_every_scope(store: SqlStore) -> None:
    text = wiring.owner_key(store, "", AT)
    (grant,) = store.platform_grants()
    assert grant.digest == keys.digest_of(text)
    assert grant.project == "default"
    assert set(grant.scopes) == set(SCOPES)
    assert grant.deployments == ()
    assert grant.expires_at == (AT + timedelta(days=365)).timestamp()


def test_a_good_key_is_kept(store: SqlStore) -> None:
    text = wiring.owner_key(store, "", AT)
    assert wiring.owner_key(store, text, AT + timedelta(days=335)) == text
    assert len(store.platform_grants()) == 1


def test_a_key_with_less_than_a_month_left_is_renewed(store: SqlStore) -> None:
    text = wiring.owner_key(store, "", AT)
    assert wiring.owner_key(store, text, AT + timedelta(days=336)) != text
    assert len(store.platform_grants()) == 2


@pytest.mark.parametrize("known", ["nonsense", "a key of another server"])
def test_a_key_of_another_server_is_not_taken_over(store: SqlStore, known: str) -> None:
    text = known if known == "nonsense" else keys.mint().text
    assert wiring.owner_key(store, text, AT) != text
    assert len(store.platform_grants()) == 1


def test_a_revoked_key_is_replaced(store: SqlStore) -> None:
    text = wiring.owner_key(store, "", AT)
    (grant,) = store.platform_grants()
    owner = Principal(project="default", key_id=grant.id, scopes=frozenset(SCOPES))
    store.revoke_key(owner, grant.id, "2026-11-23T00:00:00.000000Z")
    assert wiring.owner_key(store, text, AT) != text


@pytest.mark.parametrize(
    ("url", "text", "code"),
    [
        ("mysql://nowhere/x", b"", "invalid"),
        ("", b"this is no database at all" * 100, "control_unavailable"),
    ],
)
def test_control_says_why_it_cannot_serve(settings: Settings, url: str, text: bytes, code: str) -> None:
    broken = Settings(data_dir=settings.data_dir, database_url=url)
    config.paths(broken).database.write_bytes(text)

    async def scenario() -> None:
        ours, theirs = socket.socketpair()
        channel = Channel(ours)
        assert not await wiring.control(broken, Channel(theirs))
        received = await channel.receive()
        channel.close()
        assert received is not None
        said = received[0]
        assert isinstance(said, Failed)
        assert said.code == code
        assert said.hint

    asyncio.run(scenario())
