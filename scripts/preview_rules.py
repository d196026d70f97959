# SPDX-License-Identifier: Apache-2.0
"""Sample contexts of the other settings screens, described by the very functions that describe real ones."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from preview_names import LONG, RTL, TAGS, Context
from preview_settings import BLANK, SETTINGS
from vestibule.actions.invitations.review_held import HeldView
from vestibule.actions.tenants.review_tenant import TenantView
from vestibule.core.approval import Approval, HeldRequest, digest_request
from vestibule.core.connection import Connection
from vestibule.core.domain import DomainFinding, DomainView, Rung, TenantDomain
from vestibule.core.email import EmailAddress
from vestibule.core.identity import VerifiedIdentity
from vestibule.core.invitation import Invitation, ResourceGrant
from vestibule.core.policy import Policy, dump_policy, hash_document, parse_policy
from vestibule.core.policy.change import PolicyChange
from vestibule.core.policy.compare import compare
from vestibule.core.stepup import Demand
from vestibule.core.tenant import Membership, Tenant
from vestibule.web.pages.settings.approval_view import Known, describe_held
from vestibule.web.pages.settings.connection_view import PROVIDERS, describe_connection, describe_required
from vestibule.web.pages.settings.domain_view import describe_domain, list_default_roles
from vestibule.web.pages.settings.frame import Screen
from vestibule.web.pages.settings.policy_view import describe_change
from vestibule.web.pages.settings.policy_words import describe_differences, describe_rest, describe_roles

NOW = datetime(2026, 11, 21, 11, 13, tzinfo=UTC)
POLICY = parse_policy(
    {
        "id": "partner-programme",
        "assignable": {
            "owner": ["owner", "admin", "member", "prod_admin"],
            "admin": ["member"],
            "prod_admin": [],
        },
        "roles": {
            "prod_admin": {"approvals": 2, "justification": True, "grant_default": 7200, "grant_max": 28800}
            | {"auth_max_age": 300, "amr_any": ["hwk", "mfa"]}
        },
        "seat_limit": 20,
        "allowed_domains": ["northwind.example", "harbour.example"],
        "require_connection": "corp-sso",
        "connection_exceptions": ["guest@studio.example"],
        "single_owner_bootstrap": 86400,
    }
)
LOOSER = replace(POLICY, seat_limit=None, allowed_domains=None, resend_cooldown=600)
HASH = hash_document(dump_policy(POLICY))


def _screen(role: str, policy: Policy = POLICY) -> Screen:
    tenant = Tenant(
        tenant_id="northwind",
        name="Northwind Trading",
        policy=policy,
        policy_version=7,
        policy_hash=HASH,
        own_policy="{}",
        created_at=NOW,
    )
    mine = Membership(tenant_id="northwind", principal_id="acc_1", role=role, created_at=NOW)
    view = TenantView(tenant=tenant, seats=(12, 20), standing=mine)
    return Screen(identity=VerifiedIdentity(principal_id="acc_1"), view=view, standing=mine)


OWNER = _screen("owner")
INVITATION = Invitation(
    invitation_id="0d7e1c8a-5a53-4c41-9d0f-0a4a3ad1c0de",
    tenant_id="northwind",
    role="prod_admin",
    invited_email=EmailAddress.parse_input("tomas.brandt@hafenkontor.example"),
    inviter_principal_id="acc_2",
    generation=1,
    created_at=NOW,
    expires_at=NOW + timedelta(days=1),
    policy_version=7,
    membership_expires_in=7200,
    justification="Ticket 4711: replace the payment gateway before the sale.",
    grants=(ResourceGrant(resource_id="warehouse", role="member", expires_in=86400),),
    held_at=NOW,
)


def _held(invitation: Invitation, objection: str | None = None) -> HeldView:
    digest = digest_request(invitation, HASH)
    request = HeldRequest(
        invitation=invitation,
        policy_hash=HASH,
        inviter_addresses=frozenset(),
        digest=digest,
        needed=2,
        demand=Demand(max_age=300, amr_any=(frozenset({"hwk", "mfa"}),)),
    )
    given = [
        Approval(
            approver_principal_id=f"acc_{number}",
            digest=shown,
            connection=None,
            amr=(),
            authenticated_at=NOW,
            approved_at=NOW,
        )
        for number, shown in ((3, digest), (4, "sha256:" + "0" * 64))
    ]
    return HeldView(request=request, approvals=given, counted=1, objection=objection)


def _approval(view: HeldView) -> Context:
    known = Known(people={"acc_2": "Yusuf Demir", "acc_3": LONG}, resources={"warehouse": "Warehouse"})
    return SHARED | describe_held(view, OWNER.identity, known) | {"approval_url": "/a"}


def _change(number: int, **changed: Any) -> Context:
    change = PolicyChange(
        change_id=f"c{number}",
        tenant_id="northwind",
        document_hash=HASH,
        base_hash=HASH,
        is_loosening=True,
        author_id="acc_2",
        created_at=NOW,
        **changed,
    )
    return describe_change(change, OWNER, HASH, {"acc_2": "Yusuf Demir"})


def _domain(name: str, rung: Rung, *, is_proved: bool, finding: DomainFinding | None) -> Context:
    domain = TenantDomain(
        tenant_id="northwind",
        domain=name,
        rung=rung,
        role="member",
        challenge="2327bd42da088749a60a6f2951de03c4",
        created_at=NOW,
        proof_expires_at=NOW + timedelta(days=20) if is_proved else None,
        checked_at=None if finding is None else NOW,
        finding=finding,
    )
    return describe_domain(DomainView(domain=domain, now=NOW), OWNER)


def _connection(
    connection_id: str, name: str, checked: list[str] | None, *, is_disabled: bool = False
) -> Context:
    connection = Connection(
        connection_id=connection_id,
        tenant_id="northwind",
        name=name,
        provider="generic",
        issuer="https://login.northwind.example/realms/" + connection_id,
        client_id="vestibule",
        sealed_secret=b"sealed",
        is_disabled=is_disabled,
    )
    found = None if checked is None else (connection_id, checked)
    return describe_connection(connection, OWNER, "https://in.example", found)


DIFFERENCES = describe_differences(compare(POLICY, LOOSER))
SHARED: Context = {
    name: SETTINGS[name] for name in ("tenant", "settings_url", "session", "my_role", "is_owner", "seats")
} | {"notice": None, "form": BLANK}
POLICY_PAGE: Context = SHARED | {
    "faults": [],
    "roles": describe_roles(POLICY),
    "rest": describe_rest(POLICY),
    "policy_id": POLICY.policy_id,
    "policy_version": 7,
    "policy_hash": HASH,
    "canonical": dump_policy(POLICY),
    "own_document": json.dumps({"seat_limit": 20, "ttl": {"member": 604800}}, indent=2),
    "waiting": [_change(1), _change(2, approver_id="acc_1", approved_at=NOW)],
    "history": [_change(3, activated_at=NOW), _change(4, closed_at=NOW)],
    "can_roll_back": True,
    "changes_next_url": "?changes=x",
    "domains": [
        _domain("northwind.example", Rung.AUTO_JOIN, is_proved=True, finding=DomainFinding.PROVED),
        _domain("harbour.example", Rung.REQUEST, is_proved=False, finding=DomainFinding.NO_RECORD),
        _domain("a-very-long-label." * 6 + "example", Rung.DENY, is_proved=False, finding=None),
    ],
    "rungs": [rung.value for rung in Rung],
    "default_roles": list_default_roles(POLICY),
    "domains_next_url": None,
}
CONNECTIONS_PAGE: Context = SHARED | {
    "connections": [
        _connection("corp-sso", "Corporate sign-in", []),
        _connection("x" * 64, TAGS, ["The provider can't be reached.", "Its keys have no key for signing."]),
        _connection("old", RTL, None, is_disabled=True),
    ],
    "next_url": None,
    "required": describe_required(OWNER, ["corp-sso"]),
    "providers": list(PROVIDERS.items()),
    "scim_url": "https://in.example/scim/v2",
    "callback_url": "https://in.example/sign-in/callback/",
}
FAULTY: Context = {
    "form": {
        "name": "draft",
        "anchor": "draft",
        "values": {"document": "schema = 1\nseat_limit = 'many'\n"},
        "errors": {"document": "This is no policy yet: mend what is listed and check it again."},
    },
    "notice": {"kind": "error", "text": "Nothing was changed yet."},
    "faults": [{"place": "Line 2", "told": "seat_limit: Give a whole number from 0 to 10000000."}],
}
REPLAY: Context = {
    "total": 40,
    "same": 37,
    "counts": [{"count": 3, "told": "would be refused"}],
    "examples": [
        {"what": "Issued", "roles": "member", "email": "ana@lindqvist.example", "when_text": "yesterday"}
        | {"told": "would be refused", "why": "the address's domain is not allowed"}
    ],
    "more": 2,
}

RULES: dict[str, tuple[str, Context]] = {
    "settings-policy": ("settings_policy.html", POLICY_PAGE),
    "settings-policy-fault": ("settings_policy.html", POLICY_PAGE | FAULTY),
    "settings-policy-admin": (
        "settings_policy.html",
        POLICY_PAGE | {"is_owner": False, "my_role": "admin", "domains": [], "history": [], "waiting": []},
    ),
    "settings-draft": (
        "settings_draft.html",
        SHARED | {"differences": DIFFERENCES, "loosens": True, "replay": REPLAY, "document": "schema = 1\n"},
    ),
    "settings-change": (
        "settings_change.html",
        SHARED | {"change": _change(1), "differences": DIFFERENCES, "document": "{}"},
    ),
    "settings-connections": ("settings_connections.html", CONNECTIONS_PAGE),
    "settings-connections-admin": (
        "settings_connections.html",
        CONNECTIONS_PAGE | {"is_owner": False, "connections": []},
    ),
    "settings-connection": (
        "settings_connection.html",
        SHARED
        | {
            "form": BLANK | {"name": "connection", "values": {"name": TAGS, "provider": "entra"}},
            "connection": CONNECTIONS_PAGE["connections"][0],
            "providers": list(PROVIDERS.items()),
        },
    ),
    "settings-approval": ("settings_approval.html", _approval(_held(INVITATION))),
    "settings-approval-own": (
        "settings_approval.html",
        _approval(_held(replace(INVITATION, inviter_principal_id="acc_1", grants_only=True), "No.")),
    ),
    "settings-approval-objection": (
        "settings_approval.html",
        _approval(_held(INVITATION, "Only who may grant this role may approve it.")),
    ),
    "settings-correct": (
        "settings_correct.html",
        SHARED
        | {
            "facts": [
                {"label": "Sent to", "value": "tomas@hafenkontor.exmaple"},
                {"label": "Role", "value": "member"},
            ],
            "email": "tomas@hafenkontor.exmaple",
            "invitation_id": "i1",
            "is_held": False,
        },
    ),
}
