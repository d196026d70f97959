# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import random
import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vestibule.core.token import (
    PREFIX,
    TOKEN_LENGTH,
    ClaimToken,
    digest,
    mint_claim_token,
    mint_code,
    mint_id,
    mint_secret,
    parse_claim_token,
)
from vestibule.errors import ClaimRejectedError, RejectReason

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
GOLDEN = "vst_" + "0" * 43


def is_refused(text: object) -> bool:
    try:
        parse_claim_token(text)
    except ClaimRejectedError as refusal:
        assert refusal.reason is RejectReason.MALFORMED
        return True
    return False


@pytest.mark.covers("TOK-01", "B06")
def test_B06_a_minted_token_has_the_published_shape_and_parses_to_itself() -> None:
    for _ in range(1000):
        token = mint_claim_token()
        text = token.reveal()
        assert re.fullmatch(r"vst_[0-9A-Za-z]{49}", text)
        assert len(text) == TOKEN_LENGTH == 53
        assert parse_claim_token(text) == token


@pytest.mark.covers("TOK-01", "B06", "B07")
def test_B07_ten_thousand_tokens_are_all_different_and_use_every_character_everywhere() -> None:
    texts = [mint_claim_token().reveal() for _ in range(10_000)]
    assert len(set(texts)) == len(texts)
    bodies = [text[len(PREFIX) : -6] for text in texts]
    for position in range(1, 43):
        assert {body[position] for body in bodies} == set(ALPHABET)


@pytest.mark.covers("TOK-01")
def test_no_change_of_a_single_character_goes_undetected() -> None:
    chance = random.Random(20_260_115)
    for _ in range(20_000):
        text = mint_claim_token().reveal()
        place = chance.randrange(TOKEN_LENGTH)
        other = chance.choice(ALPHABET.replace(text[place], ""))
        assert is_refused(text[:place] + other + text[place + 1 :])


@pytest.mark.covers("TOK-01", "B16", "B17")
def test_B17_truncated_and_extended_tokens_of_any_length_are_refused() -> None:
    text = mint_claim_token().reveal()
    assert not is_refused(text)
    assert all(is_refused(text[:length]) for length in range(TOKEN_LENGTH))
    assert all(is_refused(text[length:]) for length in range(1, TOKEN_LENGTH))
    assert all(is_refused(text + "0" * extra) for extra in range(1, 65))
    assert is_refused(text * 200_000)


@pytest.mark.covers("TOK-01", "B18")
@pytest.mark.parametrize(
    "change",
    [
        str.upper,
        str.lower,
        str.swapcase,
        lambda text: text + ".",
        lambda text: text + ",",
        lambda text: text + ".json",
        lambda text: text + "\n",
        lambda text: " " + text,
        lambda text: text[:20] + " " + text[21:],
        lambda text: text[:20] + "\x00" + text[21:],
        lambda text: text[:20] + "\ud800" + text[21:],
        lambda text: (
            text.translate({ord(digit): 0xFF10 + int(digit) for digit in "0123456789"})[:-1] + "\uff10"
        ),
        lambda text: text.replace("vst_", "inv_"),
        lambda text: text.encode(),
        lambda _: None,
        lambda _: 7,
        lambda _: "",
    ],
)
def test_whatever_is_not_exactly_a_token_is_refused_not_repaired(change: object) -> None:
    assert callable(change)
    assert is_refused(change(mint_claim_token().reveal()))


@pytest.mark.covers("B16")
def test_B16_the_stored_hash_and_an_identifier_are_no_tokens() -> None:
    token = mint_claim_token()
    stored = token.claim_token_hash
    assert is_refused(stored.hex())
    assert is_refused(PREFIX + stored.hex())
    assert is_refused(mint_id())


@given(st.text(max_size=60))
def test_any_text_is_a_token_or_the_one_refusal(text: str) -> None:
    assert is_refused(text)
    assert is_refused(PREFIX + text)


@pytest.mark.covers("TOK-02")
def test_only_the_hash_of_the_whole_token_is_stored() -> None:
    token = mint_claim_token()
    assert token.claim_token_hash == hashlib.sha256(token.reveal().encode("ascii")).digest()
    assert len(token.claim_token_hash) == 32


@pytest.mark.covers("TOK-02", "B03", "B05")
def test_B05_no_way_of_printing_a_token_shows_it() -> None:
    token = mint_claim_token()
    shown = f"{token} {token!r} {token!s} {[token]} {ClaimToken(token.reveal())}"
    assert token.reveal()[4:20] not in shown


def test_the_checksum_is_crc32_in_base62_of_what_stands_before_it() -> None:
    assert parse_claim_token(GOLDEN + "3OSA8t").reveal() == GOLDEN + "3OSA8t"


def test_identifiers_codes_and_secrets_have_their_shapes() -> None:
    assert uuid.UUID(mint_id()).version == 4
    assert re.fullmatch(r"[0-9]{8}", mint_code())
    assert re.fullmatch(r"vsk_[\w-]{43}", mint_secret("vsk_"))
    assert len({mint_secret("x") for _ in range(100)}) == 100
    assert digest("vsk_\ud800") != digest("vsk_")
