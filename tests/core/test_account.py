# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from factories import NOW, make_email
from vestibule.core.account import Account, Challenge


def make_account() -> Account:
    return Account(account_id="account-1", address=make_email(), name="Vera", password_hash="argon2-hash")


@pytest.mark.covers("ACC-03", "ACC-04")
def test_a_local_account_is_a_principal_with_its_one_verified_address() -> None:
    identity = make_account().identify(NOW)
    assert (identity.principal_id, identity.connection, identity.amr) == ("account-1", "local", ("pwd",))
    assert [(one.address, one.evidence) for one in identity.addresses] == [(make_email(), "code")]
    assert identity.authenticated_at == NOW


def test_neither_an_account_nor_a_challenge_prints_what_it_keeps_secret() -> None:
    challenge = Challenge(
        challenge_id="challenge-1",
        challenge_hash=b"cookie-hash",
        address=make_email(),
        name="Vera",
        password_hash="argon2-hash",
        code_hash="code-hash",
    )
    shown = f"{make_account()!r}{challenge!r}"
    assert all(
        secret not in shown for secret in ("argon2-hash", "cookie-hash", "code-hash", "vera@example.com")
    )
