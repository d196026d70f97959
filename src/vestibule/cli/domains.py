# SPDX-License-Identifier: Apache-2.0
"""``vestibule domain``: add, list, check, set, remove."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from vestibule.actions.domains.check_domain import begin_check, finish_check
from vestibule.actions.domains.put_domain import put_domain, remove_domain
from vestibule.actions.domains.review_domains import list_domains
from vestibule.bootstrap import make_names
from vestibule.cli.arguments import parse_tenant_id
from vestibule.cli.printing import AsJson, facts, moment, show, table
from vestibule.cli.running import OPERATOR, Desk, open_desk
from vestibule.core.domain import DomainDraft, DomainFinding, DomainView, Rung, read_domain
from vestibule.core.paging import LIMIT_DEFAULT, LIMIT_MAX, parse_page_request
from vestibule.errors import VestibuleError

app = typer.Typer(help="Domains of a tenant: their proof by DNS, and what they open.", no_args_is_help=True)
TenantId = Annotated[str, typer.Argument(metavar="TENANT", help="The tenant's id.")]
Domain = Annotated[str, typer.Argument(metavar="DOMAIN", help="A whole domain, such as example.com.")]
PageSize = Annotated[int, typer.Option("--limit", min=1, max=LIMIT_MAX, help="How many.")]
Cursor = Annotated[str | None, typer.Option(metavar="CURSOR", help="next_cursor of the page before.")]
WantedRole = Annotated[
    str | None, typer.Option("--role", metavar="ROLE", help="The role that the rule gives; without: member.")
]


@app.command("add")
def add(tenant_id: TenantId, domain: Domain, *, role: WantedRole = None, as_json: AsJson = False) -> None:
    """Name a domain, and print the DNS record that proves it."""
    with open_desk() as desk:
        view = _put(desk, tenant_id, domain, DomainDraft(role=role))
    show(describe_domain(view), [*_tell(view), "", *_tell_record(view)], as_json=as_json)


@app.command("list")
def list_(
    tenant_id: TenantId, *, limit: PageSize = LIMIT_DEFAULT, cursor: Cursor = None, as_json: AsJson = False
) -> None:
    """List a tenant's domains, the oldest first, and what was last found of each."""
    wanted = parse_tenant_id(tenant_id)
    request = parse_page_request(f"domains:{wanted}", limit, cursor)
    with open_desk() as desk:
        page = desk.runner.read(list_domains, OPERATOR, wanted, request)
    shown = [describe_domain(view) for view in page.items]
    columns = ("domain", "rung", "rung_in_force", "role", "finding", "proof_expires_at")
    rows = [[one[column] for column in columns] for one in shown]
    lines = table(("domain", "rung", "in force", "role", "last found", "proved until"), rows)
    if page.next_cursor:
        lines.append(f"More: --cursor {page.next_cursor}")
    show({"items": shown, "next_cursor": page.next_cursor}, lines, as_json=as_json)


@app.command("check")
def check(tenant_id: TenantId, domain: Domain, *, as_json: AsJson = False) -> None:
    """Look for the record now. Exit status 1 when it is not found."""
    with open_desk() as desk:
        names = make_names(desk.settings)
        wanted = read_domain(domain, "DOMAIN")
        begun = desk.runner.run(
            begin_check,
            OPERATOR,
            parse_tenant_id(tenant_id),
            wanted,
            names=names,
            limits=desk.settings.limits,
        )
        answer = asyncio.run(names.look_up(begun.record_name))
        view = desk.runner.run(finish_check, OPERATOR, begun, answer, context=desk.context)
    is_found = view.domain.finding is DomainFinding.PROVED
    told = [*_tell(view), *([] if is_found else ["", *_tell_record(view)])]
    show(describe_domain(view), told, as_json=as_json)
    if not is_found:
        raise typer.Exit(1)


@app.command("set")
def set_rung(
    tenant_id: TenantId,
    domain: Domain,
    *,
    rung: Annotated[Rung | None, typer.Option(help="What an address there may expect.")] = None,
    role: WantedRole = None,
    as_json: AsJson = False,
) -> None:
    """Set the rung of a domain, or the role that its rule gives. From suggest upwards it must be proved."""
    with open_desk() as desk:
        view = _put(desk, tenant_id, domain, DomainDraft(rung=rung, role=role))
    show(describe_domain(view), _tell(view), as_json=as_json)


@app.command("remove")
def remove(
    tenant_id: TenantId,
    domain: Domain,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Forget a domain and its proof; what its rule had promised is revoked."""
    wanted = read_domain(domain, "DOMAIN")
    if not yes and not typer.confirm(f"Remove the domain {wanted} and its proof?", err=True):
        raise VestibuleError("Nothing was removed.")
    with open_desk() as desk:
        desk.runner.run(remove_domain, OPERATOR, parse_tenant_id(tenant_id), wanted, context=desk.context)
    show({"domain": wanted, "state": "removed"}, [f"Domain {wanted} is removed."], as_json=as_json)


def describe_domain(view: DomainView) -> dict[str, Any]:
    """The same members as in the API."""
    domain = view.domain
    return {
        "tenant_id": domain.tenant_id,
        "domain": domain.domain,
        "rung": domain.rung.value,
        "rung_in_force": view.rung_in_force.value,
        "role": domain.role,
        "record": {"type": "TXT", "name": domain.record_name, "value": domain.record_value},
        "created_at": moment(domain.created_at),
        "proved_at": moment(domain.proved_at),
        "proof_expires_at": moment(domain.proof_expires_at),
        "checked_at": moment(domain.checked_at),
        "finding": domain.finding and domain.finding.value,
    }


def _put(desk: Desk, tenant_id: str, domain: str, draft: DomainDraft) -> DomainView:
    view, _ = desk.runner.run(
        put_domain,
        OPERATOR,
        parse_tenant_id(tenant_id),
        read_domain(domain, "DOMAIN"),
        draft,
        names=make_names(desk.settings),
        context=desk.context,
    )
    return view


def _tell(view: DomainView) -> list[str]:
    domain = view.domain
    return facts(
        [
            ("domain", domain.domain),
            ("rung", domain.rung.value),
            ("in force", view.rung_in_force.value),
            ("role", domain.role),
            ("last found", domain.finding and domain.finding.value),
            ("proved until", moment(domain.proof_expires_at)),
        ]
    )


def _tell_record(view: DomainView) -> list[str]:
    """As it stands in a zone file."""
    domain = view.domain
    return [
        "Publish this record, then run `vestibule domain check`:",
        f'{domain.record_name}. 3600 IN TXT "{domain.record_value}"',
    ]
