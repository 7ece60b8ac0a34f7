"""What is shown of a stored account, and what its holder must be able to do for those who manage accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol
from urllib.parse import urlsplit

from msgspec import Struct

from router.accounts.changes import Changes
from router.accounts.credential import Credential
from router.accounts.importing import Imported
from router.accounts.login.exchange import Accounts
from router.accounts.stores.base import Trouble


class Listed(Struct, frozen=True, kw_only=True):
    """One account without its secrets. state: as its health says; cause, until: why, and until when (Unix seconds).
    owner: ``found`` is a file of another program, which is read and never changed. proxy: without its password."""

    account: str
    provider: str
    label: str
    email: str | None = None
    plan: str | None = None
    state: str = "ready"
    cause: str = ""
    until: float | None = None
    expires_at: float | None = None
    created_at: float | None = None
    owner: str = "ours"
    disabled: bool = False
    priority: int = 0
    weight: int = 1
    proxy: str | None = None
    models: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    aliases: Mapping[str, str] = {}


def listed(credential: Credential, state: str = "ready", cause: str = "", until: float | None = None) -> Listed:
    """`credential` as it is shown."""
    return Listed(
        account=credential.id,
        provider=credential.provider,
        label=credential.label,
        email=credential.email,
        plan=credential.facts.get("plan"),
        state="disabled" if credential.disabled else state,
        cause=cause,
        until=until,
        expires_at=credential.expires_at,
        created_at=credential.created_at,
        owner=credential.owner,
        disabled=credential.disabled,
        priority=credential.priority,
        weight=credential.weight,
        proxy=_without_password(credential.proxy),
        models=credential.models,
        excluded=credential.excluded,
        aliases=credential.aliases,
    )


def _without_password(proxy: str | None) -> str | None:
    if proxy is None:
        return None
    parts = urlsplit(proxy)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


class Holder(Accounts, Protocol):
    """Whoever holds the stored accounts. by: name of the key that asks, for the audit log."""

    def listed(self) -> Sequence[Listed]:
        """Every account, in a stable order."""
        ...

    def troubles(self) -> Sequence[Trouble]:
        """What is stored and cannot be used."""
        ...

    async def change(self, account: str, changes: Changes, by: str) -> Listed:
        """Change one of ours; its label may be among it. Raises `KeyError` (no such account), `ValueError` (not ours,
        or a label that is taken: the message says so), `OSError`."""
        ...

    async def delete(self, account: str, by: str) -> bool:
        """Remove one of ours, for good. False where there is none. Raises `ValueError` (not ours), `OSError`."""
        ...

    async def import_file(self, content: bytes, name: str, by: str) -> Imported:
        """Take over one file of another program. Raises `router.accounts.importing.NotImportable`, `OSError`."""
        ...
