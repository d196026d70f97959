# SPDX-License-Identifier: Apache-2.0
"""``vestibule policy``: policy as code, from a file. Without ``--tenant`` it is the deployment's own.

What changes something is a named operator's act (``--as``), so that a second person can be told from the
first. Whoever may run this command may take any name: the operating system's accounts, and the trail that
names them, are what stands behind it.
"""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import typer

from vestibule.actions.policies.change_policy import (
    activate_change,
    approve_change,
    propose_change,
    roll_back,
    withdraw_change,
)
from vestibule.actions.policies.review_policy import (
    REPLAY_MAX,
    compare_draft,
    explain,
    get_policy,
    list_changes,
    reevaluate,
    simulate,
)
from vestibule.cli.arguments import parse_principal_id, parse_tenant_id
from vestibule.cli.policy_views import (
    describe_change,
    describe_difference,
    describe_finding,
    describe_replayed,
    show_proposed,
    tell_differences,
)
from vestibule.cli.printing import AsJson, facts, moment, show, table
from vestibule.cli.running import OPERATOR, open_desk
from vestibule.core.identity import HostKey
from vestibule.core.paging import LIMIT_MAX, parse_page_request
from vestibule.core.policy import NOTHING, dump_policy, hash_document, parse_policy
from vestibule.core.policy.change import DEPLOYMENT
from vestibule.core.policy.compare import is_loosening
from vestibule.core.policy.toml import parse_policy_file
from vestibule.errors import ConfigurationError, FieldFault, InvalidRequestError

TEMPLATES = ("event-rsvp", "internal-admin-jit", "partner-program", "saas-onboarding")
app = typer.Typer(help="Policy as code: validate, diff, simulate, activate, roll back.", no_args_is_help=True)
PolicyFile = Annotated[Path, typer.Argument(metavar="FILE", help="A TOML file with the policy.")]
OfTenant = Annotated[
    str | None, typer.Option("--tenant", metavar="TENANT", help="Whose policy. Without: the deployment's.")
]
OneTenant = Annotated[str, typer.Option("--tenant", metavar="TENANT", help="Whose policy.")]
Operator = Annotated[
    str, typer.Option("--as", metavar="OPERATOR", help="Your name, as the trail and four eyes will know it.")
]
ChangeId = Annotated[str, typer.Argument(metavar="CHANGE", help="The change's id.")]


@app.command("template")
def template(
    name: Annotated[str, typer.Argument(metavar="NAME", help=" | ".join(TEMPLATES))],
    *,
    as_json: AsJson = False,
) -> None:
    """Print one of the ready policies, to start from."""
    if name not in TEMPLATES:
        raise InvalidRequestError(FieldFault("NAME", f"Give one of {', '.join(TEMPLATES)}."))
    text = files("vestibule").joinpath(f"policies/{name}.toml").read_text(encoding="utf-8")
    show({"name": name, "text": text}, text.splitlines(), as_json=as_json)


@app.command("validate")
def validate(file: PolicyFile, *, as_json: AsJson = False) -> None:
    """Check a file by itself, without a database: every fault has its file, line and remedy."""
    policy = parse_policy(_read(file, base=NOTHING))
    document = dump_policy(policy)
    told = {"file": str(file), "policy_hash": hash_document(document), "policy": json.loads(document)}
    show(told, [f"{file} is sound: {told['policy_hash']}"], as_json=as_json)


@app.command("show")
def show_policy(*, tenant: OfTenant = None, as_json: AsJson = False) -> None:
    """Show what is in force, and the changes on their way and before."""
    tenant_id = _subject(tenant)
    with open_desk() as desk:
        found = desk.runner.read(get_policy, OPERATOR, tenant_id)
        request = parse_page_request("policy", LIMIT_MAX, None)
        page = desk.runner.read(list_changes, OPERATOR, tenant_id, request)
    document = {
        "policy": json.loads(dump_policy(found.policy)),
        "own": json.loads(found.own),
        "policy_hash": found.policy_hash,
        "policy_version": found.version,
        "changes": [describe_change(change) for change in page.items],
    }
    lines = facts(
        [
            ("version", found.version),
            ("hash", found.policy_hash),
            ("own", json.dumps(document["own"], sort_keys=True)),
            ("in force", json.dumps(document["policy"], sort_keys=True)),
        ]
    )
    columns = ("change", "state", "loosens", "author", "approver")
    rows = [
        (one.change_id, one.state, one.is_loosening, one.author_id, one.approver_id) for one in page.items
    ]
    show(document, [*lines, "", *table(columns, rows)], as_json=as_json)


@app.command("diff")
def diff(file: PolicyFile, *, tenant: OfTenant = None, as_json: AsJson = False) -> None:
    """Compare a file with what is in force, and say whether it loosens anything."""
    tenant_id = _subject(tenant)
    with open_desk() as desk:
        document = _read_for(desk.runner.read(get_policy, OPERATOR, tenant_id).base, file, tenant_id)
        found = desk.runner.read(compare_draft, OPERATOR, tenant_id, document)
    told = {"is_loosening": is_loosening(found), "differences": [describe_difference(one) for one in found]}
    show(told, tell_differences(found), as_json=as_json)


@app.command("simulate")
def simulate_(
    file: PolicyFile,
    *,
    tenant: OneTenant,
    last: Annotated[int, typer.Option(metavar="N", help="How many decisions.")] = 1000,
    as_json: AsJson = False,
) -> None:
    """Judge a tenant's last decisions again under a file, and print what it would have changed."""
    tenant_id = parse_tenant_id(tenant)
    if not 1 <= last <= REPLAY_MAX:
        raise InvalidRequestError(FieldFault("--last", f"Give a whole number from 1 to {REPLAY_MAX}."))
    with open_desk() as desk:
        document = _read_for(desk.runner.read(get_policy, OPERATOR, tenant_id).base, file, tenant_id)
        if not as_json:
            typer.echo(f"Judging up to {last} decisions again ...", err=True)
        replayed = desk.runner.read(simulate, OPERATOR, tenant_id, document, last=last)
    counts = dict.fromkeys(("same", "changed", "held", "denied", "allowed"), 0)
    for one in replayed:
        counts[one.effect] += 1
    changed = [describe_replayed(one) for one in replayed if one.effect != "same"]
    columns = ("event", "effect", "before", "after", "why")
    rows = [
        (one["event_id"], one["effect"], one["lifetime_before"], one["lifetime_after"], one["why"])
        for one in changed
    ]
    lines = [", ".join(f"{count} {effect}" for effect, count in counts.items()), *table(columns, rows)]
    show({"counts": counts, "changed": changed}, lines, as_json=as_json)


@app.command("activate")
def activate(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A TOML file; or give --change.")
    ] = None,
    *,
    operator: Operator,
    change_id: Annotated[
        str | None, typer.Option("--change", metavar="CHANGE", help="A change that was proposed before.")
    ] = None,
    tenant: OfTenant = None,
    as_json: AsJson = False,
) -> None:
    """Put a file in force; what loosens is only proposed, until a second person approves it."""
    if (file is None) == (change_id is None):
        raise InvalidRequestError(FieldFault("FILE", "Give a file, or --change with a change's id."))
    tenant_id, actor = _subject(tenant), _act_as(operator)
    with open_desk() as desk:
        if file is not None:
            base = desk.runner.read(get_policy, actor, tenant_id).base
            document = _read_for(base, file, tenant_id)
            made = desk.runner.run(propose_change, actor, tenant_id, document, context=desk.context)
            if made.change.needs_approval:
                show_proposed(made, as_json=as_json)
                return
            change_id = made.change.change_id
        change = desk.runner.run(activate_change, actor, tenant_id, change_id or "", context=desk.context)
    show(describe_change(change), [f"Change {change.change_id} is in force."], as_json=as_json)


@app.command("approve")
def approve(
    change_id: ChangeId, *, operator: Operator, tenant: OfTenant = None, as_json: AsJson = False
) -> None:
    """Approve what loosens, as somebody else than its author; then it can be activated."""
    tenant_id, actor = _subject(tenant), _act_as(operator)
    with open_desk() as desk:
        change = desk.runner.run(approve_change, actor, tenant_id, change_id, context=desk.context)
    lines = [f"Change {change.change_id} is approved. Put it in force with: activate --change {change_id}"]
    show(describe_change(change), lines, as_json=as_json)


@app.command("withdraw")
def withdraw(
    change_id: ChangeId, *, operator: Operator, tenant: OfTenant = None, as_json: AsJson = False
) -> None:
    """Take a proposal back, or refuse another's; it can't be put in force any more."""
    tenant_id, actor = _subject(tenant), _act_as(operator)
    with open_desk() as desk:
        change = desk.runner.run(withdraw_change, actor, tenant_id, change_id, context=desk.context)
    show(describe_change(change), [f"Change {change.change_id} is withdrawn."], as_json=as_json)


@app.command("rollback")
def rollback(*, operator: Operator, tenant: OfTenant = None, as_json: AsJson = False) -> None:
    """Go back to the policy that was active before; only proposed, when that loosens."""
    tenant_id, actor = _subject(tenant), _act_as(operator)
    with open_desk() as desk:
        made = desk.runner.run(roll_back, actor, tenant_id, context=desk.context)
    if made.change.needs_approval:
        show_proposed(made, as_json=as_json)
        return
    lines = [*tell_differences(made.differences), f"Rolled back by change {made.change.change_id}."]
    show(describe_change(made.change), lines, as_json=as_json)


@app.command("explain")
def explain_(
    event_id: Annotated[str, typer.Argument(metavar="EVENT", help="The audit event of a decision.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Say why a recorded decision was taken, from the text of the policy of then."""
    with open_desk() as desk:
        told = desk.runner.read(explain, OPERATOR, event_id)
    decision = told.decision
    document = {
        "event_id": decision.event_id,
        "kind": decision.kind,
        "tenant_id": decision.tenant_id,
        "occurred_at": moment(decision.occurred_at),
        "policy_hash": told.policy_hash,
        "is_exact": told.is_exact,
        "outcome": told.verdict.outcome,
        "lifetime": told.verdict.lifetime,
        "findings": [describe_finding(one) for one in told.verdict.findings],
    }
    lines = [f"{decision.kind} of {document['occurred_at']}: {told.verdict.outcome}, by {told.policy_hash}"]
    if not told.is_exact:
        lines.append("The text of that policy is not kept: this is what the policy in force says.")
    rows = [(one.outcome, one.pointer, one.told) for one in told.verdict.findings]
    show(document, [*lines, *table(("outcome", "rule", "says"), rows)], as_json=as_json)


@app.command("reevaluate")
def reevaluate_(
    *,
    tenant: OneTenant,
    operator: Annotated[str | None, typer.Option("--as", metavar="OPERATOR", help="Your name.")] = None,
    revoke: Annotated[bool, typer.Option("--revoke", help="Revoke them now; needs --as.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the pending invitations that the policy in force would refuse now."""
    if revoke and operator is None:
        raise InvalidRequestError(FieldFault("--as", "Whoever revokes gives a name."))
    actor = OPERATOR if operator is None else _act_as(operator)
    with open_desk() as desk:
        found = desk.runner.run(
            reevaluate, actor, parse_tenant_id(tenant), revoke=revoke, context=desk.context
        )
    items = [
        {
            "invitation_id": one.invitation.invitation_id,
            "role": one.invitation.role,
            "is_revoked": one.is_revoked,
            "why": "; ".join(reason.told for reason in one.findings),
        }
        for one in found
    ]
    columns = ("invitation_id", "role", "is_revoked", "why")
    rows = [tuple(item[name] for name in columns) for item in items]
    show({"items": items}, table(("invitation", "role", "revoked", "why"), rows), as_json=as_json)


def _subject(tenant: str | None) -> str:
    return DEPLOYMENT if tenant is None else parse_tenant_id(tenant)


def _act_as(operator: str) -> HostKey:
    return HostKey(key_id=f"{OPERATOR.key_id}|{parse_principal_id(operator)}")


def _read(file: Path, *, base: str | None) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        told = f"the file can't be read ({type(error).__name__})"
        raise ConfigurationError(str(file), told, "Name a readable TOML file") from None
    except ValueError:
        raise InvalidRequestError(FieldFault(f"{file}:1", "Write it in UTF-8.")) from None
    return parse_policy_file(text, str(file), base=base)


def _read_for(base: str, file: Path, tenant_id: str) -> dict[str, Any]:
    return _read(file, base=None if tenant_id == DEPLOYMENT else base)
