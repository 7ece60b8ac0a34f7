"""Memory after a crowd has left: what streams leave in reference cycles is freed when most of them are gone.

Looking for cycles while thousands of streams are open takes tens of milliseconds; when they have left it takes few.
"""

from __future__ import annotations

import gc
from collections.abc import Callable

CROWD = 100
"""Connections from which on it is worth a look."""


class Tidy:
    """Sees how many connections are open, again and again, and collects once after most of a crowd has left."""

    def __init__(self, collect: Callable[[], object] = gc.collect) -> None:
        self._collect = collect
        self._most = 0

    def seen(self, connections: int) -> None:
        """`connections` are open now."""
        self._most = max(self._most, connections)
        if self._most >= CROWD and connections <= self._most // 4:
            self._most = connections
            self._collect()
