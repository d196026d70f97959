# SPDX-License-Identifier: Apache-2.0
"""The limit: pgbench running our own hot statements, prepared, on the same server in the same run."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path

from tests.servers import PostgresServer
from vestibule.storage.claims.postgresql_sql import SETTLE_ACCEPT, SETTLE_REFUSAL
from vestibule.storage.claims.snapshot import LOAD_BY_HASH
from vestibule.storage.hot import HotStatement

# A space after each colon: pgbench would take :1 for a variable.
_EVENT = (
    """'{"connection": null, "evidence": "host", "generation": 1, "kept_role": false, "policy_version": 1}'"""
)
_TPS = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)


def accept_script(prefix: str, *, tenant: str, seats: bool) -> str:
    """Load and settle, as accept does. *tenant* is an SQL expression over ``:id``."""
    me = f"('{prefix}-' || :id)"
    values = {
        "claim_token_hash": f"sha256(convert_to({me}, 'UTF8'))",
        "principal_id": f"('who-' || {me})",
        "spread": ":id % 8",
        "tenant_id": tenant,
        "policy_version": "1",
        "base_version": "0",
        "invitation_id": me,
        "generation": "1",
        "own_members": "true",
        "checks_inviter": "true",
        "rule_domain": "NULL",
        "rule_rung": "NULL",
        "ends_ms": "NULL",
        "longest": "NULL",
        "inviter_principal_id": f"('owner-' || {tenant})",
        "inviter_role": "'owner'",
        "principal_name": "'Somebody'",
        "addresses": f"""jsonb_build_array('{prefix}' || :id || '@bench.example')""",
        "seat_shard": ":id % 8" if seats else "NULL",
        "seat_change": "1" if seats else "0",
        "writes_member": "true",
        "holds_seat": "false",
        **_trail("'invitation.accepted'", me),
    }
    step = "\\set n :n + 1\n\\set id :client_id * 20000 + :n\n"
    return step + _fill(LOAD_BY_HASH, values) + ";\n" + _fill(SETTLE_ACCEPT, values) + ";\n"


def preview_script(prefix: str, last: int) -> str:
    """Load only, of links that exist."""
    values = {
        "claim_token_hash": f"sha256(convert_to('{prefix}-' || :id, 'UTF8'))",
        "principal_id": "''",
        "spread": "0",
    }
    return f"\\set id random(1, {last})\n" + _fill(LOAD_BY_HASH, values) + ";\n"


def refused_script() -> str:
    """Load of nothing, and the settlement of a refusal with its four counters."""
    key = "encode(sha256(convert_to('{0}' || :id, 'UTF8')), 'hex')"
    hits = ", ".join(
        f"jsonb_build_object('key', {key.format(name)}, 'step', 0.001, 'span', 600000)" for name in "abcd"
    )
    values = {
        "claim_token_hash": "sha256(convert_to('none-' || :id, 'UTF8'))",
        "principal_id": "('who-' || :id)",
        "spread": "0",
        "hits": f"jsonb_build_array({hits})",
        "tenant_id": "''",
        "invitation_id": "NULL",
        **_trail("'claim.rejected'", "('who-' || :id)"),
    }
    return (
        "\\set id random(1, 100000000)\n"
        + _fill(LOAD_BY_HASH, values)
        + ";\n"
        + _fill(SETTLE_REFUSAL, values)
        + ";\n"
    )


def run_pgbench(
    server: PostgresServer, database: str, script: str, *, clients: int, transactions: int
) -> float:
    """Transactions a second; each client runs *transactions* of them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "script.sql"
        path.write_text(script, encoding="utf-8")
        command = [
            str(server.binaries / "pgbench"), "-n", "-M", "prepared", "-f", str(path), "-D", "n=0",
            "-c", str(clients), "-j", "2", "-t", str(transactions), server.dsn(database),
        ]  # fmt: skip
        # The same plans as our own connections use.
        environment = {
            **os.environ,
            "LD_LIBRARY_PATH": str(server.binaries.parent / "lib"),
            "PGOPTIONS": "-c plan_cache_mode=force_generic_plan",
        }
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    found = _TPS.search(done.stdout)
    if done.returncode != 0 or found is None:
        raise RuntimeError(f"pgbench failed: {done.stderr[-800:]}")
    return float(found[1])


def _trail(kind: str, subject: str) -> dict[str, str]:
    return {
        "event_id": "CAST(gen_random_uuid() AS text)",
        "event_kind": kind,
        "actor_id": subject,
        "correlation_id": "'bench'",
        "source": "'api'",
        "event_body": _EVENT,
        "message_id": "CAST(gen_random_uuid() AS text)",
        "message_kind": "'accepted_notice'",
        "message_payload": "'{}'",
    }


def _fill(statement: HotStatement, values: dict[str, str]) -> str:
    sql = re.sub(r"(?<![:\w]):([a-z_]+)", lambda found: values[found[1]], statement.sql)
    return " ".join(sql.split())
