# SPDX-License-Identifier: Apache-2.0
"""The postman: claims due messages, delivers each, settles what became of it; sweeps in between.

Any number of workers may run. A crash costs an attempt: the lease runs out and the message is due again.
Stopping is graceful: what is being delivered is finished and settled, the rest is given back.
"""

from __future__ import annotations

import asyncio
import random  # allow: randomness because jitter is no secret
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Protocol

from vestibule import metrics
from vestibule.actions.delivery.claim_messages import (
    DEFERRED,
    DROPPED,
    GAVE_UP,
    SENT,
    SUPPRESSED,
    claim_messages,
    give_back,
    settle_message,
)
from vestibule.actions.delivery.prepare_letter import MintedCode, prepare_letter
from vestibule.actions.delivery.sweep import purge, sweep
from vestibule.actions.domains.check_domain import list_due, recheck
from vestibule.actions.domains.lapse_proofs import lapse_proofs
from vestibule.actions.invitations.decide import list_waited, release_waited
from vestibule.actions.links.order_envelope import order_for_mail, sign_envelope
from vestibule.actions.privacy.erase_person import anonymise_final
from vestibule.actions.privacy.rewrap import rewrap
from vestibule.core.envelope import SignedToken
from vestibule.core.identity import RequestContext
from vestibule.core.limits import Limits
from vestibule.core.message import CodeMail, InvitationMail
from vestibule.core.token import mint_code, mint_id
from vestibule.delivery.keys import KeyKeeper
from vestibule.delivery.render import Sender, render
from vestibule.delivery.retry import RetryPolicy, decide_retry
from vestibule.errors import (
    KeyMissingError,
    KeyProviderError,
    PermanentDeliveryError,
    RecipientBusyError,
    SuppressedError,
    TransientDeliveryError,
    UnavailableError,
)
from vestibule.log import get_logger
from vestibule.ports import ClaimedMessage, DomainNames, KeyProvider, Passwords, Runner


class Transport(Protocol):
    """A road out for mail."""

    async def send(self, message: EmailMessage, recipient: str) -> None:
        """Raises TransientDeliveryError or PermanentDeliveryError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerPolicy:
    """How one worker goes about it. Times in seconds."""

    batch: int = 20
    poll: float = 0.5
    lease: timedelta = timedelta(minutes=2)
    sweep_every: float = 5.0
    sweep_limit: int = 500
    purge_every: float = 600.0
    tend_every: float = 60.0
    tend_limit: int = 20
    keep_every: float = 300.0
    key_wait: timedelta = timedelta(seconds=30)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    keep_final: timedelta | None = None
    limits: Limits = field(default_factory=Limits)


class Worker:
    """One delivery loop."""

    def __init__(  # noqa: PLR0913 - what each part of the work needs, by name
        self,
        *,
        runner: Runner,
        transport: Transport,
        sender: Sender,
        public_url: str,
        passwords: Passwords,
        names: DomainNames,
        clock: Callable[[], datetime],
        keeper: KeyKeeper | None = None,
        provider: KeyProvider | None = None,
        policy: WorkerPolicy | None = None,
    ) -> None:
        self._runner = runner
        self._transport = transport
        self._sender = sender
        self._public_url = public_url
        self._passwords = passwords
        self._names = names
        self._clock = clock
        self._keeper = keeper
        self._provider = provider
        self._policy = policy or WorkerPolicy()
        self._name = mint_id()
        self._stopping = asyncio.Event()
        self._log = get_logger()

    def stop(self) -> None:
        """Finish what is under way, then leave ``run``."""
        self._stopping.set()

    async def run(self) -> None:
        """Deliver until stopped. An unreachable database is waited for."""
        tending: asyncio.Task[None] | None = None
        keeping: asyncio.Task[None] | None = None
        sweep_at = purge_at = tend_at = keep_at = time.monotonic()
        while not self._stopping.is_set():
            done = 0
            try:
                done = await self.deliver_due()
                now = time.monotonic()
                if now >= sweep_at:
                    await self._sweep()
                    sweep_at = now + self._policy.sweep_every
                if now >= tend_at and (tending is None or tending.done()):
                    tending = asyncio.create_task(self._tend_domains())
                    tend_at = now + self._policy.tend_every
                if self._keeper is not None and now >= keep_at and (keeping is None or keeping.done()):
                    keeping = asyncio.create_task(self._keep_keys(self._keeper))
                    keep_at = now + self._policy.keep_every
                if now >= purge_at:
                    await self._runner.run(purge)
                    purge_at = now + self._policy.purge_every
            except UnavailableError:
                self._log.warning("worker_waits_for_database", worker=self._name)
            if done < self._policy.batch:
                await self._rest()
        await asyncio.gather(*(task for task in (tending, keeping) if task is not None))

    async def deliver_due(self) -> int:
        """One batch: claimed, delivered and settled; how many."""
        claimed = await self._runner.run(
            claim_messages, worker=self._name, limit=self._policy.batch, lease=self._policy.lease
        )
        for place, message in enumerate(claimed):
            if self._stopping.is_set():
                await self._give_back(claimed[place:])
                return place
            await self._deliver(message)
        return len(claimed)

    async def _give_back(self, claimed: Sequence[ClaimedMessage]) -> None:
        for message in claimed:
            await self._runner.run(give_back, message)

    async def _deliver(self, claimed: ClaimedMessage) -> None:
        """One message; whatever goes wrong with it concerns no other."""
        try:
            outcome, retry_in = await self._try(claimed)
            context = RequestContext(correlation_id=claimed.message_id, source="worker")
            await self._runner.run(settle_message, claimed, outcome, retry_in=retry_in, context=context)
        except UnavailableError:
            raise
        except RecipientBusyError as error:
            await self._runner.run(give_back, claimed, due_in=timedelta(seconds=error.retry_after))
            outcome = DEFERRED
        except (KeyMissingError, KeyProviderError) as error:
            # Without blame, however long it takes: no attempt is counted while nothing can be signed.
            self._log.warning("delivery_waits_for_key", message_id=claimed.message_id, problem=error.code)
            await self._runner.run(give_back, claimed, due_in=self._policy.key_wait)
            outcome = DEFERRED
        except Exception as error:  # noqa: BLE001 - its lease ends, and it is tried again
            self._log.error("delivery_failed", message_id=claimed.message_id, problem=type(error).__name__)
            return
        metrics.DELIVERIES.labels(claimed.message.kind, outcome).inc()
        self._log.info(
            "delivery",
            message_id=claimed.message_id,
            kind=claimed.message.kind,
            attempt=claimed.attempt,
            outcome=outcome,
        )

    async def _try(self, claimed: ClaimedMessage) -> tuple[str, timedelta | None]:
        """What became of it, and when to try again."""
        try:
            return (SENT if await self._send(claimed) else DROPPED), None
        except (UnavailableError, RecipientBusyError, KeyMissingError, KeyProviderError):
            raise
        except SuppressedError:
            return SUPPRESSED, None
        except PermanentDeliveryError as error:
            self._log.warning("delivery_gave_up", message_id=claimed.message_id, problem=str(error))
            return GAVE_UP, None
        except (TransientDeliveryError, TimeoutError, OSError) as error:
            self._log.warning("delivery_deferred", message_id=claimed.message_id, problem=str(error))
        except Exception as error:  # noqa: BLE001 - a fault in one letter must stop no other
            # Not the text: it may quote what it stumbled over.
            self._log.error("delivery_failed", message_id=claimed.message_id, problem=type(error).__name__)
        retry_in = decide_retry(
            claimed.attempt,
            policy=self._policy.retry,
            random_share=random.random(),  # noqa: S311 - jitter, not a secret
        )
        return (GAVE_UP if retry_in is None else DEFERRED), retry_in

    async def _send(self, claimed: ClaimedMessage) -> bool:
        code = await self._mint_code() if isinstance(claimed.message, CodeMail) else None
        letter = await self._runner.run(
            prepare_letter,
            claimed,
            public_url=self._public_url,
            limits=self._policy.limits,
            code=code,
            token=await self._sign_link(claimed),
        )
        if letter is None:
            return False
        mail = render(letter, sender=self._sender, public_url=self._public_url, now=self._clock())
        await self._transport.send(mail, letter.recipient.address_key)
        return True

    async def _sign_link(self, claimed: ClaimedMessage) -> SignedToken | None:
        if not isinstance(claimed.message, InvitationMail):
            return None
        order = await self._runner.read(order_for_mail, claimed)
        return await asyncio.to_thread(sign_envelope, self._provider, order, self._public_url)

    async def _mint_code(self) -> MintedCode:
        code = mint_code()
        return MintedCode(code=code, code_hash=await asyncio.to_thread(self._passwords.hash_code, code))

    async def _sweep(self) -> None:
        context = RequestContext(correlation_id=mint_id(), source="worker")
        limit = self._policy.sweep_limit
        swept = await self._runner.run(sweep, limit=limit, context=context)
        for tenant_id, invitation_id in await self._runner.read(list_waited, limit=limit):
            swept += await self._runner.run(release_waited, tenant_id, invitation_id, context=context)
        swept += await self._tend_privacy(context)
        if swept:
            self._log.info("swept", count=swept)

    async def _keep_keys(self, keeper: KeyKeeper) -> None:
        """Beside the mail, which waits for no slow key service."""
        try:
            await keeper.keep()
        except UnavailableError:
            self._log.warning("worker_waits_for_database", worker=self._name)
        except Exception as error:  # noqa: BLE001 - it is due again, and mail goes out meanwhile
            self._log.error("keeping_keys_failed", problem=type(error).__name__)

    async def _tend_privacy(self, context: RequestContext) -> int:
        """What is kept no longer is anonymised; what a replaced key still wraps is wrapped anew."""
        limit, done = self._policy.sweep_limit, 0
        if self._policy.keep_final is not None:
            done = await self._runner.run(
                anonymise_final, after=self._policy.keep_final, limit=limit, context=context
            )
        try:
            return done + await self._runner.run(rewrap, limit=limit)
        except KeyProviderError:
            self._log.warning("worker_waits_for_keys", worker=self._name)
            return done

    async def _tend_domains(self) -> None:
        """Proofs that the clock has ended are recorded; those that are due are looked for.

        Beside the mail, which waits for no slow name server.
        """
        try:
            await self._tend_due()
        except UnavailableError:
            self._log.warning("worker_waits_for_database", worker=self._name)

    async def _tend_due(self) -> None:
        context = RequestContext(correlation_id=mint_id(), source="worker")
        await self._runner.run(lapse_proofs, limit=self._policy.tend_limit, context=context)
        due = await self._runner.read(list_due, limit=self._policy.tend_limit)
        answers = await asyncio.gather(*(self._names.look_up(one.record_name) for one in due))
        for domain, answer in zip(due, answers, strict=True):
            await self._runner.run(recheck, domain, answer, names=self._names, context=context)

    async def _rest(self) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), timeout=self._policy.poll)
        except TimeoutError:
            return
