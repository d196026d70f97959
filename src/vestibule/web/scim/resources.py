# SPDX-License-Identifier: Apache-2.0
"""From a directory's documents to what we keep, and back. What it says beyond the standard's attributes is
refused, never ignored: an answer of 200 to something misspelt would be a hole that nobody sees.

``active`` that is not said leaves the state as it was; a new user of whom nothing is said is active.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, TypeVar

from scim2_models import (
    AuthenticationScheme,
    Bulk,
    CaseExact,
    ChangePassword,
    ComplexAttribute,
    Context,
    ETag,
    Extension,
    Filter,
    Meta,
    Patch,
    PatchOp,
    Resource,
    ResourceType,
    ScimPolicy,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
    User,
)
from scim2_models import Group as StandardGroup
from scim2_models.urn import URN

from vestibule.core.directory import (
    EXTERNAL_ID_MAX,
    GROUP_NAME_MAX,
    PAGE_MAX,
    USER_NAME_MAX,
    DirectoryDraft,
    DirectoryGroup,
    DirectoryUser,
    GroupDraft,
    fold_user_name,
    read_addresses,
)
from vestibule.errors import FieldFault, InvalidRequestError
from vestibule.web.scim import bounds

_ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
# Entra names whom to remove in the value, and replaces an address of a kind that is not there yet.
POLICY = ScimPolicy(
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)


class Manager(ComplexAttribute):
    """Whom the user reports to; directories send the id alone, so a reference is not asked for."""

    value: Annotated[str | None, CaseExact.true] = None
    display_name: str | None = None


class Enterprise(Extension):
    """The enterprise extension (RFC 7643 4.3): kept because it is sent, used for nothing."""

    __schema__ = URN(_ENTERPRISE)

    employee_number: str | None = None
    cost_center: str | None = None
    organization: str | None = None
    division: str | None = None
    department: str | None = None
    manager: Manager | None = None


Person = User[Enterprise]
Group = StandardGroup
AnyResource = TypeVar("AnyResource", bound=Resource[Any])

CONFIG = ServiceProviderConfig(
    patch=Patch(supported=True),
    filter=Filter(supported=True, max_results=PAGE_MAX),
    bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
    change_password=ChangePassword(supported=False),
    sort=Sort(supported=False),
    etag=ETag(supported=False),
    authentication_schemes=[
        AuthenticationScheme(
            type=AuthenticationScheme.Type.oauthbearertoken,
            name="API key",
            description="A key with the scope directory, bound to one tenant, as a bearer token.",
            primary=True,
        )
    ],
)
PROVIDER = ScimProvider(
    models=[User, Enterprise, Group],
    resource_types=[ResourceType.from_resource(Person), ResourceType.from_resource(Group)],
    config=CONFIG,
    policy=POLICY,
)


def make_person(body: dict[str, Any]) -> DirectoryDraft:
    """The draft behind a POST."""
    bounds.check_said(body, bounds.USER_BOUNDS)
    person = Person.model_validate(body, scim_ctx=Context.RESOURCE_CREATION_REQUEST, scim_policy=POLICY)
    return _draft_person(person, was_active=True)


def replace_person(kept: DirectoryUser, body: dict[str, Any]) -> DirectoryDraft:
    """The draft behind a PUT."""
    bounds.check_said(body, bounds.USER_BOUNDS)
    person = Person.model_validate(body, scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST, scim_policy=POLICY)
    return _draft_person(person, was_active=kept.is_active)


def patch_person(kept: DirectoryUser, body: dict[str, Any]) -> DirectoryDraft:
    """The draft behind a PATCH."""
    bounds.check_operations(body, json.loads(kept.document), bounds.USER_BOUNDS)
    return _draft_person(_patch(Person, kept.document, body), was_active=kept.is_active)


def make_group(body: dict[str, Any]) -> GroupDraft:
    """The draft behind a POST."""
    bounds.check_said(body, bounds.GROUP_BOUNDS)
    return _draft_group(
        Group.model_validate(body, scim_ctx=Context.RESOURCE_CREATION_REQUEST, scim_policy=POLICY)
    )


def replace_group(body: dict[str, Any]) -> GroupDraft:
    """The draft behind a PUT."""
    bounds.check_said(body, bounds.GROUP_BOUNDS)
    return _draft_group(
        Group.model_validate(body, scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST, scim_policy=POLICY)
    )


def patch_group(kept: DirectoryGroup, body: dict[str, Any]) -> GroupDraft:
    """The draft behind a PATCH."""
    bounds.check_operations(body, json.loads(kept.document), bounds.GROUP_BOUNDS)
    return _draft_group(_patch(Group, kept.document, body))


def show_person(kept: DirectoryUser, base_url: str) -> Resource[Any]:
    """What is kept, as SCIM shows it."""
    person = Person.model_validate_json(kept.document)
    person.id = kept.user_id
    person.meta = Meta(
        resource_type="User",
        created=kept.created_at,
        last_modified=kept.changed_at,
        location=f"{base_url}/Users/{kept.user_id}",
    )
    return person


def show_group(kept: DirectoryGroup, base_url: str) -> Resource[Any]:
    """What is kept, as SCIM shows it."""
    group = Group.model_validate_json(kept.document)
    group.id = kept.group_id
    group.meta = Meta(
        resource_type="Group",
        created=kept.created_at,
        last_modified=kept.changed_at,
        location=f"{base_url}/Groups/{kept.group_id}",
    )
    return group


def _patch(model: type[AnyResource], document: str, body: dict[str, Any]) -> AnyResource:
    resource = model.model_validate_json(document)
    patch_class: Any = PatchOp.__class_getitem__(model)
    patch = patch_class.model_validate(
        _straighten(body), scim_ctx=Context.RESOURCE_PATCH_REQUEST, scim_policy=POLICY
    )
    patch.patch(resource, scim_policy=POLICY)
    return resource


def _straighten(body: dict[str, Any]) -> dict[str, Any]:
    """Entra sends a manager's id where an object belongs."""
    operations = body.get("Operations")
    if not isinstance(operations, list):
        return body
    return {**body, "Operations": [_straighten_one(one) for one in operations]}


def _straighten_one(operation: Any) -> Any:
    if not isinstance(operation, dict) or not isinstance(operation.get("value"), str):
        return operation
    path = operation.get("path")
    if isinstance(path, str) and path.casefold() == f"{_ENTERPRISE}:manager".casefold():
        return {**operation, "value": {"value": operation["value"]}}
    return operation


def _draft_person(person: Any, *, was_active: bool) -> DirectoryDraft:
    # Nobody signs in with it here; what is not kept can't be stolen.
    person.password = None
    user_name, external_id = person.user_name, person.external_id
    if not user_name or len(fold_user_name(user_name)) > USER_NAME_MAX or len(user_name) > USER_NAME_MAX:
        raise InvalidRequestError(
            FieldFault("/userName", f"Give a userName of 1 to {USER_NAME_MAX} characters.")
        )
    document = _dump(person, bounds.USER_BOUNDS)
    return DirectoryDraft(
        user_name=user_name,
        external_id=_check_external_id(external_id),
        is_active=was_active if person.active is None else person.active,
        addresses=read_addresses(json.loads(document)),
        document=document,
    )


def _draft_group(group: Any) -> GroupDraft:
    if not group.display_name or len(group.display_name) > GROUP_NAME_MAX:
        raise InvalidRequestError(
            FieldFault("/displayName", f"Give a displayName of 1 to {GROUP_NAME_MAX} characters.")
        )
    return GroupDraft(
        group_name=group.display_name,
        external_id=_check_external_id(group.external_id),
        document=_dump(group, bounds.GROUP_BOUNDS),
    )


def _check_external_id(external_id: str | None) -> str | None:
    if external_id is not None and len(external_id) > EXTERNAL_ID_MAX:
        raise InvalidRequestError(
            FieldFault("/externalId", f"Give an externalId of at most {EXTERNAL_ID_MAX} characters.")
        )
    return external_id or None


def _dump(resource: Any, within: bounds.Bounds) -> str:
    resource.id = resource.meta = None
    document: str = resource.model_dump_json(scim_ctx=Context.DEFAULT)
    bounds.check_kept(json.loads(document), document, within)
    return document
