# SPDX-License-Identifier: Apache-2.0
"""The command line as a whole, and the one place where an error becomes a message and an exit status.

Exit status: 0 done; 1 refused, or a check failed; 2 the call or the configuration is wrong.
"""

from __future__ import annotations

import sys

import typer

from vestibule.cli import (
    accounts,
    anonymity,
    api_keys,
    connections,
    databases,
    decisions,
    demo,
    doctor,
    domains,
    events,
    exports,
    invitations,
    keys,
    leaks,
    members,
    migrations,
    people,
    policy,
    resources,
    reviews,
    sealing,
    serving,
    support,
    suppressions,
    tenants,
    versions,
    witness,
)
from vestibule.errors import ConfigurationError, InvalidRequestError, KeyProviderError, VestibuleError

EXIT_REFUSED = 1
EXIT_USAGE = 2
_ABOUT = """Vestibule keeps an invitation waiting until the right person walks in.

Configuration comes from VESTIBULE_* variables, over one TOML file named by VESTIBULE_CONFIG. At least
VESTIBULE_DATABASE_URL and VESTIBULE_PUBLIC_URL must be set; `demo` alone needs nothing.

Exit status: 0 done; 1 refused, or a check failed; 2 the call or the configuration is wrong."""

app = typer.Typer(
    name="vestibule",
    help=_ABOUT,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo", short_help="Show the whole path on this machine.")(demo.run_demo)
app.command("migrate", short_help="Bring the database to this release's schema.")(migrations.migrate)
app.command("serve", short_help="Serve the API and the hosted pages.")(serving.serve)
app.command("worker", short_help="Deliver mail, and record what has expired.")(serving.work)
app.command("doctor", short_help="Check whether everything is in order.")(doctor.examine)
app.add_typer(tenants.app, name="tenant")
app.add_typer(policy.app, name="policy")
app.add_typer(members.app, name="member")
app.add_typer(domains.app, name="domain")
app.command("invite", short_help="Invite an address to a tenant.")(invitations.invite)
app.add_typer(invitations.app, name="invitations")
decisions.add_to(invitations.app)
app.add_typer(reviews.app, name="review")
app.add_typer(resources.app, name="resource")
app.add_typer(events.app, name="event")
audit = typer.Typer(help="The sealed trail.", no_args_is_help=True)
sealing.add_to(audit)
exports.add_to(audit)
app.add_typer(audit, name="audit")
app.add_typer(witness.app, name="witness")
app.add_typer(anonymity.app, name="anonymous")
app.add_typer(api_keys.app, name="api-key")
app.add_typer(suppressions.app, name="suppression")
app.add_typer(leaks.app, name="leak")
app.add_typer(accounts.app, name="account")
app.add_typer(people.app, name="person")
app.add_typer(connections.app, name="connection")
app.add_typer(keys.app, name="keys")
app.add_typer(support.app, name="support")
app.add_typer(databases.app, name="db")
app.command("version", short_help="Print release, schema and Python.")(versions.show_version)


def main() -> None:
    """Run the command that the arguments name."""
    try:
        app(prog_name="vestibule")
    except ConfigurationError as error:
        _fail(str(error), EXIT_USAGE)
    except InvalidRequestError as error:
        faults = [
            f"{fault.pointer}: {fault.message}" if fault.pointer else fault.message for fault in error.faults
        ]
        _fail("; ".join(faults) or str(error), EXIT_USAGE)
    except KeyProviderError as error:
        _fail(f"{error.code}: {error} ({error.finding})", EXIT_REFUSED)
    except VestibuleError as error:
        _fail(f"{error.code}: {error}", EXIT_REFUSED)


def _fail(message: str, status: int) -> None:
    typer.echo(f"Error: {message}", err=True)
    sys.exit(status)
