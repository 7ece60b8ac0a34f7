"""Which account something belongs to, as rows of persistent state: the opaque items of answers, conversations."""

from __future__ import annotations

from msgspec import Struct

from router.routing.affinity import Digest, Owners


class OwnerRow(Struct, frozen=True, kw_only=True):
    """One row of persistent state. digest: hexadecimal. at: Unix time of the last use."""

    digest: str
    account: str
    at: float


class Unwritten:
    """The entries of `owners` that changed since they were last taken to be persisted."""

    def __init__(self, owners: Owners, most: int) -> None:
        """most: entries that are kept where nobody persists, the oldest changes go first."""
        self._owners = owners
        self._most = most
        self._changed: dict[Digest, None] = {}

    def add(self, each: Digest) -> None:
        """This entry changed."""
        self._changed[each] = None
        if len(self._changed) > self._most:
            del self._changed[next(iter(self._changed))]

    def take(self) -> list[OwnerRow]:
        """Rows that changed since the last call."""
        known = [(each, self._owners.at(each)) for each in self._changed]
        self._changed.clear()
        return [
            OwnerRow(digest=each.hex(), account=entry[0], at=entry[1]) for each, entry in known if entry is not None
        ]
