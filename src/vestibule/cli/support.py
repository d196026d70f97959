# SPDX-License-Identifier: Apache-2.0
"""``vestibule support``: why an invitation does not work, without its address, message or link (AUD-05)."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from vestibule.actions.support.explain import explain_address, explain_invitation, explain_link
from vestibule.cli.arguments import parse_email, parse_tenant_id
from vestibule.cli.printing import AsJson, facts, moment, show, table
from vestibule.cli.running import OPERATOR, Desk, open_desk
from vestibule.core.envelope import parse_link_token
from vestibule.core.support import SupportCase
from vestibule.errors import ClaimRejectedError, FieldFault, InvalidRequestError

app = typer.Typer(help="Support: what became of an invitation, and why.", no_args_is_help=True)


# A group of one command would be that command.
@app.callback()
def _group() -> None: ...


@app.command("explain")
def explain(
    invitation_id: Annotated[
        str | None, typer.Argument(metavar="INVITATION", help="The invitation's id.")
    ] = None,
    *,
    email: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Instead: the invited address; needs --tenant.")
    ] = None,
    tenant_id: Annotated[
        str | None, typer.Option("--tenant", metavar="TENANT", help="Whose invitations to the address.")
    ] = None,
    from_stdin: Annotated[
        bool,
        typer.Option("--link-from-stdin", help="Instead: read the link itself; only its hash leaves here."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say why an invitation does not work. Reads only; the database role `support` is enough."""
    if [invitation_id is not None, email is not None, from_stdin].count(True) != 1:
        raise InvalidRequestError(
            FieldFault("INVITATION", "Give one: an id, --email with --tenant, or --link-from-stdin.")
        )
    if (email is None) != (tenant_id is None):
        raise InvalidRequestError(FieldFault("--tenant", "Give it with --email, and only then."))
    link = sys.stdin.readline() if from_stdin else None
    with open_desk() as desk:
        cases = _find(desk, invitation_id, email, tenant_id, link)
    lines = [line for case in cases for line in [*_lines(case), ""]] or ["No invitation to this address."]
    show({"items": [_describe(case) for case in cases]}, lines, as_json=as_json)


def _find(
    desk: Desk, invitation_id: str | None, email: str | None, tenant_id: str | None, link: str | None
) -> Sequence[SupportCase]:
    if link is not None:
        return [desk.runner.read(explain_link, OPERATOR, _hash_link(link, desk.settings.public_url))]
    if email is not None and tenant_id is not None:
        return desk.runner.read(explain_address, OPERATOR, parse_tenant_id(tenant_id), parse_email(email))
    return [desk.runner.read(explain_invitation, OPERATOR, str(invitation_id))]


def _hash_link(text: str, public_url: str) -> bytes:
    """Of a pasted link, or of its token alone. Whether a signature counts is not asked: nothing is let in."""
    try:
        return parse_link_token(text.strip().rpartition("/")[2], public_url).claim_token_hash
    except ClaimRejectedError:
        told = "This is no whole link: it was cut or mistyped. Have it copied whole, or resend."
        raise InvalidRequestError(FieldFault("--link-from-stdin", told)) from None


def _describe(case: SupportCase) -> dict[str, Any]:
    return {
        "invitation_id": case.invitation_id,
        "tenant_id": case.tenant_id,
        "role": case.role,
        "state": case.state.value,
        "generation": case.generation,
        "created_at": moment(case.created_at),
        "expires_at": moment(case.expires_at),
        "last_sent_at": moment(case.last_sent_at),
        "findings": case.explain(),
        "events": [
            {"kind": one.kind, "at": moment(one.occurred_at), "source": one.source, "reason": one.reason}
            for one in case.events
        ],
    }


def _lines(case: SupportCase) -> list[str]:
    shown = _describe(case)
    head = facts((name, value) for name, value in shown.items() if not isinstance(value, list))
    rows = [(one["at"], one["kind"], one["reason"]) for one in shown["events"]]
    return [*head, *(f"- {line}" for line in shown["findings"]), *table(("when", "what", "why"), rows)]
