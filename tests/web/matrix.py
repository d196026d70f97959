# SPDX-License-Identifier: Apache-2.0
"""Who may call what over the API, as data: a row for every operation of the reference, a cell for every actor."""

from __future__ import annotations

from vestibule.core.identity import Scope

ACTORS = ("anonymous", "stranger", "member", "admin", "owner", "other_owner", "weak_key", "platform")
PRINCIPALS = frozenset(ACTORS[1:6])
# What a directory's key may do is SCIM; to the API it is a key without scopes.
ALSO = {"directory_key": "weak_key"}
# operation: the status for each of ACTORS in the tenant that member, admin and owner belong to
MATRIX: dict[str, tuple[int, ...]] = {
    "put_tenant": (401, 403, 403, 403, 403, 403, 403, 200),
    "get_tenant": (401, 404, 403, 200, 200, 404, 403, 200),
    "suspend_tenant": (401, 403, 403, 403, 403, 403, 403, 200),
    "resume_tenant": (401, 403, 403, 403, 403, 403, 403, 200),
    "delete_tenant": (401, 403, 403, 403, 403, 403, 403, 204),
    "get_policy": (401, 404, 403, 200, 200, 404, 403, 200),
    "propose_policy": (401, 404, 403, 403, 201, 404, 403, 201),
    "list_policy_changes": (401, 404, 403, 200, 200, 404, 403, 200),
    "approve_policy": (401, 404, 403, 403, 200, 404, 403, 200),
    "withdraw_policy": (401, 404, 403, 403, 200, 404, 403, 200),
    "activate_policy": (401, 404, 403, 403, 200, 404, 403, 200),
    "roll_back_policy": (401, 404, 403, 403, 200, 404, 403, 200),
    "compare_policy": (401, 404, 403, 200, 200, 404, 403, 200),
    "simulate_policy": (401, 404, 403, 200, 200, 404, 403, 200),
    "reevaluate_policy": (401, 404, 403, 403, 200, 404, 403, 200),
    "explain_decision": (401, 404, 403, 200, 200, 404, 403, 200),
    "get_deployment_policy": (401, 403, 403, 403, 403, 403, 403, 200),
    "propose_deployment_policy": (401, 403, 403, 403, 403, 403, 403, 201),
    "list_deployment_policy_changes": (401, 403, 403, 403, 403, 403, 403, 200),
    "approve_deployment_policy": (401, 403, 403, 403, 403, 403, 403, 200),
    "withdraw_deployment_policy": (401, 403, 403, 403, 403, 403, 403, 200),
    "activate_deployment_policy": (401, 403, 403, 403, 403, 403, 403, 200),
    "roll_back_deployment_policy": (401, 403, 403, 403, 403, 403, 403, 200),
    "compare_deployment_policy": (401, 403, 403, 403, 403, 403, 403, 200),
    "list_members": (401, 404, 403, 200, 200, 404, 403, 200),
    "put_member": (401, 403, 403, 403, 403, 403, 403, 201),
    "remove_member": (401, 404, 403, 204, 204, 404, 403, 204),
    "offboard_principal": (401, 403, 403, 403, 403, 403, 403, 200),
    "export_person": (401, 403, 403, 403, 403, 403, 403, 200),
    "erase_person": (401, 403, 403, 403, 403, 403, 403, 200),
    "issue_invitation": (401, 404, 403, 201, 201, 404, 403, 403),
    "list_invitations": (401, 404, 403, 200, 200, 404, 403, 403),
    "get_invitation": (401, 404, 403, 200, 200, 404, 403, 403),
    "list_attendance": (401, 404, 403, 200, 200, 404, 403, 200),
    "export_attendance": (401, 404, 403, 200, 200, 404, 403, 200),
    "get_calendar": (401, 404, 200, 200, 200, 404, 403, 200),
    "resend_invitation": (401, 404, 403, 200, 200, 404, 403, 403),
    "revoke_invitation": (401, 404, 403, 204, 204, 404, 403, 403),
    "list_own_invitations": (401, 200, 200, 200, 200, 200, 403, 403),
    "accept_own_invitation": (401, 404, 404, 404, 404, 404, 403, 403),
    "decline_own_invitation": (401, 404, 404, 404, 404, 404, 403, 403),
    "list_connections": (401, 403, 403, 403, 403, 403, 403, 200),
    "put_connection": (401, 403, 403, 403, 403, 403, 403, 200),
    "get_connection": (401, 403, 403, 403, 403, 403, 403, 200),
    "remove_connection": (401, 403, 403, 403, 403, 403, 403, 204),
    "check_connection": (401, 403, 403, 403, 403, 403, 403, 200),
    "list_tenant_connections": (401, 404, 403, 200, 200, 404, 403, 200),
    "put_tenant_connection": (401, 404, 403, 403, 200, 404, 403, 200),
    "get_tenant_connection": (401, 404, 403, 200, 200, 404, 403, 200),
    "remove_tenant_connection": (401, 404, 403, 403, 204, 404, 403, 204),
    "check_tenant_connection": (401, 404, 403, 200, 200, 404, 403, 200),
    "preview_invitation": (200, 200, 200, 200, 200, 200, 200, 200),
    "accept_invitation": (401, 404, 404, 404, 404, 404, 403, 403),
    "decline_invitation": (401, 404, 404, 404, 404, 404, 403, 403),
    "request_new_invitation": (202, 202, 202, 202, 202, 202, 202, 202),
    "block_invitation": (204, 204, 204, 204, 204, 204, 204, 204),
    "report_invitation": (204, 204, 204, 204, 204, 204, 204, 204),
    "get_suppression": (401, 403, 403, 403, 403, 403, 403, 404),
    "put_suppression": (401, 403, 403, 403, 403, 403, 403, 201),
    "lift_suppression": (401, 403, 403, 403, 403, 403, 403, 404),
    "put_domain": (401, 404, 403, 403, 200, 404, 403, 200),
    "list_domains": (401, 404, 403, 200, 200, 404, 403, 200),
    "get_domain": (401, 404, 403, 200, 200, 404, 403, 200),
    "check_domain": (401, 404, 403, 403, 200, 404, 403, 200),
    "remove_domain": (401, 404, 403, 403, 204, 404, 403, 204),
    "list_open_doors": (401, 200, 200, 200, 200, 200, 403, 403),
    "join_tenant": (401, 404, 409, 409, 409, 404, 403, 403),
    "ask_to_join": (401, 202, 202, 202, 202, 202, 403, 403),
    "list_join_requests": (401, 404, 403, 200, 200, 404, 403, 403),
    "approve_join_request": (401, 404, 403, 200, 200, 404, 403, 403),
    "reject_join_request": (401, 404, 403, 204, 204, 404, 403, 403),
    "get_approval": (401, 404, 403, 200, 200, 404, 403, 403),
    "approve_invitation": (401, 404, 403, 403, 200, 404, 403, 403),
    "reject_invitation": (401, 404, 403, 403, 200, 404, 403, 403),
    "correct_invitation": (401, 404, 403, 201, 201, 404, 403, 403),
    "ensure_invitation": (401, 404, 403, 200, 200, 404, 403, 403),
    "list_reviews": (401, 404, 403, 200, 200, 404, 403, 403),
    "close_review": (401, 404, 403, 200, 200, 404, 403, 403),
    "list_resources": (401, 404, 403, 200, 200, 404, 403, 200),
    "put_resource": (401, 403, 403, 403, 403, 403, 403, 201),
    "delete_resource": (401, 403, 403, 403, 403, 403, 403, 204),
    "list_grants": (401, 404, 403, 200, 200, 404, 403, 200),
    "get_key_set": (200, 200, 200, 200, 200, 200, 200, 200),
    # Without a key ring there is none.
    "get_key_schedule": (404, 404, 404, 404, 404, 404, 404, 404),
    "list_events": (401, 404, 403, 200, 200, 404, 403, 200),
    "get_event_proof": (401, 404, 403, 200, 200, 404, 403, 200),
    "create_anonymous_event": (401, 404, 403, 201, 201, 404, 403, 201),
    "list_anonymous_events": (401, 404, 403, 200, 200, 404, 403, 200),
    "get_anonymous_event": (401, 404, 403, 200, 200, 404, 403, 200),
    "close_anonymous_event": (401, 404, 403, 200, 200, 404, 403, 200),
    "sign_anonymous_code": (401, 404, 403, 403, 403, 404, 403, 403),
    "describe_anonymous_event": (200, 200, 200, 200, 200, 200, 200, 200),
    "redeem_anonymous_code": (404, 404, 404, 404, 404, 404, 404, 404),
    # Without a partner's keys there is no such road; with them, only the partner has it (test_leaks.py).
    "report_leaks": (404, 404, 404, 404, 404, 404, 404, 404),
}
FOR_ANYBODY = {"preview_invitation", "request_new_invitation", "block_invitation", "report_invitation"}
FOR_ANYBODY |= {"get_key_set", "get_key_schedule", "report_leaks"}
FOR_ANYBODY |= {"describe_anonymous_event", "redeem_anonymous_code"}
FOR_HOLDERS = {"block_invitation", "report_invitation"}
FOR_PRINCIPALS = {
    *("offboard_principal", "export_person", "erase_person"),
    *("get_suppression", "put_suppression", "lift_suppression"),
}
WEAK_FOR_PRINCIPALS: frozenset[Scope] = frozenset(("tenants", "members"))
WEAK_FOR_THE_REST: frozenset[Scope] = frozenset(("principals",))
RECORDED = {"accept_own_invitation", "decline_own_invitation", "accept_invitation", "decline_invitation"}


def cells(operation: str) -> list[tuple[str, int]]:
    """Every actor and what it is answered."""
    row = dict(zip(ACTORS, MATRIX[operation], strict=True))
    return [*((actor, row[like]) for actor, like in ALSO.items()), *row.items()]
