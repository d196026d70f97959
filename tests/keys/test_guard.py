# SPDX-License-Identifier: Apache-2.0
"""A provider that is slow, dead or lying, over real HTTP: it can do no worse than not answer."""

from __future__ import annotations

import base64
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from tests.keys.fake_kms import Document, FakeKms
from tests.keys.records import make_key
from vestibule import metrics
from vestibule.core.keys import Algorithm, KeyRecord
from vestibule.errors import KeyProviderError
from vestibule.keys.aws_kms import AwsKmsProvider
from vestibule.keys.breaker import Breaker, BreakerState, ProviderDownError
from vestibule.keys.guard import GuardedProvider, GuardPolicy
from vestibule.ports import KeyProvider

pytestmark = pytest.mark.covers("TOK-05")
QUICK = GuardPolicy(timeout=timedelta(seconds=1), making=timedelta(seconds=10))


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Scene:
    """Our own KMS with one key of each kind, a guard before it, and a clock that moves when told."""

    kms: FakeKms
    provider: GuardedProvider
    clock: Clock
    signing: KeyRecord
    secret: KeyRecord

    def fail(self) -> ProviderDownError:
        with pytest.raises(ProviderDownError) as failed:
            self.provider.sign(self.signing, b"data")
        return failed.value

    @property
    def breaker(self) -> float:
        return (
            metrics.REGISTRY.get_sample_value("vestibule_key_provider_breaker", {"provider": "aws-kms"}) or 0
        )


@pytest.fixture
def scene(kms: FakeKms, aws_kms: KeyProvider) -> Iterator[Scene]:
    clock = Clock()
    provider = GuardedProvider(aws_kms, policy=QUICK, monotonic=clock)
    signing, secret = make_key(provider), make_key(provider, "kek", Algorithm.SECRET)
    yield Scene(kms, provider, clock, signing, secret)
    kms.released.set()


def counted(operation: str, outcome: str) -> float:
    labels = {"provider": "aws-kms", "operation": operation, "outcome": outcome}
    return metrics.REGISTRY.get_sample_value("vestibule_key_provider_calls_total", labels) or 0


@pytest.mark.parametrize("way", ["stalls", "dribbles"])
def test_a_slow_provider_is_waited_for_until_the_deadline_and_no_longer(scene: Scene, way: str) -> None:
    before = counted("sign", "slow")
    setattr(scene.kms, way, True)
    began = time.monotonic()
    assert scene.fail().outcome == "slow"
    assert time.monotonic() - began < 3
    assert counted("sign", "slow") == before + 1
    setattr(scene.kms, way, False)
    assert scene.provider.sign(scene.signing, b"data")


def test_a_dead_provider_says_so(scene: Scene, aws: None) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    dead = GuardedProvider(AwsKmsProvider("eu-central-1", endpoint=f"http://127.0.0.1:{port}"))
    with pytest.raises(ProviderDownError) as failed:
        dead.sign(scene.signing, b"data")
    assert failed.value.finding == "AWS KMS can't be used (EndpointConnectionError)"
    assert dead.examine() == [failed.value.finding]


@pytest.mark.parametrize(
    "status,body",
    [
        (200, b""),
        (200, b"rubbish"),
        (200, b"{}"),
        (200, b"[]"),
        (200, b'{"Signature": 5, "Plaintext": 5}'),
        (200, b'{"Signature": "AAAA", "Plaintext": "AAAA"}'),
        (200, b'{"Signature": "!", "Plaintext": "!"}'),
        (302, b""),
        (400, b"rubbish"),
        (404, b"<html>not here</html>"),
        (500, b"{}"),
        (503, b'{"__type": "ServiceUnavailable"}'),
        (400, b'{"__type": "ThrottlingException", "message": "slow down"}'),
        (400, b'{"__type": "Line\\nBreak", "message": "x"}'),
    ],
)
def test_rubbish_is_no_answer(scene: Scene, status: int, body: bytes) -> None:
    scene.kms.raw = (status, body)
    assert "\n" not in scene.fail().finding
    with pytest.raises(ProviderDownError):
        scene.provider.open_secret(scene.secret)
    with pytest.raises(ProviderDownError):
        make_key(scene.provider)
    assert scene.breaker == 2
    scene.kms.raw = None
    scene.clock.now += 31
    assert scene.provider.sign(scene.signing, b"data")


def test_a_signature_by_another_key_or_over_other_data_is_not_handed_out(scene: Scene) -> None:
    other = make_key(scene.provider)
    before = counted("sign", "wrong")
    answer = scene.kms.answer

    def by_another_key(operation: str, made: Document) -> Document:
        if operation != "Sign":
            return made
        scene.kms.lie = None
        asked = {"MessageType": "RAW", "SigningAlgorithm": "ECDSA_SHA_256"}
        return answer(
            "Sign", {**asked, "KeyId": other.reference, "Message": base64.b64encode(b"data").decode()}
        )

    def over_other_data(operation: str, made: Document) -> Document:
        scene.kms.lie = None
        asked = {"MessageType": "RAW", "SigningAlgorithm": "ECDSA_SHA_256"}
        return answer(
            "Sign", {**asked, "KeyId": scene.signing.reference, "Message": base64.b64encode(b"x").decode()}
        )

    for lie in (by_another_key, over_other_data):
        scene.kms.lie = lie
        assert scene.fail().outcome == "wrong"
    assert counted("sign", "wrong") == before + 2
    assert scene.provider.sign(scene.signing, b"data")


def test_a_public_key_of_another_kind_makes_no_key(scene: Scene) -> None:
    scene.kms.lie = lambda operation, made: (
        {**made, "PublicKey": "AAAA"} if operation == "GetPublicKey" else made
    )
    with pytest.raises(ProviderDownError) as failed:
        make_key(scene.provider)
    assert failed.value.outcome == "wrong"


def test_a_secret_of_another_length_is_not_handed_out(scene: Scene) -> None:
    scene.kms.lie = lambda _, made: {**made, "Plaintext": base64.b64encode(bytes(31)).decode()}
    with pytest.raises(ProviderDownError) as failed:
        scene.provider.open_secret(scene.secret)
    assert failed.value.outcome == "wrong"
    scene.kms.lie = None
    assert len(scene.provider.open_secret(scene.secret)) == 32


def test_after_three_failures_nobody_waits_and_one_call_in_thirty_seconds_looks(scene: Scene) -> None:
    scene.kms.raw = (500, b"")
    assert [scene.fail().outcome for _ in range(3)] == ["failed"] * 3
    assert scene.breaker == 2
    asked = len(scene.kms.asked)
    assert [scene.fail().outcome for _ in range(20)] == ["open"] * 20
    assert len(scene.kms.asked) == asked
    scene.clock.now += 30
    assert [scene.fail().outcome for _ in range(3)] == ["failed", "open", "open"]
    scene.kms.raw = None
    assert scene.fail().outcome == "open"
    scene.clock.now += 30
    assert scene.provider.sign(scene.signing, b"data")
    assert scene.breaker == 0
    assert scene.provider.sign(scene.signing, b"data")


def test_failures_that_are_not_in_a_row_open_nothing(scene: Scene) -> None:
    for _ in range(4):
        scene.kms.raw = (500, b"")
        assert [scene.fail().outcome for _ in range(2)] == ["failed"] * 2
        scene.kms.raw = None
        assert scene.provider.sign(scene.signing, b"data")


def test_only_one_of_many_threads_looks_after_the_rest(scene: Scene) -> None:
    scene.kms.raw = (500, b"")
    for _ in range(3):
        scene.fail()
    asked = len(scene.kms.asked)
    scene.clock.now += 30
    outcomes: list[str] = []
    threads = [threading.Thread(target=lambda: outcomes.append(scene.fail().outcome)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["failed"] + ["open"] * 11
    assert len(scene.kms.asked) == asked + 1


def test_a_look_that_never_ends_does_not_keep_the_breaker_open_for_ever() -> None:
    clock = Clock()
    states: list[BreakerState] = []
    breaker = Breaker(failures=1, rest=30, monotonic=clock, tell=states.append)
    breaker.settle(is_up=False)
    assert not breaker.lets_in()
    clock.now += 30
    assert [breaker.lets_in() for _ in range(3)] == [True, False, False]
    clock.now += 30
    assert [breaker.lets_in() for _ in range(3)] == [True, False, False]
    breaker.settle(is_up=True)
    assert breaker.lets_in()
    assert states == [0, 2, 1, 0]


def test_only_so_many_calls_wait_for_a_provider_that_hangs(kms: FakeKms, aws_kms: KeyProvider) -> None:
    policy = replace(QUICK, parallel=2, failures=100)
    provider = GuardedProvider(aws_kms, policy=policy)
    key = make_key(provider)
    kms.stalls = True
    outcomes = []
    for _ in range(4):
        with pytest.raises(ProviderDownError) as failed:
            provider.sign(key, b"data")
        outcomes.append(failed.value.outcome)
    assert outcomes == ["slow", "slow", "busy", "busy"]
    kms.reset()
    await_calls(provider, 2)
    assert make_key(provider).reference


def await_calls(provider: GuardedProvider, slots: int) -> None:
    """Until every call that hung has ended."""
    for _ in range(slots):
        assert provider._slots.acquire(timeout=20)
    for _ in range(slots):
        provider._slots.release()


def test_an_opened_secret_is_remembered_for_five_minutes(scene: Scene) -> None:
    def count() -> int:
        return scene.kms.asked.count("Decrypt")

    secret = scene.provider.open_secret(scene.secret)
    assert [scene.provider.open_secret(scene.secret) for _ in range(10)] == [secret] * 10
    assert count() == 1
    scene.kms.raw = (500, b"")
    scene.clock.now += 299
    assert scene.provider.open_secret(scene.secret) == secret
    scene.clock.now += 1
    with pytest.raises(ProviderDownError):
        scene.provider.open_secret(scene.secret)
    assert len(scene.provider._secrets._kept) == 0
    scene.kms.raw = None
    assert scene.provider.open_secret(scene.secret) == secret


def test_a_destroyed_secret_is_forgotten_at_once(scene: Scene) -> None:
    assert scene.provider.open_secret(scene.secret)
    scene.provider.destroy(scene.secret)
    with pytest.raises(KeyProviderError):
        scene.provider.open_secret(scene.secret)


def test_a_remembered_secret_does_not_open_as_another_key(scene: Scene) -> None:
    assert scene.provider.open_secret(scene.secret)
    for changed in (
        replace(scene.secret, purpose="blind-index"),
        replace(scene.secret, key_id="0" * 32),
    ):
        with pytest.raises(KeyProviderError):
            scene.provider.open_secret(changed)


def test_only_so_many_secrets_are_remembered(kms: FakeKms, aws_kms: KeyProvider) -> None:
    provider = GuardedProvider(aws_kms, policy=replace(QUICK, secrets=2))
    keys = [make_key(provider, "kek", Algorithm.SECRET) for _ in range(3)]
    for key in keys:
        provider.open_secret(key)
    kms.asked.clear()
    for key in reversed(keys):
        provider.open_secret(key)
    assert kms.asked == ["Decrypt"]


def test_an_error_has_no_key_material_in_it(scene: Scene) -> None:
    secret = scene.provider.open_secret(scene.secret)
    scene.clock.now += 301

    def lie(operation: str, made: Document) -> Document:
        return {**made, "Plaintext": base64.b64encode(secret + b"!").decode()}

    scene.kms.lie = lie
    with pytest.raises(ProviderDownError) as failed:
        scene.provider.open_secret(scene.secret)
    frames = [frame for frame, _ in traceback.walk_tb(failed.value.__traceback__)]
    held = [repr(frame.f_locals) for frame in frames if "vestibule" in frame.f_globals["__name__"]]
    assert held
    told = " ".join([*held, str(failed.value), failed.value.finding])
    for form in (repr(secret)[2:-1], secret.hex(), base64.b64encode(secret).decode()[:-2]):
        assert form not in told
    assert failed.value.__cause__ is None
    assert failed.value.__context__ is None


def test_whatever_a_driver_raises_is_one_error(kms: FakeKms, aws_kms: KeyProvider) -> None:
    class Broken(AwsKmsProvider):
        def sign(self, key: KeyRecord, data: bytes) -> bytes:
            raise ZeroDivisionError(key, data)

    broken = object.__new__(Broken)
    with pytest.raises(ProviderDownError) as failed:
        GuardedProvider(broken).sign(make_key(aws_kms), b"precious")
    assert failed.value.finding == "the key provider aws-kms failed (ZeroDivisionError)"
    assert failed.value.__context__ is None


@pytest.mark.covers("OBS-01")
def test_metrics_have_bounded_labels(scene: Scene) -> None:
    scene.provider.sign(scene.signing, b"data")
    scene.provider.open_secret(scene.secret)
    lines = metrics.render_metrics().decode().splitlines()
    ours = [line for line in lines if line.startswith("vestibule_key_provider")]
    assert ours
    for key in (scene.signing, scene.secret):
        assert not any(key.key_id in line or key.reference in line for line in ours)
    operations = {line.partition('operation="')[2].partition('"')[0] for line in ours} - {""}
    assert operations <= {"create", "sign", "open", "blind_sign", "destroy", "examine"}


def test_no_call_is_made_twice(scene: Scene) -> None:
    uses: list[tuple[str, Callable[[], object]]] = [
        ("Sign", lambda: scene.provider.sign(scene.signing, b"data")),
        ("CreateKey", lambda: make_key(scene.provider)),
    ]
    scene.kms.raw = (503, b"")
    scene.kms.asked.clear()
    for _, use in uses:
        with pytest.raises(ProviderDownError):
            use()
    assert scene.kms.asked == [operation for operation, _ in uses]
