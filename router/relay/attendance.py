"""Which services should be here and are not, and which were: since when, why, and what to do. Pure but for what it
remembers; it is told of the time.

Sessions end and announcements run out without leaving anything behind; whoever looks at the first screen asks for just
that. Kept for this process: after a restart of the router services come back by themselves, and what the settings turn
on is missed anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from msgspec import Struct

from router.relay.announced import Announcement
from router.relay.session import Session
from router.settings.schema import Settings

REMEMBERED = 86_400.0
"""Seconds for which one that has gone is told, where nothing in the settings asks for it."""
MOST = 64
NEVER = "none has connected since the router started or the settings turned it on"
GONE = "its connection ended"
SILENT = "it says nothing more of itself"


class Present(Struct, frozen=True):
    """One that is here. plain: a browser without a service, which comes and goes as somebody opens a page. why: asked
    once it has gone, "" where nobody knows."""

    service: str
    name: str
    plain: bool = False
    why: Callable[[], str] = str


class Wanted(Struct, frozen=True):
    """What the settings turn on. service: any of this kind will do; name: this very one. program: the one under
    supervisord that it is, "" where it runs elsewhere. remedy: what to do where it is not here."""

    service: str
    name: str = ""
    program: str = ""
    remedy: str = ""


class Absent(Struct, frozen=True):
    """One that is not here. name: "" where none has ever come. since: Unix seconds. wanted: the settings turn it on, so
    it is down; else it has just gone. cause, remedy: in words."""

    service: str
    name: str
    since: float
    cause: str
    wanted: bool
    program: str = ""
    remedy: str = ""


class _Left(Struct, frozen=True):
    present: Present
    at: float
    cause: str


_Key: TypeAlias = tuple[str, str]
"""Service and name: those of two kinds may be called the same."""


class Attendance:
    """Told every few seconds who is here."""

    def __init__(self) -> None:
        self._here: dict[_Key, Present] = {}
        self._left: dict[_Key, _Left] = {}
        self._missed: dict[Wanted, float] = {}

    def look(self, here: Iterable[Present], wanted: Sequence[Wanted], now: float) -> list[Absent]:
        """Who is absent, the wanted first. here: all that are connected or known now. now: Unix time."""
        self._follow({(each.service, each.name): each for each in here}, now)
        missed = [each for each in wanted if not any(_is(each, one) for one in self._here.values())]
        self._missed = {each: self._missed.get(each, now) for each in missed}
        found = [self._absent(each, at) for each, at in self._missed.items()]
        told = {(each.service, each.name) for each in found}
        others = [
            Absent(service, name, left.at, left.cause, wanted=False)
            for (service, name), left in sorted(self._left.items())
            if (service, name) not in told and not left.present.plain
        ]
        return [*found, *others]

    def _follow(self, here: dict[_Key, Present], now: float) -> None:
        for key, before in self._here.items():
            if key not in here:
                self._left[key] = _Left(before, now, before.why() or GONE)
        self._here = here
        kept = [
            each for each in self._left.items() if each[0] not in here and now - each[1].at < REMEMBERED
        ]  # in the order in which they went
        self._left = dict(kept[-MOST:])

    def _absent(self, wanted: Wanted, missed: float) -> Absent:
        """The newest of those that were what is wanted tells since when."""
        left = next((each for each in reversed(self._left.values()) if _is(wanted, each.present)), None)
        return Absent(
            service=wanted.service or (left.present.service if left is not None else ""),
            name=wanted.name or (left.present.name if left is not None else ""),
            since=left.at if left is not None else missed,
            cause=left.cause if left is not None else NEVER,
            wanted=True,
            program=wanted.program,
            remedy=wanted.remedy,
        )


def _is(wanted: Wanted, present: Present) -> bool:
    return present.name == wanted.name if wanted.name else present.service == wanted.service


def present(sessions: Iterable[Session], announced: Iterable[Announcement]) -> list[Present]:
    """Everybody who is connected, or has told of itself."""
    dialled = [Present(each.service, each.name, each.facts.plain, each.why) for each in sessions]
    return [*dialled, *(Present(said.service, said.name, why=lambda: SILENT) for said in announced)]


def wanted_by(settings: Settings) -> list[Wanted]:
    """The services that the settings turn on."""
    found = []
    studio, web = settings.providers.aistudio, settings.providers.webai
    if studio is not None and studio.enabled:
        found.append(_ours("aistudio", "providers.aistudio", "docs/aistudio.md", starts=studio.service.start))
    if web is not None and web.enabled:
        found.append(_ours("webai", "providers.webai", "docs/webai.md", starts=web.service.start))
    for own in settings.services:
        if own.relay:
            remedy = f"See logs/{own.name}.log; it must connect to /v1/ws under this name (docs/relay.md)."
            found.append(Wanted("", own.name, own.name, remedy))
    return found


def _ours(service: str, setting: str, page: str, *, starts: bool) -> Wanted:
    if starts:
        text = f"`make up` starts it; why it does not come stands in logs/{service}.log, and `switchyard doctor` looks."
        return Wanted(service, program=service, remedy=f"{text} Not needed? Turn {setting} off. More: {page}.")
    text = f"{setting}.service.start is off, so start it where it runs, with this router's address and the service key"
    return Wanted(service, remedy=f"{text}. More: {page}.")
