# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
import sys
import types
from pathlib import Path

import pytest

import vestibule
from vestibule import errors

_ALONE = """
import sys

class Absent:
    names = {%r}
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
import sqlalchemy as sa
import vestibule as v

engine = sa.create_engine("sqlite:///" + sys.argv[1])
library = v.Vestibule(public_url="https://app.example")
olga, vera = v.host_identity("olga", "olga@example.com"), v.host_identity("vera", "vera@example.com")
with engine.begin() as connection:
    library.create_schema(connection)
    library.put_tenant(connection, "acme", name="Acme")
    library.put_member(connection, "acme", "olga", v.MemberDraft(role="owner"))
    draft = v.InvitationDraft(email=v.EmailAddress.parse_input("vera@example.com"), role="member")
    library.issue(connection, olga, "acme", draft)
letters = []
library.deliver(engine, letters.append)
with engine.begin() as connection:
    print(library.accept(connection, vera, letters[0].link.rpartition("/")[2]).role)
render = lambda: library.render_mail(letters[0], from_address="a@b.example")
for act in (lambda: library.migrate(engine), render):
    try:
        act()
    except v.ConfigurationError as error:
        print(error.setting, "vestibule[server]" in str(error))
"""
_SERVICE = (
    "aiosmtplib", "alembic", "argon2", "cryptography", "fastapi", "httpx2", "jinja2", "prometheus_client",
    "psycopg", "pydantic", "pydantic_settings", "starlette", "structlog", "typer", "uvicorn",
)  # fmt: skip


def test_everything_exported_is_listed_and_sorted() -> None:
    found = {
        name
        for name, value in vars(vestibule).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType) and name != "annotations"
    }

    assert set(vestibule.__all__) == found
    assert vestibule.__all__ == sorted(vestibule.__all__)


def test_every_error_a_caller_may_handle_is_exported() -> None:
    classes = {
        name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)
    }

    assert classes <= set(vestibule.__all__)


@pytest.mark.covers("INT-02")
def test_the_library_invites_and_accepts_with_its_core_dependencies_alone(tmp_path: Path) -> None:
    source = str(Path(vestibule.__file__).parents[1])
    code = _ALONE.replace("{%r}", repr(set(_SERVICE)))

    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "host.db")],
        env={"PYTHONPATH": source},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.splitlines() == ["member", "alembic True", "jinja2 True"], done.stderr


@pytest.mark.parametrize(
    "url", ["http://app.example", "ftp://app.example", "app.example", "https://", "https://a.example/?q=1"]
)
def test_links_begin_with_https_or_with_loopback(url: str) -> None:
    with pytest.raises(vestibule.ConfigurationError):
        vestibule.Vestibule(public_url=url)
    vestibule.Vestibule(public_url="https://app.example/teams/")
    vestibule.Vestibule(public_url="http://localhost:8000")
