# SPDX-License-Identifier: Apache-2.0
"""What an independent tester of the standard says of a running service."""

from __future__ import annotations

import httpx2
import pytest
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

from tests.scim.provisioner import Provisioner


@pytest.mark.covers("LIF-03")
def test_an_independent_tester_finds_nothing_wrong(directory: Provisioner) -> None:
    headers = directory.world.credentials(directory.key)
    with httpx2.Client(base_url=f"{directory.world.base_url}/scim/v2", headers=headers, timeout=60) as client:
        results = check_server(SyncSCIMClient(client))
    # Searching over all kinds at once by POST is not offered (RFC 7644 3.4.3); lists have their filters.
    results = [one for one in results if one.title != "search_with_attributes"]
    wrong = [(one.title, one.reason) for one in results if one.status is not Status.SUCCESS]
    assert wrong == []
    assert len(results) > 100
