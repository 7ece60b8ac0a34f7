"""The service's one way to an answer: accounts of Gemini's page in turn, then the chain of gpt4free."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Callable
from functools import partial

from msgspec.structs import replace

from router.faults import Fault
from router.tasks import Tasks
from services.link.cause import Cause
from services.webai import chains, extras, free
from services.webai.accounts import NEEDS_LOGIN, Accounts, Health
from services.webai.asking import Ask, Piece, Told
from services.webai.chains import Blacklist, Link
from services.webai.gemini_package import Package
from services.webai.gemini_web import DEFAULT_MODELS, GeminiWeb
from services.webai.pages import Pages
from services.webai.patience import Patience
from services.webai.settings import Settings

_log = logging.getLogger("switchyard.webai")
TICK = 30.0
_NOT_THEIRS = frozenset({"bad_request", "too_long", "too_large", "not_found"})
"""Faults of the caller: they say nothing about a provider of gpt4free."""
"""Seconds between two looks at files, rotations and pages that did not open."""


class WebAI:
    """changed: called when readiness or models may have become other."""

    def __init__(
        self,
        settings: Settings,
        accounts: Accounts,
        package: Package,
        worker: free.Worker,
        wall: Callable[[], float],
        changed: Callable[[], None],
    ) -> None:
        self.settings = settings
        self.accounts = accounts
        self.installed = extras.installed()
        self.pages = Pages(settings, accounts, package, wall, changed)
        self._changed = changed
        self._was_ready = False
        self._worker = worker
        self._tasks = Tasks("webai")
        fallback = settings.fallback
        self._blacklist = Blacklist(fallback.failures, fallback.blacklist, fallback.blacklist_most)

    @property
    def gemini(self) -> bool:
        """Whether Gemini's page can be asked at all."""
        return self.settings.gemini.enabled and self.installed[extras.GEMINI] is not None

    @property
    def free(self) -> bool:
        """Whether gpt4free can be asked at all."""
        return self.settings.fallback.enabled and self.installed[extras.FREE] is not None

    @property
    def busy(self) -> int:
        """Answers under way."""
        return self.pages.busy + self._worker.busy

    @property
    def capacity(self) -> int:
        """Answers that can be under way at the same time."""
        pages = len(self.accounts.usable()) * self.settings.gemini.concurrency if self.gemini else 0
        return pages + (self.settings.fallback.concurrency if self.free else 0)

    async def start(self) -> None:
        """Open the accounts in the background, and look after them from now on."""
        self._tasks.spawn(self.look(), "start")
        self._tasks.periodic(lambda: TICK, self.look, "look")

    async def look(self) -> None:
        """Look after the accounts, and notice what has become other by itself."""
        if self.gemini:
            await self.pages.look()
        self._notice()

    async def close(self) -> None:
        """End everything; answers that are open end with it."""
        await self._tasks.close()
        await self.pages.close()
        await self._worker.close()

    async def answer(self, ask: Ask, told: Told) -> AsyncGenerator[Piece, None]:
        """The answer, piece by piece, from whoever can give it. Raises `Fault`."""
        now, times = time.monotonic(), self.settings.timeouts
        patience = Patience(first=now + times.first, total=now + times.total, idle=times.idle)
        begun = False
        faults: list[Fault] = []
        async for source in self._sources(ask, faults, patience):
            try:  # one after the other: the next is looked for when this one has failed
                async with contextlib.aclosing(source(told, patience)) as pieces:
                    async for piece in pieces:
                        begun = True
                        yield piece
            except Fault as fault:
                faults.append(fault)
                if begun or not fault.meaning.moves_on or patience.left(False, time.monotonic()) <= 0:
                    raise
                _log.info("moved on: %s", fault.message)
                told.notes.clear()
            else:
                return
        raise self._why(ask, faults)

    def models(self) -> list[str]:
        """Names that can be asked for, each once."""
        found = self.pages.models()
        if self.gemini and self.accounts.names():
            found = [DEFAULT_MODELS[0], *found]
        if self.free:
            chained = self.settings.fallback.chains
            found += [name for name in chained if name != chains.ANY]
            found += [chains.PREFIX + each for links in chained.values() for each in links]
        return list(dict.fromkeys(found))

    def causes(self) -> list[Cause]:
        """Why it cannot do its job, or not as was meant; starting it anew helps with none of it."""
        usable = self.accounts.usable()
        can_page = self.gemini and bool(usable)
        absent = self._blacklist.absent(time.monotonic())
        links = {chains.link(each).provider for chain in self.settings.fallback.chains.values() for each in chain}
        can_free = self.free and any(absent.get(name, 0.0) <= 0 for name in links)
        found = []
        if self.settings.gemini.enabled and not self.gemini:
            found.append(("gemini_missing", extras.missing(extras.GEMINI), not can_free))
        elif self.gemini and not can_page:
            found.append(("no_account", self.accounts.why_none().message, not can_free))
        elif self.gemini and (waiting := self.accounts.for_a_person()):
            text = "; ".join(f"{name}: {reason}" for name, reason in waiting.items())
            found.append((NEEDS_LOGIN, f"{text}. Give new cookies: switchyard login webai --label NAME", False))
        if can_page and all(map(self.pages.rests, usable)):  # whose callers are told for how long
            text = "; ".join(f"{each['name']}: {each['cause']}" for each in self.accounts.told() if each["cause"])
            found.append(("limited", f"Every model of every account rests. {text}", False))
        if self.settings.fallback.enabled and not self.free:
            found.append(("g4f_missing", extras.missing(extras.FREE), not can_page))
        elif self.free and not can_free:
            text = "Every provider of gpt4free has failed lately." if links else "fallback.chains names no provider."
            found.append(("fallback", text, not can_page))
        if not self.settings.gemini.enabled and not self.settings.fallback.enabled:
            found.append(("nothing_enabled", "gemini.enabled and fallback.enabled are both off.", True))
        return [Cause(cause=name, text=text, blocking=blocking) for name, text, blocking in found]

    def ready(self) -> bool:
        """Whether it can do its job."""
        return not any(each.blocking for each in self.causes())

    def _notice(self) -> None:
        """Tell where readiness has changed."""
        ready = self.ready()
        if ready != self._was_ready:
            self._was_ready = ready
            self._changed()

    def fallback_state(self) -> dict[str, object]:
        """For /readyz: who is left out, and for how long."""
        absent = self._blacklist.absent(time.monotonic())
        return {
            "enabled": self.settings.fallback.enabled,
            "installed": self.installed[extras.FREE] is not None,
            "chains": {name: list(links) for name, links in self.settings.fallback.chains.items()},
            "left_out": {name: round(seconds, 1) for name, seconds in absent.items()},
        }

    async def _sources(
        self, ask: Ask, faults: list[Fault], patience: Patience
    ) -> AsyncGenerator[Callable[[Told, Patience], AsyncGenerator[Piece, None]], None]:
        """Whom to ask, one after the other, as long as nobody has answered. faults: of those who were asked."""
        picked = chains.named(ask.model)
        if picked is None and self.gemini:
            for name in self._accounts_for(ask):
                try:
                    page = await self.pages.opened(name, patience.left(False, time.monotonic()))
                except Fault as fault:
                    faults.append(fault)
                    if patience.left(False, time.monotonic()) <= 0:
                        return
                    continue
                if (resting := self.accounts.resting(name, page.known_as(ask.model))) is not None:
                    faults.append(resting)
                    continue
                if self.pages.full(name):
                    faults.append(Fault("overloaded", f"The account {name} is busy.", retry_after=2))
                    continue
                yield partial(self._asked_page, name, page, ask)
        if ask.going is not None or not self.free:
            return
        listed = [picked] if picked is not None else chains.chain(self.settings.fallback.chains, ask.model)
        for link in listed:
            began = time.monotonic()
            if picked is None and not self._blacklist.admits(link.provider, began):
                text = f"{link.provider} of gpt4free failed too often lately."
                faults.append(Fault("unavailable", text, retry_after=self._absence(link)))
            elif self._worker.busy >= self.settings.fallback.concurrency:
                self._blacklist.undecided(link.provider, began)
                faults.append(Fault("overloaded", "gpt4free is busy.", retry_after=2))
            else:
                yield partial(self._asked_free, link, ask, began)

    def _accounts_for(self, ask: Ask) -> list[str]:
        usable = self.accounts.usable()
        if ask.going is not None:
            return [name for name in usable if name == ask.going.account]
        return sorted(usable, key=lambda name: (not self.pages.is_open(name), self.pages.busy_of(name)))

    async def _asked_page(
        self, name: str, page: GeminiWeb, ask: Ask, told: Told, patience: Patience
    ) -> AsyncGenerator[Piece, None]:
        try:
            async with contextlib.aclosing(page.answer(ask, told, patience)) as pieces:
                async for piece in pieces:
                    yield piece
        except Fault as fault:
            self.accounts.trouble(name, fault, self.settings.gemini.rest, model=page.known_as(ask.model))
            raise
        self.accounts.set(name, Health(state="ready"))

    async def _asked_free(
        self, link: Link, ask: Ask, began: float, told: Told, patience: Patience
    ) -> AsyncGenerator[Piece, None]:
        """began: moment of the beginning, by which the blacklist knows the call."""
        decided = False
        told.served_by, told.model = f"gpt4free/{link.provider}", link.model or link.provider
        waits = replace(patience, first=min(patience.first, began + self.settings.fallback.first))
        try:
            async with contextlib.aclosing(self._worker.answer(link, ask, waits)) as pieces:
                async for piece in pieces:
                    if time.monotonic() > patience.total:
                        raise Fault("timeout", "The answer took too long.")
                    yield piece
            self._blacklist.good(link.provider)
            decided = True
            self._notice()
        except Fault as fault:
            if fault.kind not in _NOT_THEIRS and not isinstance(fault, free.Ours):
                self._blacklist.bad(link.provider, began, time.monotonic())
                decided = True
                self._notice()
            raise
        finally:
            if not decided:
                self._blacklist.undecided(link.provider, began)

    def _why(self, ask: Ask, faults: list[Fault]) -> Fault:
        """Nobody answered: the fault for the caller."""
        if ask.going is not None and not faults:
            text = f"The account of this chat, {ask.going.account}, cannot go on with it now."
            reason = self.accounts.health(ask.going.account).reason or "It is not here."
            return Fault("unavailable", f'{text} {reason} Or begin a new chat with "new".', retry_after=30)
        if faults:
            fault = next((fault for fault in faults if fault.kind != "not_found"), faults[0])
            if fault.kind == "rate_limited":  # the limit that ends first
                limits = [each for each in faults if each.kind == fault.kind]
                fault = min(limits, key=lambda each: each.retry_after or self.settings.gemini.rest)
            if fault.retry_after is None and fault.kind in ("rate_limited", "overloaded", "unavailable"):
                fault.retry_after = self.settings.gemini.rest if fault.kind == "rate_limited" else 30.0
            return fault
        if chains.named(ask.model) is not None or not self.settings.gemini.enabled:
            if not self.settings.fallback.enabled:
                return Fault("not_found", "gpt4free is off: providers.webai.fallback.enabled.", code="model_not_found")
            if not self.free:
                return Fault("unavailable", extras.missing(extras.FREE), retry_after=300)
            return Fault("not_found", f'No chain of gpt4free serves "{ask.model[:80]}".', code="model_not_found")
        if not self.gemini:
            return Fault("unavailable", extras.missing(extras.GEMINI), retry_after=300)
        return self.accounts.why_none()

    def _absence(self, link: Link) -> float:
        return max(1.0, self._blacklist.absent(time.monotonic()).get(link.provider, 1.0))
