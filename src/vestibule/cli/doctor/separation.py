# SPDX-License-Identifier: Apache-2.0
"""Checks of a separated deployment: the database role's rights, and the keys that a process has (OBS-06)."""

from __future__ import annotations

from collections.abc import Iterator

from vestibule.cli.doctor.finding import Finding, failure, fine, warning
from vestibule.cli.upkeep import look_at_rights
from vestibule.core.process import ProcessRole
from vestibule.errors import ConfigurationError
from vestibule.settings import Settings
from vestibule.storage.rights import DATABASE_ROLES, RightsGap, Standing

_ALL, _ADMIN = ProcessRole.ALL, ProcessRole.ADMIN
# Who has a use for a secret; a process that has none for it should not hold it.
USERS_OF = {
    "platform_key": frozenset({_ALL, ProcessRole.ISSUE, _ADMIN}),
    "smtp_url": frozenset({_ALL, ProcessRole.WORKER}),
}
_SUPERUSER = warning(
    "role",
    "the database role is a superuser",
    "Use a role without it: a superuser can switch the triggers off",
)
_REGRANT = "Run what `vestibule db grants` prints as the database's administrator"


def find_role(settings: Settings, asked: ProcessRole | None) -> ProcessRole:
    """The role that was asked for, or the one of these that the database role belongs to, or ``all``."""
    if asked is not None:
        return asked
    try:
        found = look_at_rights(settings)
    except ConfigurationError:
        # Its own check says so.
        return _ALL
    return next(iter(found.roles)) if found is not None and len(found.roles) == 1 else _ALL


def check_secrets_held(settings: Settings, role: ProcessRole) -> Iterator[Finding]:
    """Secrets that this process could do without."""
    idle = [name.upper() for name, users in USERS_OF.items() if role not in users and getattr(settings, name)]
    if idle:
        told = f"the role {role.value} has no use for {', '.join(idle)}"
        yield warning("secrets", told, "Leave them out of this process's environment")
    elif role is not _ALL:
        yield fine("secrets", f"none that the role {role.value} has no use for")


def check_rights(settings: Settings, role: ProcessRole) -> Iterator[Finding]:
    """What the database role may do, against what *role* needs. PostgreSQL only."""
    standing = look_at_rights(settings)
    if standing is None:
        if role is not _ALL:
            yield warning(
                "rights", "SQLite has no roles: this file's owner may do everything", "Use PostgreSQL"
            )
        return
    yield _check_owner(standing) if role is ProcessRole.MIGRATE else _check_standing(standing, role)
    if role not in (_ALL, ProcessRole.MIGRATE) and not (standing.is_superuser or standing.is_owner):
        gap = standing.compare(role)
        yield from _check_gap(gap, role)


def _check_owner(standing: Standing) -> Finding:
    if standing.is_superuser:
        return _SUPERUSER
    if standing.is_owner and standing.can_create:
        return fine("role", f"owns the tables, as {DATABASE_ROLES[ProcessRole.MIGRATE]} does")
    return failure("role", "the database role does not own the tables", _REGRANT)


def _check_standing(standing: Standing, role: ProcessRole) -> Finding:
    if standing.is_superuser:
        return _SUPERUSER
    if standing.is_owner:
        remedy = "Use a role that `vestibule db grants` makes: an owner can switch the triggers off"
        return warning("role", "the database role owns the tables", remedy)
    if role is _ALL:
        return fine("role", "neither superuser nor owner of the tables")
    if role not in standing.roles:
        told = f"the database role does not belong to {DATABASE_ROLES[role]}"
        return failure("role", told, f"GRANT {DATABASE_ROLES[role]} to the role in VESTIBULE_DATABASE_URL")
    return fine("role", f"belongs to {DATABASE_ROLES[role]}")


def _check_gap(gap: RightsGap, role: ProcessRole) -> Iterator[Finding]:
    if gap.missing:
        yield failure("rights", f"the role {role.value} lacks: {'; '.join(gap.missing)}", _REGRANT)
    if gap.excess:
        told = f"the role {role.value} may do more than its part: {'; '.join(gap.excess)}"
        remedy = f"{_REGRANT}; then take its other memberships and direct grants away"
        yield failure("rights beyond", told, remedy)
    if not gap.missing and not gap.excess:
        yield fine("rights", f"what the role {role.value} needs, and no more")
