# SPDX-License-Identifier: Apache-2.0
"""Every action asks for permission in its first lines, or stands here with the reason why it needs none."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.sources import Source, dotted, python_files

# How far down the first lines reach: what must be looked up before anybody can be judged.
_FIRST = 6
_AUTHORITIES = ("authority", "policy_authority")
# What asks nobody, and why. A name that asks or is gone fails the test as well.
_CLAIM = "a claim: what is proved is holding the link, and binding judges the rest"
_SECRET = "the secret in the hand of the caller is the permission"
_WORKER = "the worker's own, on no road from outside"
_PUBLIC = "the log is public: pseudonyms and hashes"
_SIGN_IN = "before anybody is somebody"
NEEDLESS: dict[str, str] = {
    "anonymity.redeem_code.redeem_code": "whoever redeems is nobody: the code itself is the permission",
    "anonymity.review_events.describe_event": "the key and the size of the crowd are there to be compared",
    "abuse.refuse_mail.refuse_mail": _CLAIM,
    "invitations.preview.preview": _CLAIM,
    "invitations.request_new.request_new": _CLAIM,
    "accounts.session.find_session": _SECRET,
    "accounts.session.sign_out": _SECRET,
    "accounts.sign_up.send_code_again": _SECRET,
    "accounts.sign_up.begin_code_check": _SECRET,
    "accounts.sign_up.finish_sign_up": _SECRET,
    "api_keys.find_key": _SECRET,
    "accounts.sign_in.find_credentials": _SIGN_IN,
    "accounts.sign_in.open_session": _SIGN_IN,
    "accounts.sign_up.count_sign_up": _SIGN_IN,
    "accounts.sign_up.start_sign_up": _SIGN_IN,
    "connections.review_connections.list_ways_in": _SIGN_IN,
    "connections.review_connections.find_demanded": _SIGN_IN,
    "connections.review_connections.find_way_to": _SIGN_IN,
    "connections.sign_in.get_way_in": _SIGN_IN,
    "connections.sign_in.start_sign_in": _SIGN_IN,
    "connections.sign_in.return_sign_in": _SIGN_IN,
    "connections.sign_in.finish_sign_in": _SIGN_IN,
    "abuse.suppressions.count_reported": "a number for the operator's own command",
    "connections.review_connections.list_stored": "for a process of the operator's that looks at its keys",
    "delivery.claim_messages.claim_messages": _WORKER,
    "delivery.claim_messages.give_back": _WORKER,
    "delivery.claim_messages.settle_message": _WORKER,
    "delivery.claim_messages.measure_lag": _WORKER,
    "delivery.prepare_letter.prepare_letter": _WORKER,
    "delivery.sweep.sweep": _WORKER,
    "delivery.sweep.purge": _WORKER,
    "domains.check_domain.list_due": _WORKER,
    "domains.check_domain.recheck": _WORKER,
    "domains.lapse_proofs.lapse_proofs": _WORKER,
    "links.open_link.open_link": _CLAIM,
    "links.order_envelope.order_for_mail": _WORKER,
    "keys.show_ring.find_key": "for a process of the operator's that opens what it has sealed",
    "keys.show_ring.show_ring": "records of keys hold nothing that may not be published",
    "keys.turn_keys.list_turns": _WORKER,
    "keys.turn_keys.take_turn": _WORKER,
    "privacy.erase_person.anonymise_final": _WORKER,
    "privacy.rewrap.rewrap": _WORKER,
    "privacy.settle_sealing.find_kek": "for a process of the operator's that opens what it has sealed",
    "privacy.settle_sealing.settle_sealing": "for a process of the operator's, at its start",
    "invitations.decide.list_waited": _WORKER,
    "log.publish_log.get_checkpoint": _PUBLIC,
    "log.publish_log.get_entries": _PUBLIC,
    "log.publish_log.get_tile": _PUBLIC,
    "log.publish_log.prove_growth": _PUBLIC,
    "log.receipt_key.find_receipt_key": "which public key is in use",
    "log.seal_events.has_unsealed": _WORKER,
    "log.seal_events.measure_sealing": _WORKER,
    "log.seal_events.seal_events": _WORKER,
    "log.sign_checkpoint.claim_head": _WORKER,
    "log.sign_checkpoint.is_unsigned": _WORKER,
    "log.sign_checkpoint.keep_checkpoint": _WORKER,
    "log.sign_checkpoint.put_off": _WORKER,
    "log.submit_checkpoint.keep_cosignature": _WORKER,
    "log.submit_checkpoint.prepare_submission": _WORKER,
    "invitations.decide.release_waited": _WORKER,
    "invitations.promising.promise": "no action: the one function behind every promise (docs/adr/0008)",
}


def actions() -> Iterator[tuple[str, ast.FunctionDef, Source]]:
    """Every public function that is given a unit of work."""
    for source in python_files("src/vestibule/actions"):
        for node in source.tree.body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                first = node.args.args[0].arg if node.args.args else ""
                if first in {"uow", "unit"}:
                    yield f"{source.module.removeprefix('actions.')}.{node.name}", node, source


def asks(function: ast.FunctionDef, source: Source, *, depth: int = 3) -> bool:
    """Do its first lines call an authority, themselves or by a function of the same module?"""
    privates = {node.name: node for node in source.tree.body if isinstance(node, ast.FunctionDef)}
    body = function.body[1:] if ast.get_docstring(function) else function.body
    for statement in body[:_FIRST]:
        for node in ast.walk(statement):
            name = dotted(node) if isinstance(node, ast.Attribute | ast.Name) else ""
            if name.partition(".")[0] in _AUTHORITIES and ".check_" in name:
                return True
            called = privates.get(name)
            if (
                called is not None
                and called is not function
                and depth
                and asks(called, source, depth=depth - 1)
            ):
                return True
    return False


@pytest.mark.covers("ISS-02", "D02", "D03")
def test_every_action_asks_for_permission_first_or_is_named_with_the_reason() -> None:
    silent = {name for name, function, source in actions() if not asks(function, source)}
    assert silent == set(NEEDLESS)


@pytest.mark.covers("ISS-02")
def test_nobody_who_names_an_actor_goes_unasked() -> None:
    takes = {name for name, function, _ in actions() if any(one.arg == "actor" for one in function.args.args)}
    assert not takes & set(NEEDLESS)


@pytest.mark.covers("D03")
def test_whoever_takes_an_actor_takes_it_second_so_that_nobody_forgets_to_say_who() -> None:
    for name, function, _ in actions():
        names = [one.arg for one in function.args.args + function.args.kwonlyargs]
        if "actor" in names:
            assert names.index("actor") == 1, name


def test_the_rule_sees_an_action_that_forgets() -> None:
    text = 'def end(uow, actor, tenant_id):\n    """Over."""\n    uow.tenants.delete(tenant_id)\n'
    source = Source("src/vestibule/actions/x.py", text)
    function = source.tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    assert not asks(function, source)
    kept = Source(
        "src/vestibule/actions/y.py",
        text.replace("    uow", "    authority.check_key(actor, 'tenants')\n    uow", 1),
    )
    asking = kept.tree.body[0]
    assert isinstance(asking, ast.FunctionDef)
    assert asks(asking, kept)
