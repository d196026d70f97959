# SPDX-License-Identifier: Apache-2.0
"""Imports point downwards only. The one definition of the layers that a machine reads."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

import pytest

from tests.architecture.sources import Finding, Source, imports_of, package_files, unexcused

_GROUND = {"core", "errors"}
_MIDDLE = {"ports", "log", *_GROUND}
_UPPER = {
    "auditing",
    "witness",
    "web",
    "metrics",
    "delivery",
    "identity",
    "keys",
    "storage",
    "actions",
    *_MIDDLE,
}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "core": {"errors"},
    "log": _GROUND,
    "metrics": set(),
    "settings": {"log", *_GROUND},
    "ports": _GROUND,
    "actions": _MIDDLE,
    "storage": _MIDDLE,
    "keys": {"metrics", *_MIDDLE},
    "identity": _MIDDLE,
    "delivery": {"actions", "metrics", *_MIDDLE},
    "auditing": _GROUND,
    "witness": {"auditing", *_GROUND},
    "web": {"actions", "metrics", *_MIDDLE},
    "keyring": {"settings", *_UPPER},
    "sealing": {"settings", *_UPPER},
    "bootstrap": {"keyring", "sealing", "settings", *_UPPER},
    "embedding": {"delivery", "storage", "actions", *_MIDDLE},
    "integrations": {"bootstrap", "embedding", *_UPPER},
    "cli": {"bootstrap", "keyring", "settings", *_UPPER},
    "testing": {"bootstrap", "embedding", *_UPPER},
    "__main__": {"cli"},
}
ONLY_IN: dict[str, set[str]] = {
    "alembic": {"storage", "bootstrap"},
    "fastapi": {"web", "integrations"},
    "defusedcsv": {"web"},
    "icalendar": {"web"},
    "scim2_models": {"web"},
    "psycopg": {"storage", "bootstrap"},
    "sqlalchemy": {"storage", "bootstrap", "embedding", "integrations"},
    "sqlite3": {"storage", "bootstrap", "witness"},
    "starlette": {"web", "integrations"},
}
# No action itself: the one function behind every pending grant (docs/adr/0008).
PROMISING = "actions.invitations.promising.promise"
CORE_MAY_USE = {"idna", "vestibule", *sys.stdlib_module_names}


def broken_layers(sources: Iterable[Source]) -> Iterator[Finding]:
    for source in sources:
        for line, name in imports_of(source):
            top, _, inner = name.partition(".")
            if top == "vestibule":
                yield from _inner_import(source, line, inner)
            elif source.layer and source.layer not in ONLY_IN.get(top, {source.layer}):
                yield Finding("layers", source.where, line, f"{top} is not for {source.layer}")
            elif source.layer == "core" and top not in CORE_MAY_USE:
                yield Finding(
                    "layers", source.where, line, f"core uses the standard library and idna, not {top}"
                )


def _inner_import(source: Source, line: int, inner: str) -> Iterator[Finding]:
    target = inner.partition(".")[0]
    if not source.layer or (target == source.layer and target != "actions"):
        return
    if target != source.layer and target not in MAY_IMPORT.get(source.layer, set()):
        yield Finding("layers", source.where, line, f"{source.layer} may not import {target or 'vestibule'}")
    elif source.layer == target == "actions" and inner != PROMISING and not _is_itself(source, inner):
        yield Finding("layers", source.where, line, f"an action may not import another: {inner}")


def _is_itself(source: Source, inner: str) -> bool:
    return source.where.endswith("/__init__.py") or inner.startswith(source.module + ".")


def test_imports_point_downwards_only() -> None:
    sources = list(package_files())
    assert unexcused(broken_layers(sources), sources) == []


def test_every_module_of_the_package_belongs_to_a_layer() -> None:
    strangers = {source.layer for source in package_files()} - set(MAY_IMPORT) - {"", "py.typed"}
    assert strangers == set()


@pytest.mark.parametrize(
    "where,statement",
    [
        ("core/binding.py", "import sqlalchemy"),
        ("core/binding.py", "import pydantic"),
        ("core/binding.py", "from vestibule.ports import Clock"),
        ("core/binding.py", "from vestibule import log"),
        ("core/binding.py", "from .. import ports"),
        ("errors.py", "from vestibule.core.email import EmailAddress"),
        ("ports.py", "from vestibule.actions import accept"),
        ("actions/invitations/accept.py", "from vestibule.actions.invitations.issue import issue"),
        ("actions/invitations/accept.py", "from . import issue"),
        ("actions/invitations/accept.py", "from vestibule.storage import schema"),
        ("actions/accept.py", "import starlette.requests"),
        ("storage/schema.py", "from vestibule.actions import accept"),
        ("storage/schema.py", "from vestibule.delivery import worker"),
        ("web/api.py", "def f():\n    from vestibule.storage.schema import metadata"),
        ("web/api.py", "from sqlalchemy import select"),
        ("web/api.py", "from vestibule.settings import Settings"),
        ("web/api.py", "from vestibule.bootstrap import build"),
        ("web/api.py", "import vestibule.cli"),
        ("delivery/worker.py", "from fastapi import FastAPI"),
        ("embedding/facade.py", "from vestibule.bootstrap import build"),
        ("embedding/facade.py", "from vestibule.web import problems"),
        ("embedding/facade.py", "def f():\n    import alembic"),
        ("storage/schema.py", "from vestibule.embedding import Vestibule"),
        ("integrations/flask.py", "from vestibule.settings import Settings"),
        ("testing.py", "from vestibule.cli import main"),
    ],
)
def test_the_rule_finds_what_points_up_or_sideways(where: str, statement: str) -> None:
    assert len(list(broken_layers([Source(f"src/vestibule/{where}", statement)]))) == 1


@pytest.mark.parametrize(
    "where,statement",
    [
        ("__init__.py", "from vestibule.actions.accept import accept"),
        ("core/binding.py", "import idna, json\nfrom vestibule.core.email import EmailAddress"),
        ("ports.py", "from vestibule.core.event import AuditEvent"),
        ("actions/accept.py", "from vestibule.ports import UnitOfWork"),
        ("actions/__init__.py", "from vestibule.actions.accept import accept"),
        (
            "storage/schema.py",
            "import sqlalchemy\nfrom vestibule.storage.dialect import x\nfrom .dialect import y",
        ),
        ("web/api.py", "from starlette.routing import Route\nfrom vestibule.actions.accept import accept"),
        ("bootstrap.py", "from vestibule.settings import Settings\nfrom vestibule.storage import schema"),
        (
            "embedding/facade.py",
            "import sqlalchemy\nfrom vestibule.actions.x import x\nfrom vestibule.storage import y",
        ),
        ("cli/serve.py", "from vestibule import bootstrap\nfrom vestibule.settings import Settings"),
    ],
)
def test_the_rule_lets_pass_what_points_down(where: str, statement: str) -> None:
    assert list(broken_layers([Source(f"src/vestibule/{where}", statement)])) == []
