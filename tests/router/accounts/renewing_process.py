"""A process that renews one account as one gateway of several: ``python -m tests.router.accounts.renewing_process``.

One argument: JSON with ``address`` (of the simulator), ``folder``, ``provider``, ``account`` and ``stop`` (see below).
Prints ``ready``; then for each line of standard input, a wall time, renews at that time and prints a JSON line.
At the point ``stop`` it prints ``stopped`` and does nothing more, to be killed there:

``before send``, ``after answer``; ``rehearsal <step>`` and ``save <step>`` with a step of `Disk`; ``before use``.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import threading
from pathlib import Path
from typing import Any

from router.accounts.asking import Ask, Reply, asker
from router.accounts.outcomes import Good
from router.accounts.refresh import Refresher
from router.accounts.renewals import RENEWALS
from router.accounts.stores.files import FileStore
from router.clock import FakeClock
from router.net.client import Net
from router.net.message import HttpRequest
from router.settings.sign_ins import overridden, shipped_sign_ins
from router.vault.disk import Disk
from tests.simulators.authorisation.addresses import overrides


class Stops:
    """Where the process stops."""

    def __init__(self, point: str) -> None:
        self._point = point
        self._writes = 0

    def at(self, point: str) -> None:
        if point == self._point:
            say("stopped")
            threading.Event().wait()

    def step(self, name: str) -> None:
        """A step of the disk: of the first file that is written, or of the second."""
        self._writes += name == "create"
        self.at(f"{'rehearsal' if self._writes == 1 else 'save'} {name}")

    def asking(self, ask: Ask) -> Ask:
        async def stopping(request: HttpRequest) -> Reply:
            self.at("before send")
            reply = await ask(request)
            self.at("after answer")
            return reply

        return stopping


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def renew_on_demand(told: dict[str, Any]) -> None:
    stops, clock = Stops(told["stop"]), FakeClock(0.0)
    store = FileStore(Path(told["folder"]), None, clock, disk=Disk(stops.step))
    facts = overridden(shipped_sign_ins()[told["provider"]], overrides(told["address"], told["provider"]))
    async with Net() as net:
        refresher = Refresher(
            store,
            RENEWALS,
            lambda _: facts,
            stops.asking(asker(net, clock.wall)),
            clock,
            random.Random(),
            settled=lambda account, outcome: stops.at("before use"),
        )
        known = store.read(told["account"])
        say("ready")
        while line := await asyncio.to_thread(sys.stdin.readline):
            clock.now = float(line)
            assert known is not None
            say("renewing")
            outcome = await refresher.renew(known)
            result = {"outcome": type(outcome).__name__, "reason": getattr(outcome, "reason", "")}
            if isinstance(outcome, Good):
                known = outcome.credential
                result |= {"access": known.access.reveal(), "renewed": outcome.renewed}
            say(json.dumps(result))
        await refresher.close()


if __name__ == "__main__":
    asyncio.run(renew_on_demand(json.loads(sys.argv[1])))
