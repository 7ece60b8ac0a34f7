"""Backups over the management API: make one, look at those that are kept, take one away as a file, does it open.

Putting one back is left to the command line: that replaces files under a process that has them open."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from msgspec import Meta, Struct
from starlette.responses import FileResponse

from router.api.manage.operation import Asked, Operation, Refused
from router.backup.judge import KEY_ELSEWHERE, Verdict
from router.backup.sealed import SHORTEST
from router.backup.shelf import Busy, Kept, Made, Shelf, TooLarge
from router.gateway import Gateway
from router.version import VERSION

T = TypeVar("T")
LONGEST = 1000
WHOEVER = (
    "Whoever has this file and its passphrase is signed in as you everywhere: keys, accounts and the keys that these "
    "are encrypted with are in it. Without the passphrase nobody opens it, you included."
)


class Passphrase(Struct, frozen=True, forbid_unknown_fields=True):
    """It is kept nowhere."""

    passphrase: Annotated[str, Meta(min_length=SHORTEST, max_length=LONGEST, pattern=r"^[^\x00-\x1f\x7f]*$")]

    def __repr__(self) -> str:
        return "Passphrase()"


class Backups(Struct, frozen=True):
    """The newest first. size: bytes of all of them. keep, max_bytes: the bounds; the oldest go first."""

    backups: list[Kept]
    size: int
    keep: int
    max_bytes: int


class Written(Struct, frozen=True):
    """A new backup. files: how many are in it. removed: ids of older ones that went for it."""

    id: str
    at: float
    size: int
    files: int
    removed: list[str]
    warnings: list[str]


class BackupDesk:
    """judged: what is wrong with the text of a settings file, None where nothing is. elsewhere: whether the key of the
    accounts comes from the environment. audit: takes who, what and which."""

    def __init__(
        self,
        gateway: Gateway,
        shelf: Shelf,
        judged: Callable[[str], str | None],
        audit: Callable[[str, str, str], None],
        *,
        elsewhere: bool,
    ) -> None:
        self._gateway = gateway
        self._shelf = shelf
        self._judged = judged
        self._audit = audit
        self._elsewhere = elsewhere

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/backups", need="admin", name="backups", answer=Backups, handler=self.all,
                summary="The backups that are kept in the state folder.",
            ),
            Operation(
                method="POST", path="/backups", need="admin", name="backup_make", body=Passphrase, answer=Written,
                handler=self.make, summary="Make an encrypted backup of settings, keys, accounts and database.",
            ),
            Operation(
                method="DELETE", path="/backups/{id}", need="admin", name="backup_delete", handler=self.delete,
                audited=True, summary="Remove a backup.",
            ),
            Operation(
                method="GET", path="/backups/{id}/file", need="admin", name="backup_file", answer=bytes,
                handler=self.file, audited=True, summary="A backup as a file, still encrypted.",
            ),
            Operation(
                method="POST", path="/backups/{id}/verify", need="admin", name="backup_verify", body=Passphrase,
                answer=Verdict, handler=self.verify, audited=True,
                summary="What is in a backup, and whether it could be put back; nothing is.",
            ),
        ]  # fmt: skip

    async def all(self, asked: Asked) -> Backups:
        bounds = self._gateway.current.settings.backups
        kept = await asyncio.to_thread(self._shelf.kept)
        return Backups(kept, sum(each.size for each in kept), bounds.keep, bounds.max_bytes)

    async def make(self, asked: Asked) -> Written:
        bounds, passphrase = self._gateway.current.settings.backups, asked.body.passphrase
        await self._gateway.ledger.move()  # what calls cost until now waits in a journal, which no backup has

        def make() -> Made:
            made = self._shelf.make(passphrase, version=VERSION, most=bounds.keep, most_bytes=bounds.max_bytes)
            self._audit(asked.who.key.name, "backup_make", made.kept.id)  # here, as whoever asked may be gone by now
            return made

        made = await _done(make)
        missing = [f"Not in it, since it is a link or has an unusual name: {each}." for each in made.left_out]
        return Written(
            id=made.kept.id,
            at=made.kept.at,
            size=made.kept.size,
            files=len(made.manifest.files),
            removed=made.removed,
            warnings=[WHOEVER, *([KEY_ELSEWHERE] if self._elsewhere else []), *missing],
        )

    async def delete(self, asked: Asked) -> None:
        if not await asyncio.to_thread(self._shelf.delete, asked.path["id"]):
            raise _missing(asked)

    async def file(self, asked: Asked) -> FileResponse:
        """Read in pieces as the client takes them."""
        path = await asyncio.to_thread(self._shelf.path, asked.path["id"])
        try:
            facts = await asyncio.to_thread(os.stat, path) if path is not None else None
        except FileNotFoundError:
            facts = None
        if path is None or facts is None:
            raise _missing(asked)
        return FileResponse(
            path,
            headers={"cache-control": "no-store"},
            media_type="application/octet-stream",
            filename=path.name,
            stat_result=facts,
        )

    async def verify(self, asked: Asked) -> Verdict:
        which, passphrase = asked.path["id"], asked.body.passphrase
        verdict = await _done(lambda: self._shelf.verify(which, passphrase, self._judged))
        if verdict is None:
            raise _missing(asked)
        return verdict


async def _done(work: Callable[[], T]) -> T:
    """On a thread. Raises `Refused`."""
    try:
        return await asyncio.to_thread(work)
    except Busy:
        raise Refused(409, "Another backup is being made or verified. Try again when it is done.") from None
    except TooLarge as problem:
        raise Refused(409, str(problem)) from None
    except sqlite3.Error as problem:
        raise Refused(503, f"The database cannot be copied: {problem}.") from None


def _missing(asked: Asked) -> Refused:
    return Refused(404, f"There is no backup {asked.path['id'][:100]!r}; GET /v0/management/backups lists them.")
