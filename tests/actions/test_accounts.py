# SPDX-License-Identifier: Apache-2.0
"""Local accounts: nobody signs in who may not, and a code opens its own sign-up, once, within few tries."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.lanes import Call
from tests.world import HOST, World
from vestibule.actions.accounts.session import find_session
from vestibule.actions.accounts.sign_in import create_account, find_credentials, open_session
from vestibule.actions.accounts.sign_up import begin_code_check, count_sign_up, finish_sign_up, start_sign_up
from vestibule.actions.members.offboard import offboard
from vestibule.core.account import CHALLENGE_LIFETIME, SESSION_LIFETIME
from vestibule.core.email import EmailAddress
from vestibule.core.limits import Limit, Limits
from vestibule.errors import AlreadyMemberError, CredentialsRejectedError, RateLimitedError

NINA = EmailAddress.parse_input("nina@example.com")


def run(world: World, action: Any, *args: Any, **named: Any) -> Any:
    return world.do(Call("run", lambda uow: action(uow, *args, **named)))


def add_account(world: World) -> str:
    account_id: str = run(
        world, create_account, HOST, NINA, name="Nina", password_hash="hash", context=world.context
    )
    return account_id


def start(world: World) -> str:
    secret: str = run(
        world, start_sign_up, NINA, name="Nina", password_hash="hash", limits=world.limits
    ).secret
    return secret


@pytest.mark.covers("E10", "LIF-03", "A14")
def test_an_offboarded_principal_is_signed_out_and_can_open_no_session(world: World) -> None:
    account_id = add_account(world)
    secret = run(world, open_session, account_id)
    assert run(world, find_session, secret).principal_id == account_id
    done = run(world, offboard, HOST, account_id, context=world.context)
    assert done.sessions_ended == 1
    assert run(world, find_session, secret) is None
    with pytest.raises(CredentialsRejectedError):
        run(world, open_session, account_id)
    with pytest.raises(CredentialsRejectedError):
        run(world, open_session, "local|nobody")


@pytest.mark.covers("A14")
def test_a_session_lives_for_its_time_and_not_a_moment_longer(world: World) -> None:
    secret = run(world, open_session, add_account(world))
    world.pass_time(SESSION_LIFETIME.total_seconds() - 60)
    assert run(world, find_session, secret) is not None
    world.pass_time(60)
    assert run(world, find_session, secret) is None


@pytest.mark.covers("ACC-04", "A08")
def test_a_sign_up_is_used_once_and_makes_the_one_account_of_its_address(world: World) -> None:
    first, second = start(world), start(world)
    challenge, other = run(world, begin_code_check, first), run(world, begin_code_check, second)
    session = run(world, finish_sign_up, challenge, context=world.context)
    assert [one.address for one in run(world, find_session, session).addresses] == [NINA]
    for late in (challenge, other):
        with pytest.raises(CredentialsRejectedError):
            run(world, finish_sign_up, late, context=world.context)
    with pytest.raises(AlreadyMemberError):
        add_account(world)


@pytest.mark.covers("ACC-04")
def test_a_code_falls_after_its_tries_and_after_its_time(world: World) -> None:
    secret = start(world)
    for _ in range(world.limits.code_tries):
        run(world, begin_code_check, secret)
    with pytest.raises(CredentialsRejectedError):
        run(world, begin_code_check, secret)
    late = start(world)
    challenge = run(world, begin_code_check, late)
    world.pass_time((CHALLENGE_LIFETIME + timedelta(seconds=1)).total_seconds())
    with pytest.raises(CredentialsRejectedError):
        run(world, begin_code_check, late)
    with pytest.raises(CredentialsRejectedError):
        run(world, finish_sign_up, challenge, context=world.context)


@pytest.mark.covers("ACC-04")
def test_sign_ins_and_codes_are_limited_by_address_and_network(world: World) -> None:
    world.limits = Limits(sign_in_per_pair=Limit(2, 600), code_per_address=Limit(2, 600))
    told = {"context": world.context, "limits": world.limits}
    for action in (find_credentials, count_sign_up):
        for _ in range(2):
            run(world, action, NINA, **told)
        with pytest.raises(RateLimitedError):
            run(world, action, NINA, **told)
        run(world, action, EmailAddress.parse_input("other@example.com"), **told)
