# SPDX-License-Identifier: Apache-2.0
"""Working the outbox inside a host: claim, prepare each letter, hand it to the host's mailer, settle.

The same steps as the service's worker, each in a short transaction of its own; none is open while mail is
sent. Any number of processes may do it. A crash costs an attempt: the lease runs out.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

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
from vestibule.actions.delivery.prepare_letter import prepare_letter
from vestibule.actions.links.order_envelope import order_for_mail, sign_envelope
from vestibule.core.identity import RequestContext
from vestibule.core.limits import Limits
from vestibule.core.message import Letter
from vestibule.core.token import mint_id
from vestibule.delivery.retry import RetryPolicy, decide_retry
from vestibule.errors import (
    KeyMissingError,
    KeyProviderError,
    PermanentDeliveryError,
    RecipientBusyError,
    SuppressedError,
)
from vestibule.ports import ClaimedMessage, KeyProvider, UnitOfWork

Send: TypeAlias = Callable[[Letter], None]
OpenUnit: TypeAlias = Callable[[], AbstractContextManager[UnitOfWork]]
_KEY_WAIT = timedelta(seconds=30)
_log = logging.getLogger("vestibule")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliveries:
    """What became of what was due. *dropped*: the reason was gone; *suppressed*: the recipient wants none."""

    sent: int = 0
    deferred: int = 0
    gave_up: int = 0
    dropped: int = 0
    suppressed: int = 0

    def plus(self, outcome: str) -> Deliveries:
        counts = {
            name: getattr(self, name) + (name == outcome)
            for name in (SENT, DEFERRED, GAVE_UP, DROPPED, SUPPRESSED)
        }
        return Deliveries(**counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Postman:
    """One round of deliveries."""

    open_unit: OpenUnit
    send: Send
    public_url: str
    batch: int
    lease: timedelta
    retry: RetryPolicy
    limits: Limits
    provider: KeyProvider | None = None

    def deliver(self) -> Deliveries:
        """Everything due now, batch by batch."""
        worker = mint_id()
        done = Deliveries()
        while True:
            with self.open_unit() as uow:
                claimed = claim_messages(uow, worker=worker, limit=self.batch, lease=self.lease)
            for message in claimed:
                done = done.plus(self._deliver(message))
            if len(claimed) < self.batch:
                return done

    def _deliver(self, claimed: ClaimedMessage) -> str:
        outcome, retry_in = SENT, None
        try:
            with self.open_unit() as uow:
                order = order_for_mail(uow, claimed)
            token = sign_envelope(self.provider, order, self.public_url)
            with self.open_unit() as uow:
                letter = prepare_letter(
                    uow, claimed, public_url=self.public_url, limits=self.limits, token=token
                )
            if letter is None:
                outcome = DROPPED
            else:
                self.send(letter)
        except RecipientBusyError as error:
            with self.open_unit() as uow:
                give_back(uow, claimed, due_in=timedelta(seconds=error.retry_after))
            return DEFERRED
        except (KeyMissingError, KeyProviderError):
            with self.open_unit() as uow:
                give_back(uow, claimed, due_in=_KEY_WAIT)
            return DEFERRED
        except SuppressedError:
            outcome = SUPPRESSED
        except PermanentDeliveryError as error:
            outcome = GAVE_UP
            _log.warning("delivery_gave_up", extra={"message_id": claimed.message_id, "problem": str(error)})
        except Exception as error:  # noqa: BLE001 - a mailer fails in its own ways; all of them are tried again
            share = int(claimed.message_id.replace("-", "")[:8], 16) / 2**32
            retry_in = decide_retry(claimed.attempt, policy=self.retry, random_share=share)
            outcome = GAVE_UP if retry_in is None else DEFERRED
            _log.warning(
                "delivery_deferred", extra={"message_id": claimed.message_id, "problem": type(error).__name__}
            )
        context = RequestContext(correlation_id=claimed.message_id, source="worker")
        with self.open_unit() as uow:
            settle_message(uow, claimed, outcome, retry_in=retry_in, context=context)
        return outcome
