# SPDX-License-Identifier: Apache-2.0
"""The exam of ports.KeyProvider: the same questions to every provider, each behind the guard."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from tests.keys.conftest import OPENERS
from tests.keys.records import make_key
from vestibule.core.keys import Algorithm, mint_key_id
from vestibule.errors import KeyProviderError
from vestibule.keys.guard import GuardedProvider
from vestibule.keys.signatures import is_public_key, is_signature
from vestibule.ports import KeyProvider

pytestmark = pytest.mark.covers("TOK-05")
SIGNING = [
    ("file", Algorithm.ED25519),
    ("file", Algorithm.ES256),
    ("aws-kms-moto", Algorithm.ES256),
    ("aws-kms-fake", Algorithm.ES256),
    ("pkcs11-softhsm", Algorithm.ED25519),
    ("pkcs11-softhsm", Algorithm.ES256),
]
# moto goes on serving keys that are disabled or deleted; test_aws_kms.py looks at what it was told instead.
STATEFUL = sorted(set(OPENERS) - {"aws-kms-moto"})


@pytest.mark.parametrize("name,algorithm", SIGNING)
def test_a_signature_verifies_under_the_public_key_that_was_told(
    name: str, algorithm: Algorithm, request: pytest.FixtureRequest
) -> None:
    provider = OPENERS[name](request)
    key = make_key(provider, "checkpoint", algorithm)
    assert is_public_key(algorithm, key.public_key)
    for data in (b"one", b"two", bytes(4096)):
        signature = provider.sign(key, data)
        assert len(signature) == 64
        assert is_signature(key.public_key, data, signature)
        assert not is_signature(key.public_key, data + b".", signature)


def test_what_it_signs_with_is_among_what_it_can_make(provider: GuardedProvider) -> None:
    assert provider.signing in provider.algorithms
    assert Algorithm.SECRET in provider.algorithms


def test_a_secret_is_32_bytes_and_always_the_same(
    provider: GuardedProvider, request: pytest.FixtureRequest
) -> None:
    key, other = make_key(provider, "kek", Algorithm.SECRET), make_key(provider, "kek", Algorithm.SECRET)
    secret = provider.open_secret(key)
    assert len(secret) == 32
    assert key.public_key is None
    assert GuardedProvider(provider._provider).open_secret(key) == secret
    assert provider.open_secret(other) != secret


@pytest.mark.parametrize("change", ["key_id", "purpose", "reference"])
def test_a_secret_does_not_open_as_another_key(provider: GuardedProvider, change: str) -> None:
    key = make_key(provider, "kek", Algorithm.SECRET)
    other = make_key(provider, "blind-index", Algorithm.SECRET)
    with pytest.raises(KeyProviderError):
        provider.open_secret(replace(key, **{change: getattr(other, change)}))
    assert len(provider.open_secret(key)) == 32


def test_a_signing_key_does_not_sign_as_another_key(provider: GuardedProvider) -> None:
    key, other = make_key(provider, "claim"), make_key(provider, "receipt")
    with pytest.raises(KeyProviderError):
        provider.sign(replace(key, reference=other.reference), b"data")
    with pytest.raises(KeyProviderError):
        provider.sign(replace(key, public_key=other.public_key), b"data")
    assert len(provider.sign(key, b"data")) == 64


@pytest.mark.parametrize("change", [{"purpose": "receipt"}, {"key_id": "0" * 32}])
@pytest.mark.parametrize("name", ["file", "pkcs11-softhsm"])
def test_where_the_store_binds_signing_keys_another_id_or_purpose_is_refused(
    name: str, change: dict[str, str], request: pytest.FixtureRequest
) -> None:
    provider = OPENERS[name](request)
    key = make_key(provider, "claim")
    changed = replace(
        key, key_id=change.get("key_id", key.key_id), purpose=change.get("purpose", key.purpose)
    )
    with pytest.raises(KeyProviderError):
        provider.sign(changed, b"data")
    assert len(provider.sign(key, b"data")) == 64


def test_a_damaged_reference_is_refused(provider: GuardedProvider) -> None:
    key = make_key(provider, "kek", Algorithm.SECRET)
    for reference in ("", "#", "nonsense", key.reference[:-8], key.reference[:-4] + "AAA="):
        with pytest.raises(KeyProviderError):
            provider.open_secret(replace(key, reference=reference))
    assert len(provider.open_secret(key)) == 32


@pytest.mark.parametrize("algorithm", [None, Algorithm.SECRET])
@pytest.mark.parametrize("name", STATEFUL)
def test_a_destroyed_key_is_of_no_use_and_destroying_it_twice_is_no_fault(
    name: str, algorithm: Algorithm | None, request: pytest.FixtureRequest
) -> None:
    provider = OPENERS[name](request)
    key = make_key(provider, "claim" if algorithm is None else "kek", algorithm)
    kept = make_key(provider, "claim")
    use = (
        provider.open_secret
        if algorithm is Algorithm.SECRET
        else lambda record: provider.sign(record, b"data")
    )
    assert use(key)
    provider.destroy(key)
    provider.destroy(key)
    with pytest.raises(KeyProviderError):
        use(key)
    assert provider.sign(kept, b"data")


def test_nothing_is_wrong_with_a_provider_that_works(provider: GuardedProvider) -> None:
    assert provider.examine() == []


def test_it_makes_what_it_says_and_refuses_the_rest_by_name(provider: GuardedProvider) -> None:
    for algorithm in Algorithm:
        if algorithm in provider.algorithms:
            assert is_public_key(algorithm, make_key(provider, "claim", algorithm).public_key)
        else:
            with pytest.raises(KeyProviderError) as refused:
                provider.create(mint_key_id(), "claim", algorithm)
            assert algorithm in refused.value.finding


def test_aws_kms_makes_no_blind_keys(aws_kms: KeyProvider) -> None:
    for algorithm in (Algorithm.RSABSSA, Algorithm.ED25519):
        with pytest.raises(KeyProviderError) as refused:
            aws_kms.create(mint_key_id(), "blind:party", algorithm)
        assert algorithm in refused.value.finding
    assert make_key(aws_kms).public_key is not None


def test_a_key_does_only_what_it_is_for(provider: GuardedProvider) -> None:
    signing, secret = make_key(provider, "claim"), make_key(provider, "kek", Algorithm.SECRET)
    with pytest.raises(KeyProviderError):
        provider.sign(secret, b"data")
    with pytest.raises(KeyProviderError):
        provider.open_secret(signing)
    with pytest.raises(KeyProviderError):
        provider.blind_sign(signing, bytes(384))
    assert provider.sign(signing, b"data")
    assert provider.open_secret(secret)


def test_a_key_of_another_provider_is_not_asked_for_here(provider: GuardedProvider) -> None:
    key = make_key(provider)
    with pytest.raises(KeyProviderError) as refused:
        provider.sign(replace(key, provider="elsewhere"), b"data")
    assert "elsewhere" in refused.value.finding


def test_many_threads_sign_at_once(provider: GuardedProvider) -> None:
    key = make_key(provider)
    made: list[bytes] = []

    def sign(number: int) -> None:
        made.extend(provider.sign(key, b"%d %d" % (number, turn)) for turn in range(5))

    threads = [threading.Thread(target=sign, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 40


@pytest.mark.covers("TOK-07")
def test_a_blind_signature_is_the_bare_private_exponentiation(provider: GuardedProvider) -> None:
    if Algorithm.RSABSSA not in provider.algorithms:
        with pytest.raises(KeyProviderError):
            provider.blind_sign(replace(make_key(provider), algorithm=Algorithm.RSABSSA), bytes(384))
        return
    key = make_key(provider, "blind:party", Algorithm.RSABSSA)
    public = load_der_public_key(key.public_key or b"")
    assert isinstance(public, rsa.RSAPublicKey)
    numbers, size = public.public_numbers(), public.key_size // 8
    for value in (2, 65537, numbers.n - 2):
        blinded = value.to_bytes(size, "big")
        signature = provider.blind_sign(key, blinded)
        assert pow(int.from_bytes(signature, "big"), numbers.e, numbers.n) == value
        assert len(signature) == size
    for unfit in (numbers.n.to_bytes(size, "big"), bytes(size - 1), bytes(size + 1), b""):
        with pytest.raises(KeyProviderError):
            provider.blind_sign(key, unfit)
