"""Which models an account has at cto.new, and which of them a name means.

One model has three spellings there (``gpt_5_4``, ``gpt-5.4``, ``GPT5_4``) and a fourth here (``ctonew-gpt-5-4``): names
are compared by their letters and digits alone.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from msgspec import Struct

from router.clock import Clock
from router.faults import Fault
from router.providers.ctonew.requests import Shape
from router.tasks import Tasks
from router.wire import codec

_log = logging.getLogger("switchyard.ctonew")
PREFIX = "ctonew-"
KEPT = 3600.0
"""Seconds after which a list is read again, in the background."""
AGAIN = 300.0
"""Seconds after which reading a list is tried again where it failed."""
_SNAPSHOT = re.compile(r"-\d{8}$")
_WORDS = re.compile(r"[A-Z]?[a-z]\d+(?![a-z])|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


class Adapter(Struct, frozen=True, kw_only=True):
    """One model. key: what 2026 sends. agent: what 2025 sends. model: its vendor's name, "" where unknown. enabled: for
    this account's team. images: whether it sees, None where nobody says."""

    key: str
    agent: str
    model: str = ""
    enabled: bool = True
    images: bool | None = None

    def sent(self, shape: Shape) -> str:
        """The spelling for a request."""
        return self.agent if shape == "2025" else self.key

    @property
    def friendly(self) -> str:
        """The name for clients, such as ``ctonew-claude-sonnet-4-5``."""
        words = re.findall(r"[a-z0-9]+", self.model.lower()) or [word.lower() for word in _WORDS.findall(self.agent)]
        return PREFIX + "-".join(words)


def plain(name: str) -> str:
    """`name` as it is compared: without prefix, vendor, date of a snapshot, case and punctuation."""
    rest = name.strip().rpartition("/")[2].lower().removeprefix(PREFIX)
    return "".join(char for char in _SNAPSHOT.sub("", rest) if char.isalnum())


def choose(adapters: Iterable[Adapter], name: str) -> Adapter | None:
    """The model that `name` means, one that the team has enabled before others."""
    wanted = plain(name)
    found = [
        adapter for adapter in adapters if wanted and wanted in map(plain, (adapter.key, adapter.model, adapter.agent))
    ]
    return next((adapter for adapter in found if adapter.enabled), found[0] if found else None)


def read_adapters(body: bytes) -> tuple[Adapter, ...]:
    """The answer to ``GET /chat/adapters``. Raises `Fault` upstream_broken where it is no list."""
    try:
        said = codec.loads(body)
    except codec.Malformed:
        said = None
    listed = said.get("chatAdapters", said.get("adapters")) if isinstance(said, dict) else said
    if not isinstance(listed, list):
        raise Fault("upstream_broken", "cto.new's list of models cannot be read.")
    return tuple(adapter for one in listed if isinstance(one, dict) and (adapter := _adapter(one)) is not None)


def _adapter(said: dict[str, Any]) -> Adapter | None:
    texts = {name: said[name] for name in ("key", "engineAgentKey", "model") if isinstance(said.get(name), str)}
    key = texts.get("key") or texts.get("engineAgentKey")
    if not key:
        return None
    return Adapter(
        key=key,
        agent=texts.get("engineAgentKey") or key,
        model=texts.get("model", ""),
        enabled=said.get("enabled") is not False,
        images=said["supportsImages"] if isinstance(said.get("supportsImages"), bool) else None,
    )


def shipped(keys: str) -> tuple[Adapter, ...]:
    """Models for as long as no list was read, from the fact ``adapters``: ``key:agent`` or ``key``, between spaces."""
    pairs = (each.partition(":") for each in keys.split())
    return tuple(Adapter(key=key, agent=agent or key) for key, _, agent in pairs)


class _Known(Struct):
    """adapters: None where the list could never be read. until: monotonic time."""

    adapters: tuple[Adapter, ...] | None
    until: float


Fetch = Callable[[], Awaitable[tuple[Adapter, ...]]]
"""Reads an account's list. Raises `Fault`."""


class Lists:
    """The lists of all accounts. The first call of an account waits for its list where nothing has read it, later ones
    never do."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._reading: set[str] = set()
        self._tried: dict[str, float] = {}  # when the list may be read in advance again, in monotonic time
        self._tasks = Tasks("ctonew")

    async def find(self, account: str, name: str, fetch: Fetch, fallback: Sequence[Adapter]) -> Adapter:
        """The model that `name` means for `account`. fallback: where the list cannot be read. Raises `Fault` not_found,
        and upstream_auth where the account's token is not taken."""
        known = self._known.get(account)
        if known is None:
            known = await self._read(account, fetch)
        elif known.until <= self._clock.monotonic() and account not in self._reading:
            self._reading.add(account)
            self._tasks.spawn(self._read_quietly(account, fetch), f"models of {account}")
        adapters = known.adapters if known.adapters else tuple(fallback)
        found = choose(adapters, name)
        if found is not None and found.enabled:
            return found
        problem = "has no model" if found is None else "has switched off the model"
        text = ", ".join(sorted(adapter.friendly for adapter in adapters if adapter.enabled))
        raise Fault("not_found", f"cto.new {problem} '{name}' for {account}. It has: {text}.", param="model")

    def names(self) -> tuple[str, ...]:
        """The names for clients of every model that some account has enabled, as far as lists were read."""
        adapters = [adapter for known in self._known.values() for adapter in known.adapters or ()]
        return tuple(sorted({adapter.friendly for adapter in adapters if adapter.enabled}))

    async def learn(self, account: str, fetch: Fetch) -> None:
        """Read the list of an account whose models nobody has asked for yet, so that they are shown before that."""
        if account not in self._known and self._tried.get(account, 0.0) <= self._clock.monotonic():
            self._tried[account] = self._clock.monotonic() + AGAIN
            await self._read_quietly(account, fetch)

    async def _read(self, account: str, fetch: Fetch) -> _Known:
        before = self._known.get(account)
        try:
            known = _Known(await fetch(), self._clock.monotonic() + KEPT)
        except Fault as fault:
            if fault.kind == "upstream_auth":
                raise
            _log.warning("the models of %s could not be read: %s", account, fault.message)
            known = _Known(before.adapters if before is not None else None, self._clock.monotonic() + AGAIN)
        self._known[account] = known
        return known

    async def _read_quietly(self, account: str, fetch: Fetch) -> None:
        try:
            await self._read(account, fetch)
        except Fault as fault:
            _log.warning("the models of %s could not be read: %s", account, fault.message)
        finally:
            self._reading.discard(account)

    async def close(self) -> None:
        """End what reads in the background."""
        await self._tasks.close()
