# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from vestibule.core.log.note import NoteKey, SignatureType
from vestibule.core.log.trust import TrustPolicy, parse_trust
from vestibule.errors import InvalidRequestError

LOG = NoteKey("log.example", SignatureType.ED25519, bytes([9]) * 32)
WITNESSES = [NoteKey(f"w{n}.example", SignatureType.COSIGNATURE, bytes([n]) * 32) for n in range(5)]
NAMED = "".join(f"witness w{n} {key}\n" for n, key in enumerate(WITNESSES))


def policy(end: str) -> TrustPolicy:
    return parse_trust(f"# ours\n\tlog {LOG}  https://log.example\n\n{NAMED}{end}")


@pytest.mark.covers("AUD-03")
def test_a_quorum_of_groups_counts_whom_it_names() -> None:
    groups = "group xs 2 w0 w1 w2\ngroup ys any w3 w4\ngroup both all xs ys\nquorum both\n"
    found = policy(groups)
    assert found.logs == (LOG,)
    assert found.least == 3
    for chosen, is_met in (((0, 1, 3), True), ((0, 3, 4), False), ((0, 1, 2), False), ((0, 2, 4), True)):
        assert found.is_met_by({WITNESSES[n] for n in chosen}) is is_met


def test_one_witness_or_none_can_be_the_quorum() -> None:
    assert policy("quorum w1").is_met_by({WITNESSES[1]})
    assert not policy("quorum w1").is_met_by({WITNESSES[0]})
    assert policy("quorum w1").least == 1
    assert policy("quorum none").is_met_by(set())
    assert policy("quorum none").least == 0


@pytest.mark.parametrize(
    "end",
    [
        "",
        "quorum w9",
        "quorum none\nquorum none",
        "group g 0 w0\nquorum g",
        "group g 3 w0 w1\nquorum g",
        "group g all w0 w0\nquorum g",
        "group g all w0\ngroup h all w0\nquorum h",
        "group none all w0\nquorum none",
        "group w0 all w1\nquorum none",
        f"witness twice {WITNESSES[0]}\nquorum none",
        f"log {LOG}\nquorum none",
        f"log {WITNESSES[0]}\nquorum none",
        f"witness log {LOG}\nquorum none",
        "group g all later\nwitness later\nquorum g",
        "trust everybody\nquorum none",
    ],
)
def test_what_is_no_policy_is_refused(end: str) -> None:
    assert policy("quorum none").witnesses.keys() == {"w0", "w1", "w2", "w3", "w4"}
    with pytest.raises(InvalidRequestError):
        policy(end)
