"""What survives a restart: taken over when the router starts, kept while it serves, written out when it stops."""

from __future__ import annotations

import asyncio
import logging
import math
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from router.access.keys import ClientKey, KeyRing
from router.accounts.health import Health
from router.api.edge import Edge
from router.clock import Clock
from router.observe.recent import CallRow, kept
from router.relay.announced import Announced
from router.sign_ins import SignIns
from router.tasks import Tasks
from router.usage.entries import Opened
from router.usage.key_use import Past
from router.usage.periods import starts

if TYPE_CHECKING:
    from router.memory import Memory

_log = logging.getLogger("switchyard.app")
DATABASE = "switchyard.sqlite"
SAVE_EVERY = 1.0
"""Seconds between two writes of what was learnt about accounts."""
OTHERS_EVERY = 2.0
"""Seconds between two looks at what others wrote: keys made or revoked by the command line, caveats accepted there,
makers of opaque items and sessions that the process learnt which this one replaces."""
OTHERS_WITHIN = 30.0
RECOVER_EVERY = 10.0
"""Seconds between two looks for processes that died with calls in their journals."""
PRUNE_EVERY = 300.0
SUMS_EVERY, SUMS_BESIDE = 5.0, 1.0
"""Seconds between two looks at what keys have used, which another process may have added to; where one serves beside
this one."""
SWEEP_EVERY = 600.0
"""Seconds between two removals of what has expired: stored answers, makers of opaque items."""


class Recall:
    """The database of one process, opened when it is first wanted: its library takes a third of a start's time."""

    def __init__(
        self,
        state_dir: Path,
        clock: Clock,
        edge: Edge,
        health: Health,
        keys: KeyRing,
        sign_ins: SignIns,
        announced: Announced,
    ) -> None:
        self._announced = announced
        self._edge = edge
        self._gateway = edge.gateway
        self._health = health
        self._keys = keys
        self._sign_ins = sign_ins
        self._state_dir = state_dir
        self._database = state_dir / DATABASE
        self._clock = clock
        self._opening = threading.Lock()
        self._taken_over = False
        self._beside = True  # until somebody has looked
        self.known = edge.known.read
        self._gateway.budgets.opened = self.known.wait
        self.memory: Memory | None = None

    def open(self) -> Memory | None:
        """The database, if it is there (``make up`` makes it). Called on two threads, opened once."""
        with self._opening:
            if self.memory is None and self._database.exists():
                from router.memory import Memory

                kept = self._gateway.current.settings.policies.stored_responses
                self.memory = Memory(self._state_dir, self._database, self._clock, kept)
            return self.memory

    def stored_keys(self) -> tuple[ClientKey, ...]:
        """The keys of the database. May read from disk."""
        memory = self.memory or self.open()
        return memory.keys() if memory is not None else ()

    async def take_over(self, tasks: Tasks) -> None:
        """What the last process knew, once. A failure is logged: the router serves without."""
        if self._taken_over:
            return
        self._taken_over = True
        try:
            await self._take_over(tasks)
        except Exception:
            _log.exception("what the last process knew could not be taken over")
        finally:
            self.known.set()

    async def _take_over(self, tasks: Tasks) -> None:
        memory = await asyncio.to_thread(self.open)
        if memory is None:
            _log.warning("there is no database at %s: nothing is remembered over a restart", self._database)
            return
        gateway = self._gateway
        self._health.load(await asyncio.to_thread(memory.health))
        gateway.affinity.load(await asyncio.to_thread(memory.affinity))
        gateway.sessions.load(await asyncio.to_thread(memory.sessions))
        gateway.tallies.load(await asyncio.to_thread(memory.tallies))
        self._announced.load(await asyncio.to_thread(memory.announcements), self._clock.wall())
        await self._keys.look()
        self._sign_ins.accept(await asyncio.to_thread(memory.accepted))
        self._sign_ins.admit(memory.flows, memory.accept)
        await self.open_ledger()
        tasks.spawn(gateway.ledger.recover(), "settle what the last process left")
        gateway.budgets.read = self._read_sums
        if memory.responses is not None:
            self._edge.continuations.use(memory.responses)
        tasks.periodic(lambda: SWEEP_EVERY, memory.sweep, "forget what is old")

    def watch(self, tasks: Tasks) -> None:
        """Keep what is learnt, and look at what others write."""

        async def save() -> None:
            self._save()

        ledger = self._gateway.ledger
        tasks.periodic(lambda: SAVE_EVERY, save, "save what was learnt")
        tasks.periodic(lambda: SAVE_EVERY, ledger.move, "move calls into the database")
        tasks.periodic(self._sums_every, self._gateway.budgets.refresh, "read what keys have used")
        tasks.periodic(lambda: RECOVER_EVERY, ledger.recover, "settle what dead processes left")
        tasks.periodic(lambda: PRUNE_EVERY, self.prune, "forget old calls")
        tasks.periodic(lambda: OTHERS_EVERY, self.look, "look at what others wrote")

    async def prune(self) -> None:
        """Forget old calls, but none of a month that a key's limit adds up."""
        limits = [key.limits for key in self._keys.known() if key.limits is not None]
        monthly = any(cap.period == "month" for each in limits for cap in each.caps())
        await self._gateway.ledger.prune(starts(self._clock.wall())[1] if monthly else math.inf)

    async def look(self) -> None:
        """Take over what others wrote."""
        memory = self.memory
        if memory is not None:
            await self._keys.look()
            self._sign_ins.accept(await asyncio.to_thread(memory.accepted))
            self._gateway.affinity.load(await asyncio.to_thread(memory.affinity, OTHERS_WITHIN))
            self._gateway.sessions.load(await asyncio.to_thread(memory.sessions, OTHERS_WITHIN))

    def _save(self) -> None:
        """Write what was learnt since the last time, behind the requests."""
        memory = self.memory
        if memory is not None:
            memory.save_health(self._health.dirty())
            memory.save_affinity(self._gateway.affinity.dirty())
            memory.save_sessions(self._gateway.sessions.dirty())
            memory.add_tallies(self._gateway.tallies.fresh())
            memory.save_announcements(self._announced.dirty())

    async def _read_sums(self) -> None:
        """What keys have used, by the ledger, with everything that this process and others have settled before."""
        memory, budgets, ledger = self.memory, self._gateway.budgets, self._gateway.ledger
        if memory is None or not await ledger.moved():
            return
        running = await ledger.gather()
        self._beside = running is not None
        reading = await asyncio.to_thread(memory.key_sums, minute=budgets.young or self._beside)
        there = await asyncio.to_thread(memory.known_calls, budgets.waiting(), reading.newest)
        budgets.load(reading, there, None if running is None else _by_key(running))

    def _sums_every(self) -> float:
        return SUMS_BESIDE if self._beside else SUMS_EVERY

    async def calls(self, most: int) -> list[CallRow]:
        """The newest calls of earlier processes, those that died included, for people who look."""
        memory = self.memory
        if memory is None:
            return []
        await self._gateway.ledger.recover()
        return [kept(*each) for each in await asyncio.to_thread(memory.usage.newest, most)]

    async def open_ledger(self) -> None:
        """Calls go into the database from now on, where there is one."""
        memory = await asyncio.to_thread(self.open)
        if memory is not None:
            self._gateway.ledger.use(memory.add_calls, memory.prune_calls)

    async def close(self) -> None:
        """Write everything and stop, also where the start was only just over."""
        memory = await asyncio.to_thread(self.open)
        if memory is not None:
            self._save()
            memory.close()


def _by_key(running: Mapping[str, Opened]) -> dict[str, tuple[Past, ...]]:
    found: dict[str, tuple[Past, ...]] = {}
    for call in running.values():
        found[call.key_id] = (*found.get(call.key_id, ()), Past(call.id, call.at, None, 0))
    return found
