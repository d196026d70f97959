# SPDX-License-Identifier: Apache-2.0
"""The life of a policy: propose, approve, activate, withdraw, roll back (TEN-02).

All take a ``tenant_id``; empty, it is the deployment's own policy. What tightens may become active at once;
what loosens (``core.policy.compare`` computes it) waits for a second person. A host's ``put_tenant`` is the
host's own word and stands beside this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from vestibule.core import policy_authority
from vestibule.core.approval import Approver
from vestibule.core.event import PolicyActivated, PolicyApproved, PolicyProposed, PolicyWithdrawn
from vestibule.core.identity import KEY_NAMES, Actor, HostKey, RequestContext, actor_id
from vestibule.core.policy import OWNER, dump_policy, load_policy, parse_base, parse_own
from vestibule.core.policy.change import (
    DEPLOYMENT,
    PolicyChange,
    PolicyInForce,
    compare_in_force,
)
from vestibule.core.policy.compare import Difference, is_loosening
from vestibule.core.privacy import check_storage
from vestibule.core.token import mint_id
from vestibule.errors import (
    FieldFault,
    InvalidRequestError,
    NotFoundError,
    NotPermittedError,
    PolicyNotApprovedError,
    PolicyStaleError,
)
from vestibule.ports import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedChange:
    """A recorded change, and everything that it would change or has changed."""

    change: PolicyChange
    differences: tuple[Difference, ...]


def propose_change(
    uow: UnitOfWork, actor: Actor, tenant_id: str, document: Mapping[str, Any], *, context: RequestContext
) -> ProposedChange:
    """The document is kept as a change that can be approved and activated; nothing is in force yet.

    Raises:
        NotFoundError, NotPermittedError: not the actor's to change.
        InvalidRequestError: the document names something unknown or impossible.
    """
    current = _lock(uow, actor, tenant_id)
    own = parse_base(document) if tenant_id == DEPLOYMENT else parse_own(current.base, document)
    proposed = _propose(uow, actor, current, own, context)
    uow.commit()
    return proposed


def approve_change(
    uow: UnitOfWork, actor: Actor, tenant_id: str, change_id: str, *, context: RequestContext
) -> PolicyChange:
    """A second person has agreed: a loosening may become active.

    Raises:
        NotFoundError, NotPermittedError: not the actor's to approve, or its own change by whichever account.
        PolicyStaleError: it was settled already, compared with a policy that is no longer in force, or its
            author has left.
    """
    current = _lock(uow, actor, tenant_id)
    change = _get_open(uow, current, change_id)
    people = _read_people(uow, actor, change)
    policy_authority.check_second_person(actor, change, current.policy, people, uow.now())
    if not uow.policies.set_approved(change_id, actor_id(actor)):
        raise PolicyStaleError
    uow.audit.append(PolicyApproved(tenant_id=tenant_id, change_id=change_id), actor=actor, context=context)
    _remember(uow, actor)
    uow.commit()
    return replace(change, approver_id=actor_id(actor), approved_at=uow.now())


def activate_change(
    uow: UnitOfWork, actor: Actor, tenant_id: str, change_id: str, *, context: RequestContext
) -> PolicyChange:
    """The change is in force, and what was before is superseded.

    Raises:
        NotFoundError, NotPermittedError: not the actor's to change.
        PolicyStaleError: it was settled already, or compared with a policy that is no longer in force.
        PolicyNotApprovedError: it loosens, and nobody else has approved it.
        InvalidRequestError: it requires a connection that has become another tenant's.
    """
    current = _lock(uow, actor, tenant_id)
    change = _get_open(uow, current, change_id)
    own = _get_document(uow, change)
    _check_place(uow, actor, current.after(own))
    # Computed again: for the deployment, tenants may have come in the meantime.
    differences = _compare(uow, current, own)
    change = replace(change, is_loosening=is_loosening(differences))
    activated = _activate(uow, actor, current, change, own, context, is_rollback=False)
    uow.commit()
    return activated


def withdraw_change(
    uow: UnitOfWork, actor: Actor, tenant_id: str, change_id: str, *, context: RequestContext
) -> PolicyChange:
    """The change can't be in force any more: its author takes it back, or another owner says no.

    Raises:
        NotFoundError, NotPermittedError: not the actor's to change.
        PolicyStaleError: it was settled already.
    """
    current = _lock(uow, actor, tenant_id)
    change = uow.policies.find_change(current.tenant_id, change_id)
    if change is None:
        raise NotFoundError
    if not uow.policies.set_withdrawn(change_id):
        raise PolicyStaleError
    uow.audit.append(PolicyWithdrawn(tenant_id=tenant_id, change_id=change_id), actor=actor, context=context)
    uow.commit()
    return replace(change, closed_at=uow.now())


def roll_back(uow: UnitOfWork, actor: Actor, tenant_id: str, *, context: RequestContext) -> ProposedChange:
    """The policy that was active before is in force again, or proposed when that loosens.

    Raises:
        NotFoundError, NotPermittedError: not the actor's to change, or there was none before.
        InvalidRequestError: it requires a connection that has become another tenant's.
    """
    current = _lock(uow, actor, tenant_id)
    previous = uow.policies.find_previous(tenant_id)
    if previous is None:
        raise NotFoundError("There was no policy before this one.")
    own = _get_document(uow, previous)
    proposed = _propose(uow, actor, current, own, context)
    if not proposed.change.needs_approval:
        activated = _activate(uow, actor, current, proposed.change, own, context, is_rollback=True)
        proposed = replace(proposed, change=activated)
    uow.commit()
    return proposed


def _lock(uow: UnitOfWork, actor: Actor, tenant_id: str) -> PolicyInForce:
    # Who does not belong here must not even wait for who does. The clock is read after the lock, so that the
    # trail is in the order in which things came into force.
    if tenant_id != DEPLOYMENT and not isinstance(actor, HostKey):
        standing = uow.members.find(tenant_id, actor.principal_id)
        tenant = uow.tenants.find(tenant_id)
        if tenant is None or standing is None:
            raise NotFoundError
        if standing.role != OWNER:
            raise NotPermittedError
    current = uow.policies.find_in_force(tenant_id, lock=True)
    _check(uow, actor, tenant_id)
    if current is None:
        raise NotFoundError
    return current


def _check(uow: UnitOfWork, actor: Actor, tenant_id: str) -> None:
    tenant = uow.tenants.find(tenant_id) if tenant_id != DEPLOYMENT else None
    is_member = tenant is not None and not isinstance(actor, HostKey)
    standing = uow.members.find(tenant_id, actor_id(actor)) if is_member else None
    policy_authority.check_may_change(actor, tenant_id, tenant, standing, uow.now())


def _check_place(uow: UnitOfWork, actor: Actor, after: PolicyInForce) -> None:
    """What it asks for exists in this deployment."""
    check_storage(after.policy, is_sealed=uow.people.is_sealed())
    # A host's assertions may name connections of its own, so an id that nobody has is no mistake.
    required = after.policy.require_connection
    if required is None or isinstance(actor, HostKey):
        return
    found = uow.connections.find(required)
    if found is not None and found.tenant_id not in ("", after.tenant_id):
        told = "No connection of this tenant or of the deployment has this id."
        raise InvalidRequestError(FieldFault("/policy/require_connection", told))


def _read_people(uow: UnitOfWork, actor: Actor, change: PolicyChange) -> tuple[Approver, Approver] | None:
    if isinstance(actor, HostKey) or change.author_id.startswith(KEY_NAMES):
        return None
    author = uow.members.find(change.tenant_id, change.author_id)
    approver = uow.members.find(change.tenant_id, actor.principal_id)
    if author is None or approver is None:
        # Who proposed it is gone, and with it what was known of that person: somebody else proposes it again.
        raise PolicyStaleError
    shown = [one.address.key for one in actor.addresses]
    return uow.approvals.read_approver(author), uow.approvals.read_approver(approver, shown)


def _remember(uow: UnitOfWork, actor: Actor) -> None:
    # Whose two accounts are one person's is told by the addresses that both have shown.
    if not isinstance(actor, HostKey):
        uow.principals.remember(actor)


def _get_open(uow: UnitOfWork, current: PolicyInForce, change_id: str) -> PolicyChange:
    change = uow.policies.find_change(current.tenant_id, change_id)
    if change is None:
        raise NotFoundError
    if change.state not in ("proposed", "approved") or change.base_hash != current.policy_hash:
        raise PolicyStaleError
    return change


def _get_document(uow: UnitOfWork, change: PolicyChange) -> str:
    document = uow.policies.find_document(change.document_hash)
    if document is None:
        raise NotFoundError
    return document


def _compare(uow: UnitOfWork, current: PolicyInForce, own: str) -> tuple[Difference, ...]:
    tenants = uow.policies.list_own_documents() if current.tenant_id == DEPLOYMENT else ()
    return compare_in_force(current, current.after(own), tenants)


def _propose(
    uow: UnitOfWork, actor: Actor, current: PolicyInForce, own: str, context: RequestContext
) -> ProposedChange:
    _check_place(uow, actor, current.after(own))
    _remember(uow, actor)
    differences = _compare(uow, current, own)
    change = PolicyChange(
        change_id=mint_id(),
        tenant_id=current.tenant_id,
        document_hash=uow.policies.keep_document(own),
        base_hash=current.policy_hash,
        is_loosening=is_loosening(differences),
        author_id=actor_id(actor),
        created_at=uow.now(),
    )
    uow.policies.add_change(change)
    event = PolicyProposed(
        tenant_id=change.tenant_id,
        change_id=change.change_id,
        policy_hash=current.after(own).policy_hash,
        previous_hash=current.policy_hash,
        is_loosening=change.is_loosening,
    )
    uow.audit.append(event, actor=actor, context=context)
    return ProposedChange(change=change, differences=differences)


def _activate(
    uow: UnitOfWork,
    actor: Actor,
    current: PolicyInForce,
    change: PolicyChange,
    own: str,
    context: RequestContext,
    *,
    is_rollback: bool,
) -> PolicyChange:
    if change.needs_approval:
        raise PolicyNotApprovedError
    after = current.after(own)
    if not uow.policies.has_active(current.tenant_id):
        _record_present(uow, actor, current)
    if not uow.policies.set_activated(change.tenant_id, change.change_id):
        raise PolicyStaleError
    _put(uow, after)
    event = PolicyActivated(
        tenant_id=change.tenant_id,
        change_id=change.change_id,
        policy_version=after.version,
        policy_hash=after.policy_hash,
        previous_hash=current.policy_hash,
        is_loosening=change.is_loosening,
        is_rollback=is_rollback,
    )
    uow.audit.append(event, actor=actor, context=context)
    return replace(change, activated_at=uow.now())


def _record_present(uow: UnitOfWork, actor: Actor, current: PolicyInForce) -> None:
    # What was never changed came by no change; a rollback leads to it all the same.
    present = PolicyChange(
        change_id=mint_id(),
        tenant_id=current.tenant_id,
        document_hash=uow.policies.keep_document(current.own),
        base_hash=current.policy_hash,
        is_loosening=False,
        author_id=actor_id(actor),
        created_at=uow.now(),
        activated_at=uow.now(),
        closed_at=uow.now(),
    )
    uow.policies.add_change(present)


def _put(uow: UnitOfWork, after: PolicyInForce) -> None:
    uow.policies.keep_document(dump_policy(after.policy))
    if after.tenant_id == DEPLOYMENT:
        uow.policies.put_base(after)
        for own in uow.policies.list_own_documents():
            uow.policies.keep_document(dump_policy(load_policy(after.own, own)))
        return
    tenant = uow.tenants.find(after.tenant_id)
    if tenant is None:
        raise NotFoundError
    uow.tenants.put(
        after.tenant_id,
        name=tenant.name,
        own_policy=after.own,
        policy=after.policy,
        policy_version=after.version,
    )
