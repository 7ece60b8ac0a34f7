"""The core: a Gemini request in, Gemini response objects out, on whichever account and page can serve it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import random
from collections.abc import AsyncGenerator, Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from router.faults import Fault
from services.aistudio import engines, request
from services.aistudio.answer import AnswerWriter, fold
from services.aistudio.driver import Drive, run_ids
from services.aistudio.pool import Lease, Pool, Wish
from services.aistudio.profiles import Profiles, profiles_of
from services.aistudio.request import Job
from services.aistudio.selectors import Selectors, load
from services.aistudio.settings import Settings, Tier
from services.aistudio.tiers.memory import TierMemory

_log = logging.getLogger("switchyard.aistudio")
PROBE = 60.0
"""Seconds between two looks at idle browsers and old sessions."""


class Told(Struct):
    """What is known about an answer beside its content; complete when the first object has come."""

    profile: str = ""
    tier: Tier | None = None
    notes: list[str] = field(default_factory=list)

    def headers(self) -> dict[str, str]:
        """For the answer's head."""
        headers = {"x-aistudio-tier": self.tier or "none", "x-aistudio-profile": self.profile}
        if self.notes:
            told = " ".join("; ".join(self.notes).split())
            headers["x-switchyard-notes"] = told.encode("ascii", "replace").decode()[:1000]
        return headers


class AIStudio:
    """The service. `stream` and `generate` answer; `status` is what a router is told; `ready` says why it cannot work.

    wall, now: Unix time, and the time by which ages are measured (the event loop's, unless another is given).
    changed: called after something in `status` has changed. logs: the folder for the logs of what a virtual screen is
    made of, None for none."""

    def __init__(
        self,
        settings: Settings,
        *,
        profiles: Profiles | None = None,
        selectors: Selectors | None = None,
        wall: Callable[[], float],
        chance: random.Random,
        now: Callable[[], float] | None = None,
        changed: Callable[[], None] = lambda: None,
        logs: Path | None = None,
    ) -> None:
        self.settings = settings
        self.profiles = profiles or profiles_of(settings)
        self.selectors = selectors or load(settings.selectors)
        now = now or asyncio.get_running_loop().time
        self.pool = Pool(settings, self.selectors, self.profiles, now=now, wall=wall, logs=logs)
        self.tiers = TierMemory(settings.tiers)
        self.changed = changed
        self._now = now
        self._wall = wall
        self._chance = chance
        self._run = run_ids()
        self._refreshed: dict[str, float] = {}

    async def start(self) -> None:
        """Look for a browser and make pages ready. A missing browser or account is told by `ready`, not raised."""
        self.pool.background.spawn(self._look_after(), "look after")
        self.pool.background.spawn(self.pool.watch.run(), "watch the browser")
        with contextlib.suppress(engines.NoEngine):
            self.pool.browsers.check()
            self.pool.warming.spawn(self._warm(), "warm up")

    async def _warm(self) -> None:
        try:
            await self.pool.warm()
        except Fault as fault:
            _log.warning("no page is ready yet: %s", fault.message)
        self.changed()

    async def close(self) -> None:
        await self.pool.close()

    async def generate(
        self, model: str, body: Mapping[str, Any], told: Told, *, profile: str | None = None
    ) -> dict[str, Any]:
        """One whole answer. Raises `Fault`."""
        return fold([each async for each in self.stream(model, body, told, profile=profile, whole=True)])

    async def stream(
        self, model: str, body: Mapping[str, Any], told: Told, *, profile: str | None = None, whole: bool = False
    ) -> AsyncGenerator[dict[str, Any], None]:
        """An answer as it comes; closing this iterator stops the page. Raises `Fault`.

        profile: only this account; else another one is tried while nothing has been given out.
        whole: nobody reads before the end."""
        job = request.read(model, body)
        tries = 1 + max(1, len(self.profiles.names()))
        while True:
            tries -= 1
            writer = AnswerWriter(f"aistudio-{self._chance.getrandbits(64):016x}", job.model, thoughts=job.thoughts)
            try:
                answer = self._attempt(job, body, writer, told, Wish(profile=profile), whole)
                async with contextlib.aclosing(answer):
                    async for each in answer:
                        yield each
            except Fault as fault:
                if writer.began or not tries or not self._worth_another(told.profile, fault, profile):
                    raise
                _log.info("trying again after: %s", fault.message)
            else:
                return

    def _worth_another(self, profile: str, fault: Fault, only: str | None) -> bool:
        """Whether another account, or a new page, may do better. only: the account that was asked for."""
        if profile and self.profiles.trouble(profile, fault, self._wall()):
            self.changed()
            if only is not None:
                return False
            with contextlib.suppress(Fault):
                return bool(self.profiles.usable(self._wall()))
            return False
        return fault.code == "page_gone"

    async def _attempt(
        self, job: Job, body: Mapping[str, Any], writer: AnswerWriter, told: Told, wish: Wish, whole: bool
    ) -> AsyncGenerator[dict[str, Any], None]:
        told.profile = ""
        before = job.before if self.settings.continue_conversations else None
        wish = Wish(model=job.model, conversation=before, profile=wish.profile)
        async with self.pool.lease(wish) as lease:
            self.changed()
            told.profile = lease.page.profile
            tier = self.tiers.choose(self._possible(lease), self._now())
            continued = wish.conversation is not None and lease.page.conversation == wish.conversation
            if lease.page.conversation is not None and not continued:
                await lease.page.clear()
            drive = Drive(lease.page, job, self._run(), tier=tier, continued=continued, whole=whole)
            texts: list[str] = []
            pieces = drive.pieces()
            try:
                async with contextlib.aclosing(pieces):
                    async for group in pieces:
                        written = writer.write(group)
                        told.tier, told.notes = drive.reading.tier, _notes(drive, writer)
                        if written is not None:
                            texts += _said(written)
                            lease.use.waits(math.inf)  # for the reader
                            yield written
                            lease.use.sign()
                last = writer.end(job.prompt)
            finally:
                lease.stop = not drive.ended
                self.tiers.learn(tier, drive.reading.tier, drive.heard, self._now())
            told.notes = _notes(drive, writer, over=True)
            self.profiles.good(told.profile)
            if self.settings.continue_conversations and job.panel.functions is None:
                lease.keep = request.extended(request.turns_of(body), "".join(texts), job.panel)
            lease.use.waits(math.inf)
            yield last
        self.changed()

    def _possible(self, lease: Lease) -> tuple[Tier, ...]:
        page = lease.page
        wired = page.wire is not None or page.reports
        return tuple(tier for tier, can in (("network", wired), ("dom", page.reports), ("final", True)) if can)  # type: ignore[misc]

    async def _look_after(self) -> None:
        """Idle browsers end, old sessions are renewed, memory is looked at."""
        while True:
            await asyncio.sleep(PROBE * self._chance.uniform(0.9, 1.1))
            try:
                await self.pool.idle()
                if self.pool.browsers.running:
                    await self.pool.measure()
                await self.keep_fresh()
            except Exception:
                _log.exception("looking after the browser failed; it is tried again")

    async def keep_fresh(self) -> list[str]:
        """Renew the sessions that nothing has renewed for `keep_fresh` seconds, give or take a tenth. Returns which."""
        every = self.settings.keep_fresh
        renewed: list[str] = []
        if not every:
            return renewed
        for name in self.profiles.names():
            last = max(self.pool.accounts.saved(name) or 0.0, self._refreshed.get(name, 0.0))
            if last == 0.0:
                self._refreshed[name] = self._now()  # counted from the start of this service
                continue
            if self._now() - last < every * self._chance.uniform(0.9, 1.1):
                continue
            if self.profiles.health(name, self._wall()).state == "needs_login":
                continue
            self._refreshed[name] = self._now()
            with contextlib.suppress(Fault):  # remembered with the profile, and shown
                await self.pool.refresh(name)
                renewed.append(name)
        return renewed

    def broken(self) -> list[str]:
        """Why no account at all can be served: there is no browser, or no account."""
        reason = self.pool.browsers.reason
        return [
            *([reason] if reason else []),
            *([] if self.profiles.names() else ["There is no AI Studio profile yet: switchyard login aistudio"]),
        ]

    def hung(self) -> dict[str, str]:
        """What a new start would end: by the name of its cause, in words."""
        return {
            cause: text
            for cause, text in (("stuck", self.pool.stuck()), ("browser_hung", self.pool.watch.reason))
            if text
        }

    def ready(self) -> list[str]:
        """Why requests cannot be answered; empty when they can."""
        causes = [self.pool.browsers.reason] if self.pool.browsers.reason else []
        try:
            self.profiles.usable(self._wall())
        except Fault as fault:
            causes.append(fault.message)
        return causes

    def status(self) -> dict[str, Any]:
        """Capacity and health; no secrets."""
        choice = self.pool.browsers.choice
        now = self._wall()
        profiles = [{"name": name, **_shown(self.profiles.health(name, now))} for name in self.profiles.names()]
        return {
            **self.pool.status(),
            "engine": choice.engine if choice is not None else None,
            "tier": self.tiers.best(self._now()),
            "selectors": self.selectors.version,
            "models": self.pool.accounts.models,
            "profiles": profiles,
            "not_ready": self.ready(),
        }


def _shown(health: Any) -> dict[str, Any]:
    return {"state": health.state, "until": health.until, "reason": health.reason}


def _said(written: dict[str, Any]) -> list[str]:
    parts = written["candidates"][0]["content"]["parts"]
    return [part["text"] for part in parts if "text" in part and not part.get("thought")]


def _notes(drive: Drive, writer: AnswerWriter, *, over: bool = False) -> list[str]:
    notes = list(drive.notes)
    if drive.reading.tier == "dom":
        notes.append("text (as the page shows it, without its Markdown)")
    if (over or drive.reading.tier != "network") and not writer.counted:
        notes.append("usageMetadata (estimated)")
    return notes
