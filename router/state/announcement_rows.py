"""Services that told of themselves, for the process that comes next."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from router.relay.announced import Announcement, Changes
from router.state.tables import announcements


def save_announcements(connection: Connection, changes: Changes) -> None:
    """Write down what there is now; the later of two that speak of one service stays."""
    for service, name in changes.gone:
        at = (announcements.c.service == service, announcements.c.name == name)
        connection.execute(delete(announcements).where(*at))
    for each in changes.current:
        values = {
            "service": each.service,
            "name": each.name,
            "expires_at": each.expires_at,
            "document": msgspec.json.encode(each),
        }
        statement = insert(announcements).values(values)
        later = statement.excluded.expires_at >= announcements.c.expires_at
        connection.execute(
            statement.on_conflict_do_update(index_elements=["service", "name"], set_=values, where=later)
        )


def load_announcements(connection: Connection, now: float) -> list[Announcement]:
    """Those that are still good at `now` (Unix time); the others are left for `forget_announcements`."""
    rows = connection.execute(select(announcements.c.document).where(announcements.c.expires_at > now))
    return [msgspec.json.decode(row.document, type=Announcement) for row in rows]


def forget_announcements(connection: Connection, now: float) -> None:
    """Remove those that are over."""
    connection.execute(delete(announcements).where(announcements.c.expires_at <= now))
