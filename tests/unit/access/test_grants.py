"""The check of a key: one accepted form, one answer to all others."""

import base64

import pytest

from konan.access import keys
from konan.access.grants import Grants
from konan.errors import Unauthenticated
from konan.records.access import KeyGrant

NOW = 1_800_000_000.0


def grant(key: keys.Minted, expires_at: float = NOW + 60, project: str = "default") -> KeyGrant:
    return KeyGrant(
        id=key.id,
        digest=key.digest,
        project=project,
        scopes=("predict",),
        deployments=("bikes",),
        expires_at=expires_at,
    )


def test_a_valid_key_names_its_principal() -> None:
    key = keys.mint()
    grants = Grants([grant(keys.mint(), project="other"), grant(key)])
    for _ in range(2):
        principal = grants.authenticate(f"Bearer {key.text}", NOW)
        assert principal.project == "default"
        assert principal.key_id == key.id
        assert principal.scopes == {"predict"}
        assert principal.deployments == {"bikes"}


def test_every_other_form_gets_the_same_answer() -> None:
    key, stranger = keys.mint(), keys.mint()
    grants = Grants([grant(key)])
    text = key.text
    basic = base64.b64encode(f"user:{text}".encode()).decode()
    refused = [
        None,
        "",
        " ",
        "Bearer",
        "Bearer ",
        text,
        f"bearer {text}",
        f"BEARER {text}",
        f"Bearer  {text}",
        f"Bearer {text} ",
        f" Bearer {text}",
        f"Bearer\t{text}",
        f"Bearer {text}\n",
        f"Bearer {text}, Bearer {text}",
        f"Bearer {text},Bearer {stranger.text}",
        f"Bearer Bearer {text}",
        f"Basic {basic}",
        f"Token {text}",
        f"Bearer {text[:-1]}",
        f"Bearer {text[:-1]}{'A' if text[-1] != 'A' else 'B'}",
        f"Bearer {text.upper()}",
        f"Bearer {stranger.text}",
        f"Bearer kn_live_{key.id}_{stranger.text[21:]}",
        f"Bearer {key.digest}",
        "Bearer " + "x" * 100_000,
        "Bearer kn_live_\u0660\udcff",
    ]
    said = set()
    for _ in range(2):
        for authorization in refused:
            with pytest.raises(Unauthenticated) as refusal:
                grants.authenticate(authorization, NOW)
            said.add((refusal.value.message, refusal.value.hint))
        assert grants.authenticate(f"Bearer {text}", NOW).key_id == key.id
    assert len(said) == 1


def test_a_key_ends_at_its_expiry_even_when_it_was_used_before() -> None:
    key = keys.mint()
    grants = Grants([grant(key, expires_at=NOW)])
    assert grants.authenticate(f"Bearer {key.text}", NOW - 0.001).key_id == key.id
    with pytest.raises(Unauthenticated):
        grants.authenticate(f"Bearer {key.text}", NOW)


def test_the_same_id_with_another_secret_is_refused() -> None:
    key = keys.mint()
    body = f"kn_live_{key.id}_{'0' * 43}"
    forged = body + keys._check(body)
    assert keys.digest_of(forged) is not None
    with pytest.raises(Unauthenticated):
        Grants([grant(key)]).authenticate(f"Bearer {forged}", NOW)


def test_no_keys_let_nobody_in() -> None:
    with pytest.raises(Unauthenticated):
        Grants([]).authenticate(f"Bearer {keys.mint().text}", NOW)
