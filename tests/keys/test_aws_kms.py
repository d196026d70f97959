# SPDX-License-Identifier: Apache-2.0
"""What only AWS KMS has: states, long messages, keys that are not there yet, and a client that talks."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable

import pytest

from tests.architecture.sources import ROOT
from tests.keys.fake_kms import FakeKms
from tests.keys.records import make_key
from vestibule.core.keys import Algorithm
from vestibule.errors import KeyProviderError
from vestibule.keys.aws_kms import AwsKmsProvider
from vestibule.keys.breaker import ProviderDownError
from vestibule.keys.guard import GuardedProvider
from vestibule.keys.signatures import is_signature
from vestibule.ports import KeyProvider

pytestmark = pytest.mark.covers("TOK-05")


@pytest.mark.parametrize(
    "state,code", [("Disabled", "DisabledException"), ("PendingDeletion", "KMSInvalidStateException")]
)
def test_a_disabled_key_is_refused_by_name_and_the_others_still_sign(
    kms: FakeKms, aws_kms: KeyProvider, state: str, code: str
) -> None:
    provider = GuardedProvider(aws_kms)
    key, secret = make_key(provider), make_key(provider, "kek", Algorithm.SECRET)
    other = make_key(provider)
    kms.keys[key.reference].state = state
    kms.keys[secret.reference.partition("#")[0]].state = state
    uses: list[Callable[[], bytes]] = [
        lambda: provider.sign(key, b"data"),
        lambda: provider.open_secret(secret),
    ]
    for use in uses:
        for _ in range(5):
            with pytest.raises(KeyProviderError) as refused:
                use()
            assert refused.value.finding == f"AWS KMS refuses ({code})"
    # A refusal is an answer: the circuit breaker stays closed.
    assert provider.sign(other, b"data")


def test_what_is_destroyed_is_disabled_at_once_and_deleted_later(kms: FakeKms, aws_kms: KeyProvider) -> None:
    key = make_key(aws_kms)
    kms.asked.clear()
    aws_kms.destroy(key)
    assert kms.asked == ["DisableKey", "ScheduleKeyDeletion"]
    assert kms.keys[key.reference].state == "PendingDeletion"


def test_moto_was_told_to_delete_what_was_destroyed(moto_provider: GuardedProvider) -> None:
    key = make_key(moto_provider)
    moto_provider.destroy(key)
    moto_provider.destroy(key)
    inner = moto_provider._provider
    assert isinstance(inner, AwsKmsProvider)
    assert inner._client.describe_key(KeyId=key.reference)["KeyMetadata"]["KeyState"] == "PendingDeletion"


def test_a_message_longer_than_kms_takes_is_signed_by_its_digest(kms: FakeKms, aws_kms: KeyProvider) -> None:
    key = make_key(aws_kms)
    for data in (bytes(4096), bytes(4097), bytes(100_000)):
        assert is_signature(key.public_key, data, aws_kms.sign(key, data))


@pytest.mark.parametrize("algorithm", [Algorithm.ES256, Algorithm.SECRET])
def test_a_key_that_is_not_there_yet_is_waited_for(
    kms: FakeKms, aws_kms: KeyProvider, algorithm: Algorithm
) -> None:
    kms.unknown_for = 2
    assert make_key(aws_kms, "claim", algorithm).reference
    assert len(kms.keys) == 1


def test_a_key_that_can_not_be_used_is_not_left_behind(kms: FakeKms, aws_kms: KeyProvider) -> None:
    kms.lie = lambda operation, answer: {} if operation == "GetPublicKey" else answer
    with pytest.raises(ProviderDownError):
        make_key(aws_kms)
    assert [key.state for key in kms.keys.values()] == ["PendingDeletion"]


def test_keys_are_tagged_with_what_they_are_for(kms: FakeKms, aws_kms: KeyProvider) -> None:
    key = make_key(aws_kms, "checkpoint")
    assert kms.keys[key.reference].tags == {
        "vestibule-key": key.key_id,
        "vestibule-purpose": "checkpoint",
        "vestibule-algorithm": "ES256",
    }


def test_the_client_logs_no_secret_whatever_the_level(
    kms: FakeKms, aws_kms: KeyProvider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("neighbour").debug("is heard")
    key = make_key(aws_kms, "kek", Algorithm.SECRET)
    secret = aws_kms.open_secret(key)
    assert "is heard" in caplog.text
    for form in (base64.b64encode(secret).decode(), secret.hex(), repr(secret)):
        assert form not in caplog.text


def test_the_policy_in_the_guide_allows_what_is_called_and_no_more(
    kms: FakeKms, aws_kms: KeyProvider
) -> None:
    signing, secret = make_key(aws_kms), make_key(aws_kms, "kek", Algorithm.SECRET)
    aws_kms.sign(signing, b"data")
    aws_kms.open_secret(secret)
    aws_kms.destroy(signing)
    aws_kms.examine()
    guide = (ROOT / "docs/keys-providers.md").read_text(encoding="utf-8")
    allowed = {line.strip(' ",') for line in guide.splitlines() if line.strip().startswith('"kms:')}
    # To make a key with tags takes the right to tag.
    assert allowed == {f"kms:{operation}" for operation in kms.asked} | {"kms:TagResource"}
