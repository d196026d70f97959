# SPDX-License-Identifier: Apache-2.0
"""One directory's documents are bounded before anybody works on them, so no directory holds up the others."""

from __future__ import annotations

import threading
from typing import Any

import httpx2
import pytest

from tests.scim.provisioner import GROUP, PATCH, USER, Provisioner
from vestibule.core.directory import DirectoryUser
from vestibule.web.scim import resources


def mails(count: int, start: int = 0) -> list[dict[str, str]]:
    return [{"value": f"m{number}@b.co"} for number in range(start, start + count)]


def members(count: int, start: int = 0) -> list[dict[str, str]]:
    return [{"value": f"u{number}"} for number in range(start, start + count)]


def expect(answer: httpx2.Response, status: int) -> None:
    """The status, and a refusal as SCIM puts it."""
    assert answer.status_code == status, answer.text
    if status >= 400:
        assert answer.headers["content-type"] == "application/scim+json"
        assert answer.json()["status"] == str(status)


@pytest.mark.covers("LIF-03", "G08")
@pytest.mark.parametrize(
    ("said", "is_kept"),
    [
        ({"emails": mails(50)}, True),
        ({"emails": mails(51)}, False),
        ({"EMAILS": mails(51)}, False),
        ({"phoneNumbers": [{"value": str(number)} for number in range(51)]}, False),
    ],
)
def test_a_user_has_few_values_of_one_kind(
    directory: Provisioner, said: dict[str, Any], is_kept: bool
) -> None:
    name = f"{directory.world.fresh('u')}@b.co"
    body = {"schemas": [USER], "userName": name, **said}
    expect(directory.call("POST", "/Users", body), 201 if is_kept else 400)
    user_id = directory.add(f"{directory.world.fresh('u')}@b.co")
    expect(
        directory.call("PUT", f"/Users/{user_id}", {**body, "userName": f"x{name}"}), 200 if is_kept else 400
    )
    by_patch = directory.patch(user_id, {"op": "replace", "value": said})
    expect(by_patch, 200 if is_kept else 400)


@pytest.mark.covers("LIF-03", "G08")
def test_no_number_of_patches_makes_a_user_grow_beyond(directory: Provisioner) -> None:
    user_id = directory.add(f"{directory.world.fresh('u')}@b.co")

    def add(count: int, start: int) -> httpx2.Response:
        return directory.patch(user_id, {"op": "add", "path": "emails", "value": mails(count, start)})

    expect(add(30, 0), 200)
    expect(add(20, 30), 200)
    expect(add(1, 50), 400)
    one_by_one = [{"op": "add", "path": "emails", "value": mails(1, start)} for start in range(51)]
    expect(directory.patch(user_id, *one_by_one), 400)
    assert len(directory.call("GET", f"/Users/{user_id}").json()["emails"]) == 50


@pytest.mark.covers("LIF-03", "G08")
def test_a_patch_is_short_and_searches_through_little(directory: Provisioner) -> None:
    user_id = directory.add(f"{directory.world.fresh('u')}@b.co", emails=mails(50))

    def name(count: int) -> httpx2.Response:
        one = {"op": "replace", "path": "displayName", "value": "Vera"}
        return directory.patch(user_id, *[one] * count)

    expect(name(100), 200)
    expect(name(101), 400)
    by_filter = [
        {"op": "replace", "path": f'emails[value eq "m{n}@b.co"].display', "value": "x"} for n in range(11)
    ]
    expect(directory.patch(user_id, *by_filter), 400)
    expect(directory.patch(user_id, *by_filter[:2]), 200)


@pytest.mark.covers("LIF-03", "G08")
def test_no_resource_is_long(directory: Provisioner) -> None:
    name = f"{directory.world.fresh('u')}@b.co"
    body = {"schemas": [USER], "userName": name, "displayName": "x" * 33_000}
    expect(directory.call("POST", "/Users", body), 413)
    user_id = directory.add(name, displayName="x" * 20_000)
    expect(directory.call("PUT", f"/Users/{user_id}", body), 413)
    longer = {"op": "replace", "path": "title", "value": "y" * 20_000}
    expect(directory.patch(user_id, longer), 400)
    expect(directory.patch(user_id, {**longer, "value": "y"}), 200)


@pytest.mark.covers("LIF-03", "G08")
def test_a_group_has_a_thousand_members_and_no_more(directory: Provisioner) -> None:
    body = {"schemas": [GROUP], "displayName": "Staff", "members": members(1001)}
    expect(directory.call("POST", "/Groups", body), 400)
    made = directory.call("POST", "/Groups", {**body, "members": members(1000)})
    expect(made, 201)
    group_id = made.json()["id"]
    expect(directory.call("PUT", f"/Groups/{group_id}", body), 400)

    def patch(op: str, value: list[dict[str, str]]) -> httpx2.Response:
        operation = {"op": op, "path": "members", "value": value}
        return directory.call("PATCH", f"/Groups/{group_id}", {"schemas": [PATCH], "Operations": [operation]})

    expect(patch("add", members(1, 1000)), 400)
    expect(patch("remove", members(30)), 400)
    expect(patch("remove", members(5)), 200)
    expect(patch("add", members(5)), 200)
    assert len(directory.call("GET", f"/Groups/{group_id}").json()["members"]) == 1000


@pytest.mark.covers("LIF-03")
def test_patches_at_the_same_time_lose_nothing_of_each_other(directory: Provisioner) -> None:
    user_id = directory.add(f"{directory.world.fresh('u')}@b.co")
    answers: list[int] = []

    def add(number: int) -> None:
        one = {"op": "add", "path": "emails", "value": mails(1, number)}
        answers.append(directory.patch(user_id, one).status_code)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) <= {200, 409}
    kept = directory.call("GET", f"/Users/{user_id}").json()["emails"]
    assert len(kept) == answers.count(200) >= 1


@pytest.mark.covers("LIF-03")
def test_a_change_that_comes_in_between_is_not_overwritten(
    directory: Provisioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_id = directory.add(f"{directory.world.fresh('u')}@b.co", active=True)
    seen: list[bool] = []
    draw_up = resources.patch_person

    def patch_late(kept: DirectoryUser, body: dict[str, Any]) -> Any:
        seen.append(kept.is_active)
        if len(seen) == 1:
            directory.patch(user_id, {"op": "replace", "path": "active", "value": False})
        return draw_up(kept, body)

    monkeypatch.setattr(resources, "patch_person", patch_late)
    answer = directory.patch(user_id, {"op": "replace", "path": "displayName", "value": "Vera"})
    shown = answer.json()
    assert (answer.status_code, shown["active"], shown["displayName"]) == (200, False, "Vera")
    assert seen == [True, True, False]
