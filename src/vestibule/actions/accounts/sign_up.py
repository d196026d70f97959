# SPDX-License-Identifier: Apache-2.0
"""Sign up with the invited address, locked: an account in waiting until the mailed code comes back.

The answer is the same whether the address has an account or not; its owner learns it by mail (N03, A08).
The password is hashed by the caller before the transaction begins.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from vestibule.core.account import CHALLENGE_LIFETIME, LOCAL_CONNECTION, SESSION_LIFETIME, Account, Challenge
from vestibule.core.email import EmailAddress
from vestibule.core.event import AccountCreated
from vestibule.core.identity import LOCAL_NAMES, RequestContext
from vestibule.core.limits import Limits, hit, network_of
from vestibule.core.message import AccountExistsMail, CodeMail
from vestibule.core.token import digest, mint_id, mint_secret
from vestibule.errors import CredentialsRejectedError, RateLimitedError
from vestibule.ports import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedSignUp:
    """The browser's half of the challenge (for its cookie) and the hint of where the code went."""

    secret: str = field(repr=False)
    address_hint: str


def count_sign_up(uow: UnitOfWork, address: EmailAddress, *, context: RequestContext, limits: Limits) -> None:
    """One code more is asked for; counted before the password costs a slow hash.

    Raises:
        RateLimitedError: too many codes for this address or from this network address.
    """
    _count(uow, address, context, limits)
    uow.commit()


def start_sign_up(
    uow: UnitOfWork, address: EmailAddress, *, name: str, password_hash: str, limits: Limits
) -> StartedSignUp:
    """A code is on its way to *address*, by a message of its own (ACC-04); ``count_sign_up`` goes before."""
    secret = mint_secret("vsc_")
    challenge = Challenge(
        challenge_id=mint_id(),
        challenge_hash=digest(secret),
        address=address,
        name=name,
        password_hash=password_hash,
    )
    uow.accounts.add_challenge(challenge, tries=limits.code_tries, lifetime=CHALLENGE_LIFETIME)
    _send(uow, challenge)
    uow.commit()
    return StartedSignUp(secret=secret, address_hint=address.masked)


def send_code_again(
    uow: UnitOfWork, secret: str, *, context: RequestContext, limits: Limits
) -> StartedSignUp:
    """A fresh code is on its way; the earlier one dies when it is sent.

    Raises:
        CredentialsRejectedError: no such sign-up is open in this browser.
        RateLimitedError: too many codes.
    """
    challenge = uow.accounts.find_challenge(digest(secret))
    if challenge is None:
        raise CredentialsRejectedError
    _count(uow, challenge.address, context, limits)
    _send(uow, challenge)
    uow.commit()
    return StartedSignUp(secret=secret, address_hint=challenge.address.masked)


def begin_code_check(uow: UnitOfWork, secret: str) -> Challenge:
    """Spend one try and give what the code is to be checked against, outside the transaction.

    Raises:
        CredentialsRejectedError: nothing is open in this browser, or no try is left.
    """
    challenge = uow.accounts.find_challenge(digest(secret))
    if challenge is None or not uow.accounts.count_try(challenge.challenge_id):
        raise CredentialsRejectedError
    uow.commit()
    return challenge


def finish_sign_up(uow: UnitOfWork, challenge: Challenge, *, context: RequestContext) -> str:
    """The account exists, its address verified by the code; returns the secret of its first session.

    Raises:
        CredentialsRejectedError: the challenge was used, or the address got an account meanwhile.
    """
    account = Account(
        account_id=LOCAL_NAMES + mint_id(),
        address=challenge.address,
        name=challenge.name,
        password_hash=challenge.password_hash,
    )
    if not uow.accounts.use_challenge(challenge.challenge_id) or not uow.accounts.add(account):
        raise CredentialsRejectedError
    secret = mint_secret("vss_")
    identity = account.identify(uow.now())
    uow.sessions.add(digest(secret), identity, LOCAL_CONNECTION, lifetime=SESSION_LIFETIME)
    uow.audit.append(
        AccountCreated(principal_id=account.account_id), actor=account.account_id, context=context
    )
    # So that offboarding knows what waits for its address, even if it has never accepted anything.
    uow.principals.remember(identity)
    uow.commit()
    return secret


def _count(uow: UnitOfWork, address: EmailAddress, context: RequestContext, limits: Limits) -> None:
    hits = [
        hit("code_address", address.key, limits.code_per_address),
        hit("code_ip", network_of(context.ip), limits.code_per_ip),
    ]
    wait = uow.limits.take(hits)
    if wait is not None:
        raise RateLimitedError(wait, limit=limits.code_per_address.count)


def _send(uow: UnitOfWork, challenge: Challenge) -> None:
    if uow.accounts.find_by_address(challenge.address) is None:
        uow.outbox.put(CodeMail(challenge_id=challenge.challenge_id))
    else:
        uow.outbox.put(AccountExistsMail(challenge_id=challenge.challenge_id))
