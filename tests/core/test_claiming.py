# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import pytest

from factories import make_context, make_grant, make_identity
from vestibule.core.claiming import check_addresses, rejected_event, wrong_preview_hits, wrong_try_hits
from vestibule.core.limits import Limits
from vestibule.errors import EmailUnverifiedError, RejectReason


@pytest.mark.covers("ACC-07", "A03")
def test_A03_a_session_without_a_verified_address_is_told_so() -> None:
    check_addresses(make_identity())
    with pytest.raises(EmailUnverifiedError):
        check_addresses(make_identity(addresses=()))


@pytest.mark.covers("ACC-08")
def test_a_wrong_try_counts_per_link_principal_address_and_globally() -> None:
    limits = Limits()
    base = wrong_try_hits(limits, "link", make_identity(), make_context())
    assert [hit.limit for hit in base[:3]] == [
        limits.claim_per_token,
        limits.claim_per_principal,
        limits.claim_per_ip,
    ]
    other_link = wrong_try_hits(limits, "other", make_identity(), make_context())
    other_ip = wrong_try_hits(limits, "link", make_identity(), make_context(ip="192.0.2.99"))
    assert [a.key == b.key for a, b in zip(base, other_link, strict=True)] == [False, True, True, True]
    assert [a.key == b.key for a, b in zip(base, other_ip, strict=True)] == [True, True, False, True]


@pytest.mark.covers("ACC-08")
def test_a_wrong_preview_counts_per_address_and_globally() -> None:
    one, two = (wrong_preview_hits(Limits(), make_context(ip=ip)) for ip in ("192.0.2.1", "192.0.2.2"))
    assert len(one) == 2
    assert one[0].key != two[0].key


@pytest.mark.covers("AUD-01", "ACC-07")
def test_a_refusal_is_recorded_with_its_reason_whether_the_link_was_known_or_not() -> None:
    for grant, tenant, invitation in ((make_grant(), "acme", "invitation-1"), (None, "", None)):
        event = rejected_event(grant, RejectReason.EXPIRED, "accept", make_identity(), make_context())
        assert (event.tenant_id, event.invitation_id, event.actor_id) == (
            tenant,
            invitation,
            "principal-vera",
        )
        assert json.loads(event.body) == {"attempted": "accept", "reason": "expired"}
