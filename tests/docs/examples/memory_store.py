"""Stored answers in memory, the oldest forgotten first. Nothing survives a restart."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass


@dataclass(frozen=True)
class Kept:
    """One stored answer."""

    body: bytes
    account: str


class MemoryRows:
    """`router.api.continuation.ResponseRows` over a dictionary."""

    def __init__(self, most: int) -> None:
        self._rows: OrderedDict[tuple[str, str], Kept] = OrderedDict()
        self._most = most

    async def get(self, response_id: str, key_id: str) -> Kept | None:
        """The answer, if this key was given it."""
        return self._rows.get((response_id, key_id))

    def put(self, response_id: str, key_id: str, account: str, body: bytes) -> bool:
        """Keep an answer. Must not wait: it runs behind the request."""
        self._rows[response_id, key_id] = Kept(body, account)
        while len(self._rows) > self._most:
            self._rows.popitem(last=False)
        return True
