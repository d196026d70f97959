# SPDX-License-Identifier: Apache-2.0
"""The patterns for secret scanners find every token of both kinds, and what they find is told by its checksum.

gitleaks and trufflehog themselves are not run here: their rules' own expressions are, which both engines read
the same way.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from tests.vectors.tokens import make
from vestibule.core.envelope import parse_link_token
from vestibule.core.token import mint_claim_token
from vestibule.errors import ClaimRejectedError

FOLDER = Path(__file__).parents[2] / "examples" / "secret-scanning"
PLACES = [
    "{}",
    "https://invite.example.com/i/{}",
    '"{}"',
    "token={};",
    "<{}>",
    "see {}, thanks",
    "({})\n",
    "a\n{}\nb",
]


def gitleaks_rules() -> list[tuple[str, list[str]]]:
    rules = tomllib.loads((FOLDER / "gitleaks.toml").read_text(encoding="utf-8"))["rules"]
    return [(rule["regex"], rule["keywords"]) for rule in rules]


def trufflehog_rules() -> list[tuple[str, list[str]]]:
    rules = yaml.safe_load((FOLDER / "trufflehog.yaml").read_text(encoding="utf-8"))["detectors"]
    return [(rule["regex"]["token"], rule["keywords"]) for rule in rules]


def find_all(text: str) -> list[str]:
    """What the rules find, keywords first as the scanners do."""
    return [
        found
        for regex, keywords in gitleaks_rules()
        if any(word in text.lower() for word in keywords)
        for found in re.findall(regex, text)
    ]


def is_ours(text: str) -> bool:
    try:
        parse_link_token(text, make.ISSUER)
    except ClaimRejectedError:
        return False
    return True


def test_both_scanners_have_the_same_expressions() -> None:
    assert [regex for regex, _ in gitleaks_rules()] == [regex for regex, _ in trufflehog_rules()]
    docs = (FOLDER.parents[1] / "docs" / "leaks.md").read_text(encoding="utf-8")
    assert all(regex in docs for regex, _ in gitleaks_rules())


@pytest.mark.covers("TOK-01", "DEL-09")
@pytest.mark.parametrize("place", PLACES)
def test_every_token_is_found_wherever_it_stands(place: str) -> None:
    es256 = make.make(head={"alg": "ES256", "kid": make.P256_ID, "typ": "inv+jwt"}, key=make.P256)
    for token in (make.make(), es256, *(mint_claim_token().reveal() for _ in range(50))):
        assert find_all(place.format(token)) == [token]
        assert is_ours(token)


@pytest.mark.covers("TOK-01")
def test_key_ids_of_any_length_are_found() -> None:
    for length in range(8, 65):
        for alg in ("Ed25519", "ES256"):
            token = make.make(head={"alg": alg, "kid": "k" * length, "typ": "inv+jwt"})
            assert find_all(f"x {token} y") == [token]


@pytest.mark.covers("TOK-01")
def test_other_tokens_are_not_found_and_look_alikes_fall_by_their_checksum() -> None:
    assertion = make.make(head={"alg": "EdDSA", "kid": "host", "typ": "JWT"})
    assert find_all(f"{assertion} vst_short gvst_{'a' * 49} vst_{'a' * 60}") == []
    noise = "vst_" + "a" * 49
    assert find_all(noise) == [noise]
    assert not is_ours(noise)
