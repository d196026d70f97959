# SPDX-License-Identifier: Apache-2.0
"""Teams that people are invited to: users, members and activity are this application's own tables.

Read ``accept`` first: one transaction consumes the invitation, writes this host's member row and the host's
own audit line. Every route opens its transaction by itself, so that nothing is answered before it is kept.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import sqlalchemy as sa
from examples.fastapi_host.tables import Activity, Base, TeamMember, TeamMembers, User
from fastapi import Depends, FastAPI, Header, HTTPException, Request
from pydantic import BaseModel
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import sessionmaker

from vestibule import (
    EmailAddress,
    InvitationDraft,
    Letter,
    MemberDraft,
    NotAuthenticatedError,
    VerifiedIdentity,
    Vestibule,
    host_identity,
    keep_refusals,
)
from vestibule.integrations.fastapi import Claimant, install_problems, make_claimant, read_context

engine = sa.create_engine(os.environ.get("EXAMPLE_DATABASE_URL", "sqlite:///example.db"))
sessions = sessionmaker(engine, expire_on_commit=False)
vestibule = Vestibule(
    public_url=os.environ.get("EXAMPLE_PUBLIC_URL", "http://127.0.0.1:8000"), members=TeamMembers
)
mailbox: list[Letter] = []


def create_tables() -> None:
    """Both schemas in one transaction. A real application migrates its own and runs ``migrate``."""
    with engine.begin() as connection:
        Base.metadata.create_all(connection)
        vestibule.create_schema(connection)


def send(letter: Letter) -> None:
    """EXAMPLE ONLY: a real host hands the letter to its mail server."""
    mailbox.append(letter)
    print(f"mail for {letter.recipient.address_key}: {letter.kind} {letter.link or ''}", flush=True)


@asynccontextmanager
async def deliver_meanwhile(_: FastAPI) -> AsyncIterator[None]:
    """While the application runs, a thread sends what is due."""
    stopping = threading.Event()

    def work() -> None:
        while not stopping.wait(0.2):
            vestibule.deliver(engine, send)

    thread = threading.Thread(target=work, name="vestibule-delivery")
    thread.start()
    yield
    stopping.set()
    thread.join()


def identify(x_example_user: Annotated[str | None, Header()] = None) -> VerifiedIdentity:
    """EXAMPLE ONLY: believing a header is not authentication. Take the user from your session instead."""
    with sessions() as session:
        user = session.get(User, x_example_user) if x_example_user else None
    if user is None:
        raise NotAuthenticatedError
    return host_identity(user.user_id, user.email, name=user.name)


SignedIn = Annotated[VerifiedIdentity, Depends(identify)]
Claiming = Annotated[Claimant, Depends(make_claimant(vestibule, sessions, identify))]
app = FastAPI(title="Teams", lifespan=deliver_meanwhile)
install_problems(app)


class NewUser(BaseModel):
    """Who signs up."""

    name: str
    email: str


class NewTeam(BaseModel):
    """What a team is called."""

    name: str


class NewInvitation(BaseModel):
    """Whom to invite, as what."""

    email: str
    role: str = "member"


class Joining(BaseModel):
    """What the host itself wants to know of a new member."""

    nickname: str


@app.post("/users", status_code=201)
def sign_up(new: NewUser) -> dict[str, str]:
    """EXAMPLE ONLY: a real host verifies the address before it calls it verified."""
    user = User(user_id=f"u-{uuid.uuid4()}", name=new.name, email=EmailAddress.parse_input(new.email).key)
    with sessions.begin() as session:
        session.add(user)
    return {"user_id": user.user_id}


@app.post("/teams", status_code=201)
def found_team(new: NewTeam, me: SignedIn) -> dict[str, str]:
    """A tenant and its first member, in one transaction."""
    team_id = f"team-{uuid.uuid4()}"
    with sessions.begin() as session:
        vestibule.put_tenant(session, team_id, name=new.name)
        vestibule.put_member(session, team_id, me.principal_id, MemberDraft(role="owner"))
    return {"team_id": team_id}


@app.get("/teams/{team_id}")
def show_team(team_id: str, me: SignedIn) -> dict[str, list[str]]:
    """The host reads its own tables as it always did."""
    with sessions.begin() as session:
        if session.get(TeamMember, (team_id, me.principal_id)) is None:
            raise HTTPException(404)
        members = session.scalars(sa.select(TeamMember).where(TeamMember.team_id == team_id)).all()
        lines = session.scalars(sa.select(Activity.text).where(Activity.team_id == team_id)).all()
        return {"members": sorted(f"{one.user_id} {one.role}" for one in members), "activity": list(lines)}


@app.post("/teams/{team_id}/invitations", status_code=201)
def invite(team_id: str, new: NewInvitation, me: SignedIn, request: Request) -> dict[str, str]:
    """Issue, and write a line about it; both or neither."""
    draft = InvitationDraft(email=EmailAddress.parse_input(new.email), role=new.role)
    with sessions.begin() as session:
        issued = vestibule.issue(session, me, team_id, draft, context=read_context(request))
        session.add(Activity(team_id=team_id, text=f"{me.name} invited {draft.email.masked}"))
    invitation = issued.invitation
    return {"invitation_id": invitation.invitation_id, "expires_at": invitation.expires_at.isoformat()}


@app.delete("/teams/{team_id}/members/{user_id}", status_code=204)
def remove(team_id: str, user_id: str, me: SignedIn) -> None:
    """The row goes, and with it every invitation through which the person could walk back in."""
    with sessions.begin() as session:
        vestibule.remove_member(session, team_id, user_id, remover=me)


@app.get("/i/{token}")
def look(token: str, request: Request) -> dict[str, str | None]:
    """What the link is about. Mail points here, at ``<public_url>/i/<token>``."""
    context = read_context(request)
    with keep_refusals(sessions) as session:
        found = vestibule.preview(session, token, context=context)
    return {
        "team": found.tenant_name,
        "role": found.role,
        "invited": found.invited_email.masked,
        "inviter": found.inviter_name,
        "expires_at": found.expires_at.isoformat(),
    }


@app.post("/i/{token}/accept")
def accept(token: str, joining: Joining, claimant: Claiming) -> dict[str, str]:
    """Consume, become a member, take a nickname: all of it or nothing."""
    try:
        with claimant.accepting(token) as (session, accepted):
            member = session.get_one(TeamMember, (accepted.tenant_id, claimant.identity.principal_id))
            member.nickname = joining.nickname
            session.add(Activity(team_id=accepted.tenant_id, text=f"{joining.nickname} joined"))
    except IntegrityError:
        # The nickname is taken. Everything was rolled back: still pending, and the link still works.
        raise HTTPException(409, "Somebody in the team has that nickname; choose another.") from None
    return {"team_id": accepted.tenant_id, "role": accepted.role}


@app.post("/i/{token}/decline", status_code=204)
def decline(token: str, claimant: Claiming) -> None:
    """The invitee says no."""
    with claimant.declining(token):
        pass


@app.get("/mailbox/{address}")
def read_mail(address: str) -> list[dict[str, str | None]]:
    """EXAMPLE ONLY: everybody's mail for everybody."""
    found = [letter for letter in mailbox if letter.recipient.address_key == address]
    return [{"kind": letter.kind, "link": letter.link} for letter in found]
