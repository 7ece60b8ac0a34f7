"""One router before two simulated upstreams: the one that is asked first and breaks, and the one that is well."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.cells import CELLS, PROVIDERS, Cell
from tests.router.api.harness import Answer, Running, ask, running
from tests.simulators import Misbehaviour, Upstream
from tests.simulators.server import Attempt

WORDS = 20
PROMPT = f"LONG {WORDS}"
WHOLE = "".join(f"word-{number:06} " for number in range(WORDS))
"""What every simulated model answers, whoever is asked."""
SPARE_KEYS = {"spare-claude": "sk-ant-sim-canary-of-the-spare", "spare-gpt": "sk-sim-canary-of-the-spare"}
SILENCE = 4.0
"""Seconds that an impatient router waits for a first event, and for the next one."""

WAITS = ("first_token", "slow_first_token", "idle")


@dataclass(frozen=True)
class Met:
    """What came of one cell. first, spare: the attempts that reached either upstream, in order."""

    cell: Cell
    answer: Answer
    first: list[Attempt]
    spare: list[Attempt]

    @property
    def tries(self) -> int:
        """Attempts up to the first content, as the answer's head tells."""
        return int(self.answer.headers.get("x-switchyard-attempts", "0"))


@dataclass
class World:
    """`meet` makes calls."""

    router: Running
    first: Upstream
    spare: Upstream

    def misbehave(self, cell: Cell, bad: Misbehaviour) -> None:
        if cell.situation == "once":
            self.first.script(bad, key=cell.key)
        else:
            self.first.always(bad, key=cell.key)

    async def meet(self, cell: Cell) -> Met:
        """One call, and what it did upstream."""
        before = len(self.spare.requests)
        more: dict[str, Any] = {}
        if cell.dialect == "chat" and cell.stream:
            more["stream_options"] = {"include_usage": True}
        path, body = ask(cell.dialect, cell.name, f"{PROMPT} for {cell.name}", stream=cell.stream, **more)
        answer = await self.router.send(path, body)
        mine = f"for {cell.name}".encode()
        return Met(
            cell,
            answer,
            [each for each in self.first.requests if each.key == cell.key],
            [each for each in self.spare.requests[before:] if mine in each.request.body],
        )

    def forget(self) -> None:
        """What was met before has no say in what comes."""
        self.first.behave()
        self.first.requests.clear()
        self.spare.requests.clear()
        self.router.router._health._entries.clear()


def settings(first: Upstream, spare: Upstream, silence: float | None) -> dict[str, Any]:
    keys: dict[str, list[Any]] = {name: [] for name in PROVIDERS.values()}
    aliases: dict[str, list[str]] = {}
    for cell in CELLS:
        keys[cell.provider].append({"key": cell.key, "models": [cell.model]})
        aliases[cell.name] = cell.targets
    plain = {"name": "plain", "base_url": first.base_url("openai"), "api_keys": keys["plain"]}
    answers = {**plain, "name": "answers", "api_keys": keys["answers"], "dialects": ["responses"]}
    gpt = {"name": "spare-gpt", "base_url": spare.base_url("openai"), "api_keys": [SPARE_KEYS["spare-gpt"]]}
    claude = {"name": "spare-claude", "base_url": spare.base_url("anthropic"), "api_keys": [SPARE_KEYS["spare-claude"]]}
    return {
        **({} if silence is None else {"server": {"timeouts": dict.fromkeys(WAITS, silence)}}),
        "providers": {
            "openai": None,
            "anthropic": {"base_url": first.base_url("anthropic"), "api_keys": keys["anthropic"]},
            "gemini": {"base_url": first.base_url("gemini"), "api_keys": keys["gemini"]},
            "openai_compatible": [plain, answers, gpt],
            "anthropic_compatible": [claude],
        },
        "models": {"aliases": aliases},
    }


@asynccontextmanager
async def world(first: Upstream, folder: Path, *, silence: float | None = None) -> AsyncIterator[World]:
    """silence: seconds of it that the router bears; None: as long as it does without settings, so that a machine that
    is busy proves nothing."""
    async with Upstream() as spare, running(first, folder, settings(first, spare, silence)) as router:
        yield World(router, first, spare)
