"""One request on one page: prepare it, press Run, read what comes, and stop what nobody wants any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

from router.faults import Fault
from services.aistudio.page.prepare import prepare
from services.aistudio.page.studio import PageGone, StudioPage
from services.aistudio.pieces import Piece
from services.aistudio.request import Job
from services.aistudio.settings import Tier, Timeouts
from services.aistudio.tiers.reading import Reading


class Drive:
    """An answer under way. notes: what could not be applied. reading.tier: how it is read; settled when it begins."""

    def __init__(self, page: StudioPage, job: Job, run: str, *, tier: Tier, continued: bool, whole: bool) -> None:
        self.page = page
        self.notes: list[str] = list(job.notes)
        self.ended = False
        self.heard = False
        self._job = job
        self._continued = continued
        self._limits: Timeouts = page.settings.timeouts
        self.reading = Reading(run, tier, wire_wait=self._limits.wire, whole=whole)

    async def pieces(self) -> AsyncGenerator[list[Piece], None]:
        """The answer, in groups as they come. Raises `Fault`."""
        try:
            self.notes += await prepare(self.page, self._job, continued=self._continued)
            await self._begin()
            async for group in self._read():
                yield group
            self.ended = True
        except PageGone as error:
            raise Fault(
                "upstream_broken", f"The browser lost the AI Studio page: {error}.", code="page_gone"
            ) from error
        except Fault:
            self.ended = self.reading.ended
            raise
        finally:
            self.heard = self.reading.heard
            if self.page.wire is not None:
                self.page.wire.disarm()

    async def _begin(self) -> None:
        """Press Run. Raises `Fault` where the page does nothing."""
        page, reading = self.page, self.reading
        page.forget()
        if page.wire is not None and reading.tier == "network":
            page.wire.arm(reading.run)
        await page.call("watch", reading.run, reading.wants_text, within=self._limits.control)
        if not await page.call("run", int(self._limits.control * 1000), within=self._limits.control + 2):
            page.broken = True
            raise Fault("upstream_broken", "AI Studio's page did nothing when Run was pressed.")

    async def _read(self) -> AsyncGenerator[list[Piece], None]:
        reading, clock = self.reading, asyncio.get_running_loop().time
        started = last = alive = clock()
        if not self.page.reports and reading.tier != "network":
            await self._until_idle()
            yield reading.final(await self._final())
            return
        while not reading.over:
            silence = self._limits.idle if reading.began else self._limits.first
            give_up = min(last + silence, started + self._limits.total)
            soonest = reading.deadline()
            soonest = min(give_up, alive + self._limits.stalled, soonest if soonest is not None else give_up)
            self.page.waits(give_up - clock())
            try:
                async with asyncio.timeout_at(soonest):
                    event = await self.page.next()
                alive = clock()
            except TimeoutError:
                if clock() >= give_up:
                    raise self._silent(clock() - last) from None
                event = {"kind": "nothing"}
            if clock() >= alive + self._limits.stalled:  # a page that thinks for long answers all the same
                await self.page.call("busy", within=self._limits.stalled)
                alive = clock()
            if event["kind"] == "moved":
                self.page.check_signed_in()
            group = reading.take(event, clock())
            if reading.late(clock()) and reading.wants_text:
                await self.page.call("watchText", within=self._limits.control)
            if group:
                last = clock()
                yield group
            if reading.wants_final and not reading.over:
                yield reading.final(await self._final())

    async def _final(self) -> Any:
        wait = self._limits.control
        return await self.page.call("final", int(wait * 1000), within=2 * wait + 2)

    async def _until_idle(self) -> None:
        """Wait in the page itself, where it cannot report: for notices too, which end the wait."""
        total = self._limits.total
        self.page.waits(total + 5)
        script = """async ([wait]) => {
            const lib = globalThis.__switchyard;
            let was = false;
            await lib.until(() => {
                const busy = lib.busy(), turn = lib.all("model_turn").at(-1);
                was = was || busy;
                const failed = lib.notices().some((each) => each.level === "error");
                return !busy && (was || (turn && lib.finished(turn)) || failed);
            }, wait);
            return lib.notices();
        }"""
        async with asyncio.timeout(total + 5):
            told = await self.page.page.evaluate(script, [int(total * 1000)])
        for notice in told:
            self.reading.take({"kind": "notice", **notice}, 0.0)

    def _silent(self, seconds: float) -> Fault:
        self.page.broken = True
        what = "stopped in the middle of its answer" if self.reading.began else "did not begin to answer"
        return Fault("timeout", f"AI Studio {what} for {seconds:.0f} s; the page is replaced.")


def run_ids() -> Callable[[], str]:
    """Names for runs, unique within this process."""
    count = 0

    def following() -> str:
        nonlocal count
        count += 1
        return f"run-{count}"

    return following
