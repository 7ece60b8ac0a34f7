"""Request and response ids: sortable by time, unique across processes."""

from __future__ import annotations

import random
import time


class Ids:
    """Makes ids. The chance comes in, so that tests can repeat them."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def request(self) -> str:
        """``req_`` and 24 hexadecimal characters: milliseconds since 1970, then chance."""
        return f"req_{time.time_ns() // 1_000_000:012x}{self._chance.getrandbits(48):012x}"

    @staticmethod
    def response(prefix: str, request_id: str) -> str:
        """The id of the answer to a request, with the dialect's own prefix."""
        return prefix + request_id.removeprefix("req_")
