"""What is looked at again and again beside the calls: sessions, quotas of plans, models, old records."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from router.accounts.windows import UsageReader
from router.clock import Clock
from router.gateway import Gateway
from router.observe.records.recorder import Recorder
from router.recall import OTHERS_EVERY
from router.relay.announced import Announced
from router.relay.attendance import Absent, Attendance, present, wanted_by
from router.relay.hub import Hub
from router.sign_ins import SignIns
from router.tasks import Tasks

SESSIONS_EVERY = 2.0
"""Seconds between two looks at the sessions of the relay: who is silent, whose key was revoked."""
RECORDS_EVERY = 60.0
"""Seconds between two removals of records that are too old or too much."""
USAGE_EVERY = 5.0
"""Seconds between two looks at which accounts' usage is to be asked for."""


class Rounds:
    """changed: called when an account was found to have other models. listed: what those of cto.new have, by name."""

    def __init__(
        self,
        gateway: Gateway,
        hub: Hub,
        announced: Announced,
        sign_ins: SignIns,
        usage: UsageReader,
        recorder: Recorder,
        clock: Clock,
        changed: Callable[[], None],
    ) -> None:
        self.listed: tuple[str, ...] = ()
        self._gateway = gateway
        self._hub = hub
        self._announced = announced
        self._sign_ins = sign_ins
        self._usage = usage
        self._recorder = recorder
        self._clock = clock
        self._changed = changed
        self._attendance = Attendance()

    def begin(self, tasks: Tasks) -> None:
        """Until these tasks are closed."""
        tasks.periodic(lambda: SESSIONS_EVERY, self._look_at_sessions, "look at sessions")
        tasks.periodic(lambda: USAGE_EVERY, self._read_usage, "read the quotas of plans")
        tasks.periodic(lambda: OTHERS_EVERY, self._look_at_models, "look at models")
        tasks.periodic(lambda: RECORDS_EVERY, self._sweep_records, "forget old records")

    def absent(self) -> list[Absent]:
        """The services that are turned on, or were here, and are not."""
        here = present(self._hub.sessions, self._announced.current())
        return self._attendance.look(here, wanted_by(self._gateway.current.settings), self._clock.wall())

    async def _look_at_sessions(self) -> None:
        self._hub.tick()
        self._announced.tick(self._clock.wall())
        self.absent()  # so that it is known when they went

    async def _read_usage(self) -> None:
        await self._usage.round(self._sign_ins.usable(), self._sign_ins.facts(), self._sign_ins.secret)

    async def _look_at_models(self) -> None:
        """What cto.new was found to have is shown in lists."""
        current, ctonew = self._gateway.current, self._gateway.ctonew
        for account in self._sign_ins.usable():
            if account.provider == "ctonew":
                provider = current.providers[account.provider]
                await ctonew.learn(provider, account, self._sign_ins.keeper.access, current.limits)
        names = ctonew.models.names()
        if names != self.listed:
            self.listed = names
            self._changed()

    async def _sweep_records(self) -> None:
        await asyncio.to_thread(self._recorder.sweep)
