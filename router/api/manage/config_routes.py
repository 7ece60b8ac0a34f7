"""The settings over the management API: look, check, see what would change, put in force, go back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from router.access.sources import settings_keys
from router.api.manage.operation import Asked, Operation, Refused
from router.config_history import ConfigHistory, Stale, Version, digest_of
from router.consequences import Consequences, consequences, side
from router.gateway import Gateway
from router.models.capabilities import CapabilityMistakes
from router.routing.table import RoutingMistakes
from router.settings.borrowed import borrowed, exposed, quotes
from router.settings.change_plan import Change, changes, names_a_file, out_of_reach
from router.settings.load import Loaded
from router.settings.mistakes import SettingsError
from router.settings.shown import rows
from router.settings.veil import Unknown, kept, secrets_in, secrets_of, unveiled, veiled
from router.snapshot import Snapshot
from router.usage.price_file import PriceMistakes

LARGEST = 1024 * 1024
_ELSEWHERE = "names a file: that can be changed in the settings file alone, not from here"
_UNTOLD = "has what stands for a secret or for a variable of this machine where everybody would read it"
_REMEDY = "Write the text itself, or change the file on its machine."


class Setting(Struct, frozen=True):
    """One setting in force. value: secrets masked. origin: default, the file, or a variable."""

    path: str
    value: Any
    origin: str


class Config(Struct, frozen=True):
    """text: the file, a mark such as "kept:3" in the place of each secret; "" where it is no YAML. digest: of the
    file, to be sent back when it is changed. error: why a changed file is not in force."""

    file: str
    digest: str
    text: str
    settings: list[Setting]
    warnings: list[str]
    restart_needed: list[str]
    error: str | None


class Given(Struct, forbid_unknown_fields=True):
    """A whole settings file; marks in it stand for the secrets of the file in force."""

    text: str


class Applied(Struct, forbid_unknown_fields=True):
    """The same, with the digest of the file that it was made of."""

    text: str
    digest: str


class Mistake(Struct, frozen=True):
    """line: in the text that was sent, None where the mistake is about no line."""

    path: str
    problem: str
    remedy: str | None
    line: int | None


class Plan(Struct, frozen=True):
    """What a text would do. changes: in words too. beyond_reach: settings that only the file itself can change.
    consequences: what follows from the changes for client keys, routes, providers, limits and the next start."""

    ok: bool
    mistakes: list[Mistake]
    warnings: list[str]
    changes: list[Change]
    beyond_reach: list[str]
    providers_added: list[str]
    providers_removed: list[str]
    consequences: Consequences = Consequences()


class Done(Struct, frozen=True):
    """In force. digest: of the new file. restart_needed: what waits for the next start."""

    digest: str
    changes: list[Change]
    restart_needed: list[str]


class Unfit(Refused):
    """A file that has mistakes. plan: has them one by one."""

    def __init__(self, message: str, plan: Plan) -> None:
        super().__init__(400, message)
        self.plan = plan


class History(Struct, frozen=True):
    """Settings files that were replaced, the newest first."""

    versions: list[Version]


class Back(Struct, forbid_unknown_fields=True):
    """id: of a version. digest: of the file in force."""

    id: str
    digest: str


class ConfigDesk:
    """check: the settings and what follows from them, from a text; raises what `SettingsFile` raises. apply: puts a
    text that lies in the file in force at once. environ: the variables that a text may name."""

    def __init__(
        self,
        gateway: Gateway,
        history: ConfigHistory,
        file: str,
        check: Callable[[str], tuple[Loaded, Snapshot]],
        apply: Callable[[], Any],
        environ: Mapping[str, str],
        wall: Callable[[], float],
    ) -> None:
        self._gateway = gateway
        self._history = history
        self._file = file
        self._check = check
        self._apply = apply
        self._environ = environ
        self._wall = wall
        self._editing = asyncio.Lock()

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/config", need="operator", name="config", answer=Config, handler=self.get,
                summary="The settings file and every setting in force, secrets masked.",
            ),
            Operation(
                method="POST", path="/config/plan", need="operator", name="config_plan", body=Given, answer=Plan,
                handler=self.plan, summary="What a settings file would change, or what is wrong with it.", size=LARGEST,
            ),
            Operation(
                method="PUT", path="/config", need="admin", name="config_apply", body=Applied, answer=Done,
                handler=self.put, summary="Put a settings file in force; the old one is kept.", audited=True,
                size=LARGEST,
            ),
            Operation(
                method="GET", path="/config/history", need="operator", name="config_history", answer=History,
                handler=self.versions, summary="Settings files that were replaced.",
            ),
            Operation(
                method="POST", path="/config/rollback", need="admin", name="config_rollback", body=Back, answer=Done,
                handler=self.back, summary="Put an earlier settings file in force again.", audited=True,
            ),
        ]  # fmt: skip

    async def get(self, asked: Asked) -> Config:
        current, gateway = self._gateway.current, self._gateway
        text = await asyncio.to_thread(self._history.text)
        return Config(
            file=self._file,
            digest=digest_of(text),
            text=await asyncio.to_thread(lambda: veiled(text, self._secrets(text))),
            settings=[Setting(*row) for row in rows(current.settings, current.provenance)],
            warnings=list(current.warnings),
            restart_needed=list(gateway.restart_needed),
            error=gateway.config_error,
        )

    def _secrets(self, text: str) -> frozenset[str]:
        """Those in force, and what looks like one: the file may be newer than what is in force, and have a mistake."""
        return secrets_of(self._gateway.current.settings) | secrets_in(text)

    async def plan(self, asked: Asked) -> Plan:
        before = await asyncio.to_thread(self._history.text)
        return (await asyncio.to_thread(self._planned, before, asked.body.text))[0]

    async def put(self, asked: Asked) -> Done:
        before = await asyncio.to_thread(self._history.text)
        plan, whole = await asyncio.to_thread(self._planned, before, asked.body.text)
        return await self._in_force(plan, whole, asked.body.digest, asked.who.key.name)

    async def edit(self, edited: Callable[[str], str], who: str) -> Done:
        """Put in force what a function makes of the file: on a thread, its `Refused` goes on. No mark of a secret is
        taken for one in it. One at a time: nobody has seen the file before, so nobody could be told to look again."""
        async with self._editing:
            before = await asyncio.to_thread(self._history.text)
            whole = await asyncio.to_thread(edited, before)
            plan = await asyncio.to_thread(self._judged, before, whole)
            return await self._in_force(plan, whole, digest_of(before), who)

    async def versions(self, asked: Asked) -> History:
        return History(await asyncio.to_thread(self._history.versions))

    async def back(self, asked: Asked) -> Done:
        text = await asyncio.to_thread(self._history.version, asked.body.id)
        if text is None:
            raise Refused(404, f"There is no version {asked.body.id[:100]!r}.")
        before = await asyncio.to_thread(self._history.text)
        plan = await asyncio.to_thread(self._judged, before, text)
        return await self._in_force(plan, text, asked.body.digest, asked.who.key.name)

    async def _in_force(self, plan: Plan, whole: str, digest: str, who: str) -> Done:
        if plan.beyond_reach:
            names = ", ".join(plan.beyond_reach[:10])
            raise Refused(403, f"These settings can be changed in the file alone, not from here: {names}.")
        if plan.mistakes:
            told = "; ".join(f"{each.path}: {each.problem}" for each in plan.mistakes[:5])
            raise Unfit(f"The settings have {len(plan.mistakes)} mistakes and were not put in force: {told}", plan)
        before = await asyncio.to_thread(self._history.text)
        try:
            new = await asyncio.to_thread(self._history.put, whole, digest, who)
        except Stale:
            raise Refused(409, "The file has changed meanwhile. Read it again and repeat the change.") from None
        await self._apply()
        if (problem := self._gateway.config_error) is not None:
            await self._taken_back(before, new, who)
            raise Refused(503, f"It could not be put in force, and the file is as it was: {problem}")
        return Done(new, plan.changes, list(self._gateway.restart_needed))

    async def _taken_back(self, before: str, new: str, who: str) -> None:
        """Put the file back that was there, so that the next start does not meet what could not be put in force."""
        try:
            await asyncio.to_thread(self._history.put, before or None, new, who)
        except Stale:
            raise Refused(503, "It could not be put in force, and somebody has changed the file meanwhile.") from None
        await self._apply()

    def _planned(self, before: str, text: str) -> tuple[Plan, str]:
        """The plan, and the text with its secrets."""
        secrets = self._secrets(before)
        try:
            whole = unveiled(text, before, secrets)
        except Unknown as problem:
            return _wrong([Mistake("", f"{problem}", "Leave the marks of secrets as they are.", None)]), ""
        lent = borrowed(text, veiled(before, secrets), kept(before, secrets), self._environ)
        return self._judged(before, whole, lent), whole

    def _judged(self, before: str, whole: str, lent: frozenset[str] = frozenset()) -> Plan:
        """What a text with its secrets would do. lent: texts that whoever sent it has not written and must not read.
        Reads files: for a thread."""
        current, beyond = self._gateway.current, out_of_reach(before, whole)
        files = [path for path in beyond if names_a_file(path)]
        if files:  # which may be anything, and whoever asks must not even learn whether they are there
            return _wrong([Mistake(path, _ELSEWHERE, None, None) for path in files], beyond)
        try:
            loaded, snapshot = self._check(whole)
        except (SettingsError, RoutingMistakes, CapabilityMistakes, PriceMistakes) as problem:
            return _wrong([_discreet(mistake, lent) for mistake in _mistakes(problem)])
        open_to_all = [
            Mistake(path, _UNTOLD, _REMEDY, None) for path in exposed(loaded.settings, current.settings, lent)
        ]
        if open_to_all:
            return _wrong(open_to_all)
        made = changes(Loaded(current.settings, current.provenance, current.warnings), loaded)
        serving = {name for name, each in current.providers.items() if each.reason is None}
        will = {name for name, each in snapshot.providers.items() if each.reason is None}
        return Plan(
            ok=True,
            mistakes=[],
            warnings=list(loaded.warnings),
            changes=made,
            beyond_reach=beyond,
            providers_added=sorted(will - serving),
            providers_removed=sorted(serving - will),
            consequences=self._consequences(current, snapshot, made),
        )

    def _consequences(self, current: Snapshot, new: Snapshot, made: list[Change]) -> Consequences:
        now, keys = self._wall(), self._gateway.keys.keys()
        others = [key for key in keys if key.source != "settings"]
        then = [*settings_keys(new.settings), *others]
        return consequences(side(current, keys, now), side(new.for_keys(then), then, now), made)


def _mistakes(
    problem: SettingsError | RoutingMistakes | CapabilityMistakes | PriceMistakes,
) -> Iterator[Mistake]:
    if isinstance(problem, SettingsError):
        yield from (Mistake(one.path, one.problem, one.remedy, one.line) for one in problem.mistakes)
    elif isinstance(problem, RoutingMistakes):
        yield from (Mistake(f"models.{one.where}", one.message, None, None) for one in problem.mistakes)
    else:
        path = "usage.prices" if isinstance(problem, PriceMistakes) else "models.capabilities"
        yield Mistake(path, str(problem), None, None)


def _discreet(mistake: Mistake, lent: frozenset[str]) -> Mistake:
    """The same without what it may not tell."""
    path = "" if quotes(mistake.path, lent) else mistake.path
    if path == mistake.path and not quotes(mistake.problem, lent) and not quotes(mistake.remedy, lent):
        return mistake
    return Mistake(path, _UNTOLD, _REMEDY, mistake.line)


def _wrong(mistakes: list[Mistake], beyond: Sequence[str] = ()) -> Plan:
    return Plan(False, mistakes, [], [], list(beyond), [], [])
