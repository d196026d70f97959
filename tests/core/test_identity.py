# SPDX-License-Identifier: Apache-2.0
"""Where evidence counts, and which names are ours to give."""

from __future__ import annotations

import pytest

from tests.factories import make_email, make_grant, make_identity, make_snapshot
from vestibule.core.binding import judge_claim
from vestibule.core.domain import DomainRule, Rung
from vestibule.core.identity import VerifiedAddress, is_reserved
from vestibule.errors import RejectReason


@pytest.mark.covers("ACC-03", "ACC-05", "A18", "S02")
def test_S02_evidence_of_a_tenants_own_provider_counts_in_that_tenant_only() -> None:
    scoped = VerifiedAddress(address=make_email(), evidence="sso", tenant_id="acme")
    identity = make_identity(addresses=(scoped,))
    assert identity.find_evidence(make_email(), "acme") is scoped
    assert identity.find_evidence(make_email(), "globex") is None
    proved, lapsed = (
        DomainRule(rung=Rung.INVITE_ONLY, role="member", is_proved=one) for one in (True, False)
    )
    here = make_snapshot(make_grant(domain_rule=proved))
    assert judge_claim(here, identity).reason is None
    for wrong in ({"tenant_id": "globex", "domain_rule": proved}, {"domain_rule": lapsed}, {}):
        there = make_snapshot(make_grant(**wrong))
        assert judge_claim(there, identity).reason is RejectReason.WRONG_RECIPIENT


def test_only_what_counts_everywhere_is_remembered() -> None:
    scoped = VerifiedAddress(address=make_email(), evidence="sso", tenant_id="acme")
    lasting = VerifiedAddress(address=make_email("vera@gmail.com"), evidence="google")
    assert make_identity(addresses=(scoped, lasting)).lasting_addresses == (lasting.address,)


@pytest.mark.parametrize(
    "name,is_ours",
    [
        ("local|1", True),
        ("key|1", True),
        ("https://idp.example|42", True),
        ("http://127.0.0.1:9000|42", True),
        ("https://host.example/users/42", False),
        ("auth0|42", False),
        ("42", False),
    ],
)
def test_names_that_no_host_may_speak_as(name: str, is_ours: bool) -> None:
    assert is_reserved(name) is is_ours
