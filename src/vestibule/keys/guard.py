# SPDX-License-Identifier: Apache-2.0
"""What stands before every key provider, so that a slow, dead or wrong one can't do worse than say so.

Guarantees:

* every call has a deadline, and at most ``parallel`` calls wait at a time; what comes too late is dropped;
* after ``failures`` in a row nobody waits any more: the circuit breaker refuses at once, and lets one call
  through per ``rest`` to see. What the provider *refuses* (a disabled key, an unknown one) is an answer;
* nothing wrong gets out: a signature verifies under the public key on record, a blind one satisfies
  ``s^e = m``, a secret has 32 bytes, a new public key is of its algorithm;
* an opened secret is kept in memory for ``remember`` at most, and ``secrets`` of them;
* an error says what failed, never what was tried: no cause, no frames of the provider.

Nothing is retried here. Asking again is harmless, and is left to who needs the answer: Ed25519, ECDSA and
blind RSA signatures over the same bytes are equally good, opening changes nothing, and a key that was made
too late has no record, so it is never used.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import structlog

from vestibule import metrics
from vestibule.core.keys import Algorithm, KeyRecord
from vestibule.errors import KeyProviderError
from vestibule.keys import signatures
from vestibule.keys.breaker import Breaker, BreakerState, ProviderDownError
from vestibule.ports import KeyProvider, ProvidedKey

_SECRET_BYTES = 32
_SIGNING = frozenset({Algorithm.ED25519, Algorithm.ES256})
_Answer = TypeVar("_Answer")
_log = structlog.get_logger("vestibule.keys")


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardPolicy:
    """``making`` is the deadline of a new key: a hardware module looks for primes for a while."""

    timeout: timedelta = timedelta(seconds=5)
    making: timedelta = timedelta(seconds=60)
    failures: int = 3
    rest: timedelta = timedelta(seconds=30)
    parallel: int = 16
    remember: timedelta = timedelta(minutes=5)
    secrets: int = 64


class GuardedProvider:
    """Implements ``ports.KeyProvider`` around another."""

    def __init__(
        self,
        provider: KeyProvider,
        *,
        policy: GuardPolicy | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.scheme = provider.scheme
        self.algorithms = provider.algorithms
        self._provider = provider
        self._policy = policy or GuardPolicy()
        self._monotonic = monotonic
        self._slots = threading.BoundedSemaphore(self._policy.parallel)
        self._secrets = _Secrets(self._policy, monotonic)
        self._breaker = Breaker(
            failures=self._policy.failures,
            rest=self._policy.rest.total_seconds(),
            monotonic=monotonic,
            tell=self._tell,
        )

    def __repr__(self) -> str:
        return f"<GuardedProvider {self.scheme}>"

    @property
    def signing(self) -> Algorithm:
        return self._provider.signing

    def create(self, key_id: str, purpose: str, algorithm: Algorithm) -> ProvidedKey:
        if algorithm not in self.algorithms:
            raise KeyProviderError(f"the key provider {self.scheme} can't make {algorithm} keys")
        return self._ask(
            "create",
            lambda: self._provider.create(key_id, purpose, algorithm),
            lambda made: signatures.is_public_key(algorithm, made.public_key),
            timeout=self._policy.making,
        )

    def sign(self, key: KeyRecord, data: bytes) -> bytes:
        self._check_use(key, key.algorithm in _SIGNING, "sign")
        return self._ask(
            "sign",
            lambda: self._provider.sign(key, data),
            lambda signature: signatures.is_signature(key.public_key, data, signature),
        )

    def open_secret(self, key: KeyRecord) -> bytes:
        self._check_use(key, key.algorithm is Algorithm.SECRET, "be opened")
        secret = self._secrets.find(key)
        if secret is None:
            secret = self._ask(
                "open",
                lambda: self._provider.open_secret(key),
                lambda opened: len(opened) == _SECRET_BYTES,
            )
            self._secrets.keep(key, secret)
        return secret

    def blind_sign(self, key: KeyRecord, blinded: bytes) -> bytes:
        self._check_use(key, key.algorithm is Algorithm.RSABSSA, "sign blindly")
        if not signatures.is_blindable(key.public_key, blinded):
            raise KeyProviderError("what should be signed blindly does not fit the key")
        return self._ask(
            "blind_sign",
            lambda: self._provider.blind_sign(key, blinded),
            lambda signature: signatures.is_blind_signature(key.public_key, blinded, signature),
        )

    def destroy(self, key: KeyRecord) -> None:
        self._check_use(key, True, "be destroyed")
        self._secrets.forget(key)
        self._ask("destroy", lambda: self._provider.destroy(key), lambda _: True)

    def examine(self) -> Sequence[str]:
        try:
            return self._ask("examine", self._provider.examine, lambda _: True)
        except KeyProviderError as error:
            return [error.finding]

    def _check_use(self, key: KeyRecord, is_fit: bool, use: str) -> None:  # noqa: FBT001 - a condition
        if key.provider != self.scheme:
            raise KeyProviderError(
                f"key {key.key_id} is with {key.provider}, and KEYRING names {self.scheme}"
            )
        if not is_fit:
            raise KeyProviderError(f"key {key.key_id} ({key.algorithm}) can't {use}")

    def _ask(
        self,
        operation: str,
        work: Callable[[], _Answer],
        is_right: Callable[[_Answer], bool],
        *,
        timeout: timedelta | None = None,
    ) -> _Answer:
        started = self._monotonic()
        answer, outcome, finding = self._try(work, is_right, timeout or self._policy.timeout)
        metrics.KEY_CALLS.labels(self.scheme, operation, outcome).inc()
        metrics.KEY_SECONDS.labels(self.scheme, operation).observe(self._monotonic() - started)
        if answer is not None:
            return answer.result()
        # A new error, outside of every handler: the provider's own holds on to what it worked with.
        if outcome == "refused":
            raise KeyProviderError(finding)
        raise ProviderDownError(finding, outcome=outcome)

    def _try(
        self, work: Callable[[], _Answer], is_right: Callable[[_Answer], bool], timeout: timedelta
    ) -> tuple[Future[_Answer] | None, str, str]:
        """What came of it, what that is called, and what the operator should hear."""
        if not self._breaker.lets_in():
            return None, "open", f"the key provider {self.scheme} failed a moment ago and is left to rest"
        if not self._slots.acquire(blocking=False):
            return None, "busy", f"too many calls wait for the key provider {self.scheme}"
        answer, outcome, finding = self._start(work, is_right), "ok", ""
        try:
            answer.result(timeout.total_seconds())
        except ProviderDownError as error:
            outcome, finding = error.outcome, error.finding
        except KeyProviderError as error:
            outcome, finding = "refused", error.finding
        except TimeoutError:
            outcome, finding = "slow", f"the key provider {self.scheme} did not answer in time"
        except Exception as error:  # noqa: BLE001 - whatever a driver raises, the operator hears one thing
            outcome, finding = "failed", f"the key provider {self.scheme} failed ({type(error).__name__})"
        self._breaker.settle(is_up=outcome in ("ok", "refused"))
        return (answer if outcome == "ok" else None), outcome, finding

    def _start(self, work: Callable[[], _Answer], is_right: Callable[[_Answer], bool]) -> Future[_Answer]:
        answer: Future[_Answer] = Future()

        def run() -> None:
            try:
                made = work()
                if not is_right(made):
                    answer.set_exception(
                        ProviderDownError(f"the key provider {self.scheme} answered wrongly", outcome="wrong")
                    )
                else:
                    answer.set_result(made)
            except BaseException as error:  # noqa: BLE001 - handed to whoever waits
                answer.set_exception(error)
            finally:
                self._slots.release()

        # A thread of its own, and a daemon: a driver that hangs must not keep the process from ending.
        threading.Thread(target=run, name="vestibule-keys", daemon=True).start()
        return answer

    def _tell(self, state: BreakerState) -> None:
        metrics.KEY_BREAKER.labels(self.scheme).set(state)
        if state is BreakerState.OPEN:
            _log.warning("keys.provider_left_alone", provider=self.scheme)


class _Secrets:
    """Opened secrets, by everything that binds them, for a while."""

    def __init__(self, policy: GuardPolicy, monotonic: Callable[[], float]) -> None:
        self._lasts = policy.remember.total_seconds()
        self._most = policy.secrets
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, ...], tuple[bytes, float]] = OrderedDict()

    def find(self, key: KeyRecord) -> bytes | None:
        with self._lock:
            self._drop_old()
            return self._kept.get(_name(key), (None, 0.0))[0]

    def keep(self, key: KeyRecord, secret: bytes) -> None:
        with self._lock:
            self._drop_old()
            self._kept.pop(_name(key), None)
            self._kept[_name(key)] = (secret, self._monotonic() + self._lasts)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)

    def forget(self, key: KeyRecord) -> None:
        with self._lock:
            self._kept.pop(_name(key), None)

    def _drop_old(self) -> None:
        # In the order of their ends, since all last equally long.
        now = self._monotonic()
        while self._kept and next(iter(self._kept.values()))[1] <= now:
            self._kept.popitem(last=False)


def _name(key: KeyRecord) -> tuple[str, ...]:
    return (key.key_id, key.purpose, key.algorithm, key.reference)
