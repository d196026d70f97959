# SPDX-License-Identifier: Apache-2.0
"""Keyset pages over two columns: a time and an id. The cost does not grow with the table."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from vestibule.core.paging import Page, PageRequest, make_cursor
from vestibule.errors import FieldFault, InvalidRequestError


def fetch_page(
    connection: sa.Connection,
    query: sa.Select[Any],
    order: tuple[sa.Column[datetime], sa.Column[str]],
    request: PageRequest,
    *,
    descending: bool = True,
) -> Page[sa.Row[Any]]:
    """One page of *query* in *order*, and the cursor to the next."""
    moment, key = order
    if request.after is not None:
        at = _read_moment(request.after[0])
        here = sa.tuple_(sa.literal(at, moment.type), sa.literal(request.after[1], key.type))
        position = sa.tuple_(moment, key)
        query = query.where(position < here if descending else position > here)
    sorting = (moment.desc(), key.desc()) if descending else (moment.asc(), key.asc())
    rows = connection.execute(query.order_by(*sorting).limit(request.limit + 1)).all()
    if len(rows) <= request.limit:
        return Page(items=rows)
    last = rows[request.limit - 1]._mapping  # noqa: SLF001 - SQLAlchemy's documented way to read by column
    after = (last[moment].isoformat(), last[key])
    return Page(items=rows[: request.limit], next_cursor=make_cursor(request.scope, after))


def _read_moment(text: str) -> datetime:
    try:
        # A cursor can be made up: a time without a zone, or one that no zone can hold, is no time of ours.
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise InvalidRequestError(FieldFault("/cursor", "Use next_cursor unchanged."))
