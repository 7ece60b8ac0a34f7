"""Random calls of many keys with limits: what is asked, and what goes wrong with it."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.router.api.harness import DIALECTS, ask, error_text
from tests.router.api.test_ledger import ROUTES, TARGETS
from tests.simulators import Misbehaviour, Upstream
from tests.simulators.faulty import cut, hang, status

KINDS = (
    "plain", "plain", "plain", "plain", "plain", "busy", "busy", "all busy", "refused", "breaks", "breaks", "silent",
    "leaves", "leaves early",
)  # fmt: skip
LOOSE = frozenset({"silent"})
"""Scenes whose answers a simulator counts and does not report: what the ledger has of them is an estimate."""
PATIENCE = 150.0
"""Seconds of a client; nothing takes nearly as long on an idle machine."""
ACCOUNTS = 24
"""Of each provider: those that met a fault rest for a while."""
PREFIXES = {"openai": "sk-sim-limits-", "anthropic": "sk-ant-sim-limits-", "gemini": "AIzaSim-limits-"}


def population(scale: float = 1.0) -> dict[str, dict[str, Any]]:
    """Settings of keys by name: each kind of limit alone, and some together. scale: of those of days and months."""
    tokens, dollars = int(1500 * scale), round(0.003 * scale, 6)
    limits: dict[str, dict[str, Any]] = {
        "requests": {"requests_per_minute": 4},
        "tokens": {"tokens_per_minute": 900},
        "tokens-day": {"tokens_per_day": tokens},
        "tokens-month": {"tokens_per_month": 2 * tokens},
        "money-day": {"usd_per_day": dollars},
        "money-month": {"usd_per_month": 2 * dollars},
        "minutes": {"requests_per_minute": 5, "tokens_per_minute": 1000},
        "days": {"tokens_per_day": tokens, "usd_per_day": dollars},
        "everything": {
            "requests_per_minute": 5, "tokens_per_minute": 1000, "tokens_per_day": tokens,
            "tokens_per_month": 2 * tokens, "usd_per_day": dollars, "usd_per_month": 2 * dollars,
        },
    }  # fmt: skip
    keys: dict[str, dict[str, Any]] = {name: {"limits": own} for name, own in limits.items()}
    keys["free"] = {}
    keys["two"] = {"concurrency": 2}
    keys["queue"] = {"concurrency": 2, "queue": 1, "limits": {"requests_per_minute": 12}}
    return keys


def secret(name: str) -> str:
    return f"sk-limits-{name}"


def settings(upstream: Upstream, keys: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Of a router with these keys before three providers."""
    more = {"openai": {"dialects": ["chat", "responses"]}}
    providers = {
        host: {
            "base_url": upstream.base_url(host),
            "api_keys": [{"key": f"{prefix}{number}"} for number in range(ACCOUNTS)],
            **more.get(host, {}),
        }
        for host, prefix in PREFIXES.items()
    }
    entries = [{"name": name, "key": secret(name), **facts} for name, facts in keys.items()]
    return {
        "auth": {"keys": entries},
        "providers": providers,
        "models": {"aliases": ROUTES},
        "observe": {"level": "error"},
        "server": {"timeouts": {"idle": 2}},
        "retry": {"max_attempts": 5, "deadline": 20},
    }


@dataclass
class Scene:
    """One call. sent, ended: `time.monotonic` of its client. status: None where it never got a head."""

    kind: str
    key: str
    marker: str
    dialect: str
    first: str
    path: str
    body: Any
    bad: list[tuple[str | None, Misbehaviour]] = field(default_factory=list)
    status: int | None = None
    headers: Any = None
    text: str = ""
    call_id: str = ""
    whole: bool = False

    @property
    def refusal(self) -> str:
        """What an error answer says, which is one of the dialect."""
        return error_text(self.dialect, json.loads(self.text))


def scene(chance: random.Random, number: int, keys: list[str]) -> Scene:
    kind, marker, dialect = chance.choice(KINDS), f"zq{number:05d}", chance.choice(DIALECTS)
    first = chance.choice(list(TARGETS))
    stream = kind in ("breaks", "leaves", "silent") or chance.random() < 0.5
    words = {"breaks": chance.randint(15, 40), "leaves": 300}.get(kind, chance.randint(1, 60))
    gap = 20 if kind == "leaves" else chance.choice((0, 0, 3))
    said = f"{marker} LONG {words}{f' GAP {gap}' if gap else ''} " + "more " * chance.randint(0, 60)
    path, body = ask(dialect, f"first-{first}", said, stream=stream)
    bad: list[tuple[str | None, Misbehaviour]] = []
    if kind == "busy":
        bad = [(None, status(chance.choice((429, 500, 503, 529)), retry_after="0"))]
    elif kind == "all busy":
        bad = [(host, status(503, retry_after="0")) for host in TARGETS for _ in range(6)]
    elif kind == "refused":
        bad = [(None, status(400))]
    elif kind == "breaks":
        bad = [(None, cut(events=chance.randint(1, 12), ending=chance.choice(("cut", "reset", "error", "malformed"))))]
    elif kind == "silent":
        bad = [(None, Misbehaviour(drop_end=True))]
    elif kind == "leaves early":
        bad = [(None, hang())]
    return Scene(kind, chance.choice(keys), marker, dialect, first, path, body, bad)


async def play(url: str, upstream: Upstream, each: Scene) -> None:
    """Ask, and go away where the scene wants it. Raises what keeps a client from an answer."""
    for host, bad in each.bad:
        upstream.script(bad, model=each.marker, host=host)
    headers = {"authorization": f"Bearer {secret(each.key)}", "user-agent": each.marker}
    async with aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=PATIENCE)) as client:
        asking = asyncio.get_running_loop().create_task(_ask(client, url + each.path, each))
        if each.kind == "leaves early":
            await until_either(asking, upstream.seen(each.marker))
            asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        if not asking.cancelled() and (error := asking.exception()) is not None:
            if isinstance(error, TimeoutError):
                raise AssertionError(f"no answer: {each}") from error
            raise error


async def _ask(client: aiohttp.ClientSession, url: str, each: Scene) -> None:
    async with client.post(url, json=each.body) as response:
        each.status, each.headers = response.status, response.headers.copy()
        each.call_id = response.headers["x-switchyard-request-id"]
        if each.kind == "leaves" and response.status == 200:
            await response.content.readany()
            return  # and closes the connection
        each.text = (await response.read()).decode()
        each.whole = True


async def until_either(asking: asyncio.Task[None], seen: Awaitable[None]) -> None:
    """Until a simulator has seen the call, or its client has been told that it will not."""
    waiting = asyncio.get_running_loop().create_task(awaited(seen))
    await asyncio.wait({asking, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def awaited(seen: Awaitable[None]) -> None:
    """As a coroutine, which a task is made of."""
    await seen


async def play_all(scenes: list[Scene], at_once: int, one: Callable[[Scene], Awaitable[None]]) -> None:
    """All of them, so many at a time."""
    waiting = list(reversed(scenes))

    async def player() -> None:
        while waiting:
            await one(waiting.pop())

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(player())
