# SPDX-License-Identifier: Apache-2.0
"""Policy files: what they say, and where a fault is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vestibule.core.policy import parse_base, parse_policy
from vestibule.core.policy.toml import find_lines, parse_policy_file
from vestibule.errors import InvalidRequestError

pytestmark = pytest.mark.covers("TEN-02")
SOUND = """\
# A comment with [a.table] and key = 1 in it
schema = 1
id = "sample"
allowed_domains = [
  "a.example",   # ]
  "b.example",
]
resend_cooldown = "5m"
separation = 60

[assignable]
owner = ["admin",
  "guest"]

[ttl]
"admin" = "48h"

[roles.guest]
ttl = "15m"
approval_ttl = "1d"
grant_max = "30d"

[event]
name = "A # name = [1]"
location = '''
'''
starts_at = 2030-01-31T14:00:00+02:00
ends_at = 2030-01-31T18:00:00Z
close_before_start = "2h"
"""


def faults_of(text: str, *, base: str | None = "{}") -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequestError) as caught:
        parse_policy_file(text, "sample.toml", base=base)
    return [(fault.pointer, fault.message) for fault in caught.value.faults]


def test_durations_and_times_are_read_as_people_write_them() -> None:
    text = SOUND.replace("location = '''\n'''\n", "")
    policy = parse_policy(parse_policy_file(text, "sample.toml"))
    assert (policy.resend_cooldown, policy.separation) == (300, 60)
    assert [policy.ttl_of(role) for role in ("admin", "guest", "member")] == [172_800, 900, 604_800]
    assert policy.rule_of("guest").grant_max == 30 * 86_400
    assert policy.event is not None
    assert policy.event.closes_at.isoformat() == "2030-01-31T10:00:00+00:00"
    assert policy.event.name == "A # name = [1]"


def test_comments_and_layout_change_nothing() -> None:
    one = parse_policy_file('resend_cooldown = "5m"\nid = "x"', "a.toml")
    other = parse_policy_file('# so\nid = "x"\n\n# and so\nresend_cooldown = 300', "b.toml")
    assert parse_policy(one) == parse_policy(other)


def test_the_line_of_each_member_is_found() -> None:
    lines = find_lines(SOUND)
    numbered = SOUND.splitlines()
    for path, number in lines.items():
        assert path[-1] in numbered[number - 1]
    assert lines["allowed_domains",] == 4
    assert lines["ttl", "admin"] == 16
    assert lines["roles", "guest", "grant_max"] == 21
    assert lines["event", "ends_at"] == 28
    assert ("name",) not in lines
    assert ("key",) not in lines


@pytest.mark.parametrize(
    "text,line,words",
    [
        ("surprise = 1", 1, "surprise: Unknown member"),
        ("schema = 1\n\nsurprise = 1", 3, "surprise: Unknown member"),
        ("[roles.owner]\nttl = '1d'\napprovals = 0", 3, "roles.owner.approvals: An owner always"),
        ("[roles.owner]\n\nseal = true", 3, "roles.owner.seal: Unknown member"),
        ("roles.admin.approvals = 9", 1, "roles.admin.approvals: Give a whole number from 0 to 5"),
        ("id = 'x'\nroles = { admin = { approvals = 9 } }", 2, "roles.admin.approvals"),
        ("[ttl]\nmember = '7d'\nadmin = '31d'", 3, 'Durations may be written "30s"'),
        ("[ttl]\nadmin = '2 days'", 2, "ttl.admin: Give a whole number from 900 to 2592000"),
        ("[ttl]\nghost = '7d'", 2, "ttl.ghost: No such role"),
        ("[roles.ghost]\nttl = '7d'", 1, "roles.ghost: No such role"),
        ("allowed_domains = [\n 'localhost',\n]", 1, "allowed_domains: Give whole domains"),
        ("[event]\nstarts_at = 2030-01-01T00:00:00\nends_at = 2030-01-02T00:00:00Z", 2, "RFC 3339"),
        ("[event]\nstarts_at = 2030-01-01\nends_at = 2030-01-02T00:00:00Z", 2, "RFC 3339"),
        ("seat_limit = 1.5", 1, "seat_limit: Give a whole number"),
        ("[assignable]\nowner = ['Admin']", 2, "assignable.owner: A role matches"),
        ("id = 'a'\nid = 'b'", 2, "Not TOML"),
        ("id = 'a'\nttl = {", 2, "Not TOML"),
        ("id = 'a", 1, "Not TOML"),
    ],
)
def test_a_fault_has_its_file_its_line_and_what_to_do(text: str, line: int, words: str) -> None:
    [(pointer, message)] = faults_of(text)
    assert pointer == f"sample.toml:{line}"
    assert words in message


def test_every_fault_of_a_file_is_named_at_once() -> None:
    text = "id = 'A B'\n[ttl]\nmember = 1\n[roles.admin]\napprovals = 9\njustification = 'yes'\n"
    assert [pointer for pointer, _ in faults_of(text)] == [f"sample.toml:{line}" for line in (1, 3, 5, 6)]


def test_a_file_is_checked_over_what_it_will_lie_on() -> None:
    base = parse_base({"assignable": {"owner": ["guest"]}})
    assert parse_policy_file("[ttl]\nguest = '1d'", "a.toml", base=base) == {"ttl": {"guest": 86_400}}
    assert faults_of("id = 'x'\nseat_limit = 5", base=None)[0][0] == "sample.toml:2"


@given(st.text(alphabet="abtl=[]{}'\"#\n.1 dh-_", max_size=60))
def test_any_text_is_a_policy_or_has_its_faults_placed(text: str) -> None:
    try:
        parse_policy_file(text, "f")
    except InvalidRequestError as error:
        last = text.count("\n") + 1
        assert error.faults
        for fault in error.faults:
            name, _, line = fault.pointer.rpartition(":")
            assert (name, 1 <= int(line) <= last) == ("f", True)
