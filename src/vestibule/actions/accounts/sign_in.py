# SPDX-License-Identifier: Apache-2.0
"""Sign in with a local account: server-side sessions that can be ended (A14, E10)."""

from __future__ import annotations

from vestibule.core import authority
from vestibule.core.account import LOCAL_CONNECTION, SESSION_LIFETIME, Account
from vestibule.core.email import EmailAddress
from vestibule.core.event import AccountCreated
from vestibule.core.identity import LOCAL_NAMES, Actor, RequestContext
from vestibule.core.limits import Limits, hit, network_of
from vestibule.core.token import digest, mint_id, mint_secret
from vestibule.errors import AlreadyMemberError, CredentialsRejectedError, RateLimitedError
from vestibule.ports import UnitOfWork


def find_credentials(
    uow: UnitOfWork, address: EmailAddress | None, *, context: RequestContext, limits: Limits
) -> Account | None:
    """The account to check a password against, outside the transaction; the try is counted first.

    A try without an address costs the same slow hash, so it counts, too.

    Raises:
        RateLimitedError: too many tries for this address or from this network address.
    """
    network = network_of(context.ip)
    hits = [hit("sign_in_ip", network, limits.sign_in_per_ip)]
    if address is not None:
        hits += [
            hit("sign_in_address", address.key, limits.sign_in_per_address),
            hit("sign_in_pair", f"{address.key}\0{network}", limits.sign_in_per_pair),
        ]
    wait = uow.limits.take(hits)
    if wait is not None:
        raise RateLimitedError(wait, limit=limits.sign_in_per_pair.count)
    account = None if address is None else uow.accounts.find_by_address(address)
    uow.commit()
    return account


def open_session(uow: UnitOfWork, account_id: str) -> str:
    """A fresh session after the password was right; returns its secret for the cookie.

    Raises:
        CredentialsRejectedError: the account is gone or offboarded.
    """
    record = uow.principals.find(account_id)
    is_offboarded = record is not None and record.offboarded_at is not None
    account = uow.accounts.find(account_id)
    if is_offboarded or account is None:
        raise CredentialsRejectedError
    secret = mint_secret("vss_")
    identity = account.identify(uow.now())
    uow.sessions.add(digest(secret), identity, LOCAL_CONNECTION, lifetime=SESSION_LIFETIME)
    uow.commit()
    return secret


def create_account(
    uow: UnitOfWork,
    actor: Actor,
    address: EmailAddress,
    *,
    name: str,
    password_hash: str,
    context: RequestContext,
) -> str:
    """An account whose address the operator vouches for; returns its id (demo and command line).

    Raises:
        NotPermittedError: no key with the scope ``principals``.
        AlreadyMemberError: the address has an account already.
    """
    authority.check_key(actor, "principals")
    account = Account(
        account_id=LOCAL_NAMES + mint_id(), address=address, name=name, password_hash=password_hash
    )
    if not uow.accounts.add(account):
        raise AlreadyMemberError("That address has an account already.")
    uow.audit.append(AccountCreated(principal_id=account.account_id), actor=actor, context=context)
    uow.principals.remember(account.identify(uow.now()))
    uow.commit()
    return account.account_id
