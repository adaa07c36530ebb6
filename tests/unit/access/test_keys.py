"""Keys: their shape, their check digits, and that no two are alike."""

import string

from hypothesis import given
from hypothesis import strategies as st

from konan import ids
from konan.access import keys


def test_a_new_key_has_the_documented_shape() -> None:
    key = keys.mint()
    prefix, rest = key.text[:8], key.text[8:]
    key_id, secret = rest.split("_")
    assert prefix == "kn_live_"
    assert key_id == key.id
    assert len(secret) == 43 + 6
    assert set(secret) <= set(string.ascii_letters + string.digits)
    assert key.digest == ids.sha256_hex(key.text.encode())


def test_no_two_keys_share_id_or_secret() -> None:
    made = [keys.mint() for _ in range(200)]
    assert len({key.id for key in made}) == 200
    assert len({key.text[21:] for key in made}) == 200


def test_the_text_gives_back_id_and_digest() -> None:
    key = keys.mint()
    assert keys.id_of(key.text) == key.id
    assert keys.digest_of(key.text) == key.digest


@given(st.integers(0, 69), st.sampled_from(string.ascii_letters + string.digits + "_ \n\u0660"))
def test_a_key_with_one_wrong_character_is_no_key(position: int, character: str) -> None:
    text = keys.mint().text
    wrong = text[:position] + character + text[position + 1 :]
    assert (keys.digest_of(wrong) is None) == (wrong != text)


@given(st.text(max_size=90))
def test_other_texts_are_no_keys(text: str) -> None:
    assert keys.digest_of(text) is None
    assert keys.digest_of("kn_live_" + text) is None
    assert keys.id_of(text) is None


def test_text_around_a_key_is_not_ignored() -> None:
    text = keys.mint().text
    for around in (" " + text, text + " ", text + "\n", text + "A"):
        assert keys.digest_of(around) is None
        assert keys.id_of(around) is None
