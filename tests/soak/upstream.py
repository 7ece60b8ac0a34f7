"""Simulated providers that misbehave by chance, the same for the same call and attempt whatever else goes on."""

from __future__ import annotations

import os
import random
import re
import socket
from collections import Counter
from dataclasses import replace

from tests.simulators import Misbehaviour, Upstream
from tests.simulators.asking import GEMINI
from tests.simulators.connection import Request
from tests.simulators.faulty import GOOD, cut, hang, refused, status
from tests.simulators.server import Attempt

_MARK = re.compile(rb"call-(\d{7})")
QUEUE = 4096
"""Connections that may wait to be accepted."""
KEPT = 2000
"""Attempts that are kept; the counts stand for the others."""


def misbehaviour(chance: random.Random, rate: float) -> Misbehaviour:
    """What one attempt does wrong: nothing, mostly. rate: the share of those that do.

    A connection that is to break says that it is the last request's, since a fault may strike behind a whole answer;
    else the next request could be sent on it, and lost without having arrived.
    """
    if chance.random() >= rate:
        return GOOD
    events = chance.randrange(1, 40)
    kinds = [cut(events=events, ending=ending) for ending in ("cut", "reset", "error", "malformed", "stall")]
    kinds.append(cut(at_byte=chance.randrange(1, 3000)))
    kinds = [replace(kind, headers={"connection": "close"}) for kind in kinds]
    kinds += [
        Misbehaviour(drop_end=True),
        refused(),
        status(500),
        status(503),
        Misbehaviour(delay=0.3),
        Misbehaviour(drip=7),
    ]
    return hang() if chance.random() < 0.02 else chance.choice(kinds)


class ErringUpstream(Upstream):
    """direct, relayed: attempts that arrived for each call, from the router and through the service."""

    def __init__(self, seed: int, rate: float) -> None:
        super().__init__()
        self.direct: Counter[int] = Counter()
        self.relayed: Counter[int] = Counter()
        self.misbehaved = 0
        self._seed = seed
        self._rate = rate

    async def open_port(self) -> None:
        await super().open_port()
        assert self._server is not None
        with socket.socket(fileno=os.dup(self._server.sockets[0].fileno())) as again:
            again.listen(QUEUE)  # hundreds come at once when a router's process is replaced

    async def _record(self, request: Request) -> Attempt:
        attempt = await super()._record(request)
        if len(self.requests) > 2 * KEPT:
            del self.requests[:KEPT]
        return attempt

    def _choose(self, attempt: Attempt) -> Misbehaviour:
        found = _MARK.search(attempt.request.body)
        if found is None:
            return GOOD
        number = int(found[1])
        counts = self.relayed if attempt.key == GEMINI["x-goog-api-key"] else self.direct
        counts[number] += 1
        earlier = self.direct[number] + self.relayed[number]
        chosen = misbehaviour(random.Random(f"{self._seed} {number} {earlier}"), self._rate)
        self.misbehaved += chosen is not GOOD
        return chosen
