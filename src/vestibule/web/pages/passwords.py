# SPDX-License-Identifier: Apache-2.0
"""A local account's password, checked: counted before, off the event loop, in the same time for nobody."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.requests import Request

from vestibule.actions.accounts.sign_in import find_credentials
from vestibule.core.email import AddressFaultError, EmailAddress
from vestibule.errors import CredentialsRejectedError
from vestibule.web.pages.rendering import Pages


def read_address(typed: str) -> EmailAddress | None:
    """What somebody typed, if it is an address."""
    with suppress(AddressFaultError):
        return EmailAddress.parse_input(typed)
    return None


async def check_password(pages: Pages, request: Request, typed: str, password: str) -> str:
    """The id of the account whose address and password these are.

    Raises:
        CredentialsRejectedError: they are nobody's.
        RateLimitedError: too many tries.
    """
    services = pages.services
    account = await services.runner.run(
        find_credentials, read_address(typed), context=pages.context(request), limits=services.limits
    )
    stored = account.password_hash if account is not None else None
    is_right = await asyncio.to_thread(services.passwords.verify_password, stored, password)
    if account is None or not is_right:
        raise CredentialsRejectedError
    return account.account_id
