"""The masking key and its pseudonyms."""

import pickle
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orderguard.masking import Keyring, MaskingKeyError, new_key_text, pseudonym
from orderguard.masking.canonical import CANONICAL, PREFIXES
from orderguard.masking.keyring import TOKEN_PATTERN

KEY_TEXT = "k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"
OTHER_TEXT = "k2:ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA"
KEYRING = Keyring.from_text(KEY_TEXT)
NAMESPACES = st.sampled_from(sorted(PREFIXES))


def test_a_pseudonym_names_its_namespace_and_key() -> None:
    token = pseudonym("customer", "C-1001", KEYRING)
    assert token.startswith("cus_k1_")
    assert len(token) == len("cus_k1_") + 22


def test_a_pseudonym_is_the_published_construction() -> None:
    """HMAC-SHA-256 of "namespace NUL value" under the key, first 16 bytes: worked out with another tool."""
    assert pseudonym("customer", "C-1001", KEYRING) == "cus_k1_t_v6GXW2GTBQCzvSu9Mvug"


@pytest.mark.parametrize(
    ("namespace", "one", "other"),
    [
        ("email", "Anna.Muster@Example.COM ", "anna.muster@example.com"),
        ("email", "ａｎｎａ@example.com", "anna@example.com"),
        ("email", "mailto:anna@example.com", "anna@example.com"),
        ("customer", "Anna@Example.com", "anna@example.com"),
        ("phone", "+49 (0)170 123-4567", "0049 170 1234567"),
        ("name", "  ANNA\u00a0 Muster", "Anna Muster"),
        ("address", "Hauptstraße 1", "HAUPTSTRASSE  1"),
        ("iban", "de89 3704 0044 0532 0130 00", "DE89370400440532013000"),
        ("card", "4111-1111-1111-1111", "4111 1111 1111 1111"),
    ],
)
def test_two_spellings_of_one_value_give_one_pseudonym(namespace: str, one: str, other: str) -> None:
    assert pseudonym(namespace, one, KEYRING) == pseudonym(namespace, other, KEYRING)


@given(NAMESPACES, NAMESPACES, st.text(), st.text())
def test_equal_inputs_give_equal_tokens_and_no_others_do(one: str, other: str, value: str, second: str) -> None:
    same = one == other and CANONICAL[one](value) == CANONICAL[one](second)
    assert (pseudonym(one, value, KEYRING) == pseudonym(other, second, KEYRING)) == same


@given(NAMESPACES, st.text(min_size=4))
@example("customer", "cus_")
def test_a_token_holds_nothing_of_the_value(namespace: str, value: str) -> None:
    token = pseudonym(namespace, value, KEYRING)
    assert re.fullmatch(TOKEN_PATTERN, token)
    assert value not in token.removeprefix(f"{PREFIXES[namespace]}_k1_"), "what all tokens begin with says nothing"


def test_another_key_gives_another_token() -> None:
    assert pseudonym("customer", "1", KEYRING)[7:] != pseudonym("customer", "1", Keyring.from_text(OTHER_TEXT))[7:]


def test_after_a_rotation_old_tokens_can_still_be_found() -> None:
    rotated = Keyring.from_text(f"{OTHER_TEXT},{KEY_TEXT}")
    assert rotated.key_ids == ("k2", "k1")
    assert pseudonym("customer", "C-1", rotated).startswith("cus_k2_")
    assert rotated.tokens("customer", "C-1") == [
        pseudonym("customer", "C-1", rotated),
        pseudonym("customer", "C-1", KEYRING),
    ]


def test_digests_of_many_values_tell_their_pseudonyms() -> None:
    values = ["a", "b", "", "ＡＢＣ", "\udcff", "a" * 500]
    digests = KEYRING.digests("order", values)
    assert KEYRING.written("order", digests) == [pseudonym("order", value, KEYRING) for value in values]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "k1",
        "k1:",
        "k1:c2hvcnQ",
        "k1:not base64 at all, is it?",
        KEY_TEXT.removeprefix("k1:"),
        f"K1:{KEY_TEXT[3:]}",
        f"{KEY_TEXT},{KEY_TEXT}",
        f"{KEY_TEXT},",
        f"k1:{'A' * 43}",
    ],
)
def test_no_proper_key_is_an_error_that_repeats_nothing(text: str) -> None:
    with pytest.raises(MaskingKeyError) as error:
        Keyring.from_text(text)
    assert KEY_TEXT[3:] not in str(error.value)
    assert "c2hvcnQ" not in str(error.value)


def test_without_a_key_there_is_no_masking(tmp_path: Path) -> None:
    for environment in ({}, {"MASKING_KEY": " "}, {"MASKING_KEY_FILE": str(tmp_path / "missing")}):
        with pytest.raises(MaskingKeyError):
            Keyring.from_environment(environment)


def test_the_key_comes_from_the_environment_or_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(KEY_TEXT + "\n")
    assert Keyring.from_environment({"MASKING_KEY_FILE": str(path)}).fingerprint == KEYRING.fingerprint
    assert Keyring.from_environment({"MASKING_KEY": KEY_TEXT}).fingerprint == KEYRING.fingerprint


def test_a_keyring_shows_its_key_to_nobody() -> None:
    shown = f"{KEYRING!r} {KEYRING} {KEYRING.fingerprint}"
    assert KEY_TEXT[3:] not in shown
    assert "0123456789abcdef" not in shown
    with pytest.raises(TypeError, match="never serialised"):
        pickle.dumps(KEYRING)


def test_new_keys_differ() -> None:
    assert Keyring.from_text(new_key_text()).fingerprint != Keyring.from_text(new_key_text()).fingerprint
    assert Keyring.from_text(new_key_text("k7")).current_id == "k7"


@pytest.mark.parametrize("value", ["", "C-77", "x" * 500, "Ünïcode 漢字", "\ud800"])
@pytest.mark.parametrize("namespace", ["order", "customer", "device"])
def test_the_quick_way_to_a_token_is_the_standard_hmac(namespace: str, value: str) -> None:
    keyring = Keyring.from_text(new_key_text())
    assert keyring.token(namespace, value) == keyring.tokens(namespace, value)[0]


@given(st.text(), st.sampled_from(["order", "who"]))
@example("Zoë \0 \ud800", "who")
def test_a_seal_is_read_again_with_its_key_and_kind_alone(told: str, what: str) -> None:
    rotated, sealed = Keyring.from_text(f"{OTHER_TEXT},{KEY_TEXT}"), KEYRING.seal(what, told)
    assert KEYRING.unseal(what, sealed) == rotated.unseal(what, sealed) == told
    assert sealed == KEYRING.seal(what, told) and sealed in rotated.seals(what, told)
    assert KEYRING.unseal("another", sealed) is None
    assert Keyring.from_text(OTHER_TEXT.replace("k2", "k1")).unseal(what, sealed) is None
    broken = sealed[:-6] + ("A" if sealed[-6] != "A" else "B") + sealed[-5:]
    assert KEYRING.unseal(what, broken) is None and KEYRING.unseal(what, sealed[:20]) is None
    assert len(told) < 4 or told not in sealed


@pytest.mark.parametrize("text", ["", "k1.", "k1.é", "k1.!!!!", "k9.AAAA", "no seal at all"])
def test_what_is_no_seal_is_nothing(text: str) -> None:
    assert KEYRING.unseal("who", text) is None
