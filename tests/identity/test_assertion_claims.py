# SPDX-License-Identifier: Apache-2.0
"""What the claims of a good signature may say about a person, and what of it is believed."""

from __future__ import annotations

import traceback
from datetime import timedelta
from typing import Any

import pytest

from tests.identity.signing import AUDIENCE, ISSUER, NOW, EdSigner, T, assertion, jwks
from tests.identity.verifiers import BOTH, ED, assert_refused
from vestibule.core.email import EmailAddress
from vestibule.errors import NotAuthenticatedError
from vestibule.identity.assertion import AssertionVerifier
from vestibule.identity.jwks import StaticKeys, parse_jwks


@pytest.mark.parametrize(
    "sub", ["x" * 256, "a\0b", "a\nb", "a\u202eb", "a\u200bb", "\ud800", " ", " a", "a ", 7], ids=repr
)
def test_a_subject_is_plain_text_of_bounded_length(sub: object) -> None:
    assert_refused(assertion(ED, sub=sub))
    assert BOTH.verify(assertion(ED, sub="x" * 255)).principal_id == "x" * 255


@pytest.mark.covers("A14")
@pytest.mark.parametrize("sub", ["local|5d1c", "local|", "key|platform", "key|"])
def test_no_host_speaks_as_a_local_account_or_as_a_key(sub: str) -> None:
    assert_refused(assertion(ED, sub=sub))
    for near in (sub.title(), "x" + sub, sub.rstrip("|").partition("|")[0]):
        assert BOTH.verify(assertion(ED, sub=near)).principal_id == near


@pytest.mark.covers("A18")
@pytest.mark.parametrize("sub", ["https://idp.example/|42", "HTTP://127.0.0.1|42"])
def test_A18_no_host_speaks_as_a_principal_of_an_identity_provider(sub: str) -> None:
    assert_refused(assertion(ED, sub=sub))
    near = sub.replace("|", "/")
    assert BOTH.verify(assertion(ED, sub=near)).principal_id == near


@pytest.mark.covers("A04", "A03", "ACC-03")
@pytest.mark.parametrize(
    "verified", ["true", "True", 1, 1.0, "1", None, False, "false", [True], {}, ...], ids=repr
)
def test_only_a_literal_true_verifies_an_address(verified: object) -> None:
    entry: dict[str, Any] = {"email": "v@acme.com"} | ({} if verified is ... else {"verified": verified})
    assert BOTH.verify(assertion(ED, emails=[entry])).addresses == ()
    assert len(BOTH.verify(assertion(ED, emails=[entry | {"verified": True}])).addresses) == 1


@pytest.mark.covers("A04", "A17")
def test_a_verified_address_does_not_verify_its_neighbour() -> None:
    emails = [
        {"email": "one@acme.com", "verified": True},
        {"email": "two@acme.com", "verified": False},
        {"email": "three@acme.com", "email_verified": True},
        {"email": "four@acme.com", "verified": True},
        {"email": "ONE@acme.com", "verified": True},
    ]
    identity = BOTH.verify(assertion(ED, emails=emails, email="five@acme.com", email_verified=True))
    assert [a.address.key for a in identity.addresses] == ["one@acme.com", "four@acme.com"]
    assert identity.find_evidence(EmailAddress("two@acme.com"), "acme") is None


@pytest.mark.covers("A15", "A13", "G05", "G06")
@pytest.mark.parametrize(
    "email",
    [
        "mıke@acme.com",
        " v@acme.com",
        "v@acme.com\n",
        "a@b@acme.com",
        "v@[127.0.0.1]",
        "v@acme.com,x@evil.com",
        "=?utf-8?q?v=40acme.com?=@evil.com",
        "v@acme。com",
        "",
        None,
        7,
        ["v@acme.com"],
        {"email": "v@acme.com"},
    ],
    ids=repr,
)
def test_an_address_that_can_not_be_read_is_left_out(email: object) -> None:
    good = {"email": "Other@Acme.com", "verified": True}
    identity = BOTH.verify(assertion(ED, emails=[{"email": email, "verified": True}, good]))
    assert [a.address.key for a in identity.addresses] == ["other@acme.com"]


@pytest.mark.parametrize(
    "emails",
    [
        "v@acme.com",
        {"email": "v@acme.com", "verified": True},
        True,
        1,
        ["v@acme.com"],
        [None],
        [[]],
        [{"email": "v@acme.com", "verified": True}] * 21,
    ],
    ids=lambda emails: repr(emails)[:30],
)
def test_emails_is_a_short_list_of_objects(emails: object) -> None:
    assert_refused(assertion(ED, emails=emails))


@pytest.mark.covers("G14")
def test_a_name_loses_what_can_not_be_seen() -> None:
    given = {
        "V\u202eera": "Vera",
        "\u200b\u2066\0": None,
        "": None,
        " ": None,
        "Zoë 李": "Zoë 李",
        "a\r\nb": "ab",
        "\ud800x": "x",
    }
    for name, shown in given.items():
        assert BOTH.verify(assertion(ED, name=name)).name == shown
    for wrong in ("x" * 201, 7, ["Vera"], True):
        assert_refused(assertion(ED, name=wrong))


@pytest.mark.parametrize(
    "change",
    [
        {"connection": ""},
        {"connection": "x" * 256},
        {"connection": 7},
        {"connection": "a\nb"},
        {"amr": "pwd"},
        {"amr": ["pwd", 1]},
        {"amr": ["x"] * 21},
        {"amr": [""]},
        {"auth_time": "now"},
        {"auth_time": True},
    ],
    ids=repr,
)
def test_an_optional_claim_of_the_wrong_shape_is_refused(change: dict[str, Any]) -> None:
    assert_refused(assertion(ED, **change))


@pytest.mark.covers("OBS-04")
def test_no_claim_reaches_the_exception_or_its_traceback() -> None:
    planted = "planted.person@secret-company.example"
    jws = assertion(EdSigner(ED.kid), sub=planted, emails=[{"email": planted, "verified": True}])
    try:
        BOTH.verify(jws)
    except NotAuthenticatedError as refused:
        shown = "".join(traceback.format_exception(refused)) + repr(refused) + str(refused.args)
        assert "planted" not in shown
        assert jws not in shown
    else:
        pytest.fail("a forged assertion passed")


def test_an_identity_is_judged_anew_each_time() -> None:
    now = [NOW]
    verifier = AssertionVerifier(StaticKeys(parse_jwks(jwks(ED))), ISSUER, AUDIENCE, lambda: now[0])
    jws = assertion(ED, exp=T + 5)
    assert verifier.verify(jws) == verifier.verify(jws)
    now[0] += timedelta(seconds=5)
    with pytest.raises(NotAuthenticatedError):
        verifier.verify(jws)
