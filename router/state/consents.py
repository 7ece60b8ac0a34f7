"""Which caveats of providers were accepted, when and by whom: that turns one on where the settings are silent."""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from router.state.tables import consents


class Consent(Struct, frozen=True, kw_only=True):
    """One acceptance. by: name of the key, or of the user at the command line. caveat: the text that was shown.
    at: Unix seconds."""

    provider: str
    by: str
    caveat: str
    at: float


def accept(connection: Connection, consent: Consent) -> None:
    """Write one down; a later one takes the place of an earlier."""
    values = {name: getattr(consent, name) for name in ("provider", "by", "caveat", "at")}
    statement = insert(consents).values(values)
    connection.execute(statement.on_conflict_do_update(index_elements=["provider"], set_=values))


def withdraw(connection: Connection, provider: str) -> bool:
    """Take one back; False where there is none."""
    return connection.execute(delete(consents).where(consents.c.provider == provider)).rowcount == 1


def list_consents(connection: Connection) -> list[Consent]:
    """Every one, by provider."""
    return [Consent(**row._mapping) for row in connection.execute(select(consents).order_by(consents.c.provider))]


def accepted(connection: Connection) -> frozenset[str]:
    """The providers whose caveat was accepted."""
    return frozenset(row.provider for row in connection.execute(select(consents.c.provider)))
