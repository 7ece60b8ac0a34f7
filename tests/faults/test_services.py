"""The same faults behind a service: one that has connected to the relay, and one over HTTP (WebAI)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.faults.case import Case
from tests.faults.cases import CASES, GAP, MIDDLE
from tests.faults.cells import CELLS, Cell
from tests.faults.checks import outcome
from tests.faults.world import PROMPT, SILENCE, SPARE_KEYS, WAITS, Met
from tests.router.api.harness import OPENAI_KEYS, Answer, Running, ask, running
from tests.router.api.relaying import Connected, relayed
from tests.router.api.test_webai import KEY, tell
from tests.simulators import Misbehaviour, Upstream

pytestmark = [pytest.mark.faults, pytest.mark.asyncio(loop_scope="module")]

BEHIND = tuple(cell for cell in CELLS if cell.lane == "translated" and cell.situation == "other")
ALONE = tuple(
    cell
    for cell in CELLS
    if cell.lane == "translated"
    and cell.situation == "alone"
    and (cell.dialect, cell.stream) in (("messages", True), ("chat", False))
)
"""Who has nothing behind the service waits before it is asked again, so not every dialect does."""
FAULTS = (
    "reset before the head",
    "500",
    "503",
    "429, come back in 1 h",
    "401",
    "404",
    "400",
    "page with 200",
    "empty 200",
    "closed in the middle",
    "closed inside an event",
    "reset in the middle",
    "error in the middle",
    "event torn in the middle",
    "silent in the middle",
)
"""Those of the matrix that a service hands on in its own way."""
EACH_FAULT = pytest.mark.parametrize(
    "case", [case for case in CASES if case.name in FAULTS], ids=lambda case: case.name
)


@dataclass
class Behind:
    """A router whose first target is a service, and the provider that the service itself asks."""

    router: Running
    first: Upstream
    spare: Upstream

    async def meet(self, cell: Cell) -> Met:
        self.first.requests.clear()
        self.spare.requests.clear()
        self.router.router._health._entries.clear()
        answer = await self.router.send(*asked(cell))
        return Met(cell, answer, list(self.first.requests), list(self.spare.requests))


def asked(cell: Cell) -> tuple[str, Any]:
    """Path and body of a call."""
    more: dict[str, Any] = {"stream_options": {"include_usage": True}} if cell.dialect == "chat" and cell.stream else {}
    return ask(cell.dialect, cell.name, PROMPT, stream=cell.stream, **more)


def settings(spare: Upstream, model: str) -> dict[str, Any]:
    targets = {cell.name: [model, "spare-claude/claude-sonnet-4-5"][: 2 if cell in BEHIND else 1] for cell in CELLS}
    claude = {"name": "spare-claude", "base_url": spare.base_url("anthropic"), "api_keys": [SPARE_KEYS["spare-claude"]]}
    return {
        "server": {"timeouts": dict.fromkeys(WAITS, SILENCE)},
        "providers": {"anthropic_compatible": [claude]},
        "models": {"aliases": targets},
    }


@asynccontextmanager
async def over_the_relay(folder: Path) -> AsyncIterator[tuple[Behind, Connected]]:
    async with (
        Upstream() as first,
        Upstream() as spare,
        relayed(first, folder, settings(spare, "gemini-2.5-flash-aistudio")) as it,
    ):
        desk = await it.connect()
        yield Behind(it.router, first, spare), desk


@asynccontextmanager
async def over_http(folder: Path) -> AsyncIterator[Behind]:
    keys = folder / "state" / "keys"
    keys.mkdir(parents=True, exist_ok=True)
    (keys / "service.key").write_text(KEY)
    async with Upstream() as first, Upstream() as spare:
        changes = settings(spare, "gpt-4.1-webai")
        changes["providers"]["webai"] = {"enabled": True, "api_key": OPENAI_KEYS[0]}
        async with running(first, folder, changes) as router:
            assert (await tell(router)).status == 200
            yield Behind(router, first, spare)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def relay(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Behind]:
    async with over_the_relay(tmp_path_factory.mktemp("relay")) as (made, _):
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def webai(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Behind]:
    async with over_http(tmp_path_factory.mktemp("webai")) as made:
        yield made


@EACH_FAULT
async def test_a_fault_behind_the_relay_ends_as_it_must(relay: Behind, case: Case) -> None:
    await _ends_as_it_must(relay, case, "gemini")


@EACH_FAULT
async def test_a_fault_of_a_service_over_http_ends_as_it_must(webai: Behind, case: Case) -> None:
    await _ends_as_it_must(webai, case, "chat")


async def _ends_as_it_must(behind: Behind, case: Case, upstream: str) -> None:
    """As in the matrix, where a provider of the service's dialect has this fault. One call after the other, as all of
    them need the one service."""
    for cell in BEHIND[:2] if case.silence else (*BEHIND, *ALONE):
        like = _like(cell, upstream)
        bad = case.bad(like)
        if bad is None:
            continue
        behind.first.behave()
        behind.first.always(bad)
        met = await behind.meet(cell)
        expected = case.expected(like)
        assert outcome(met, case.said(cell)) == expected.of(cell), cell
        assert len(met.first) == (expected.tries if cell in ALONE else 1), cell
        assert len(met.spare) == (1 if expected.of(cell) in ("failed over", "rescued") else 0), cell
        for attempt in (*met.first, *met.spare):
            await asyncio.wait_for(attempt.ended.wait(), 5)
        await behind.router.until(lambda: behind.router.router._gateway.open_calls == 0)


def _like(cell: Cell, upstream: str) -> Cell:
    """A cell of the matrix whose target is asked as the service is for `cell`."""
    streams = cell.stream or cell.dialect != upstream
    return next(
        each
        for each in CELLS
        if (each.upstream, each.stream, each.upstream_streams, each.situation)
        == (upstream, cell.stream, streams, cell.situation)
    )


@pytest.mark.parametrize("cell", [cell for cell in BEHIND if cell.stream], ids=repr)
async def test_a_service_that_vanishes_in_the_middle_is_followed_by_another_target(tmp_path: Path, cell: Cell) -> None:
    async with over_the_relay(tmp_path) as (behind, desk):
        behind.first.always(Misbehaviour(after_events=MIDDLE, ending="stall", gap=GAP))
        async with behind.router.open(*asked(cell)) as response:
            begun = await response.content.readany()
            await desk.vanish()
            answer = Answer(response.status, response.headers.copy(), begun + await response.content.read())
        assert outcome(Met(cell, answer, behind.first.requests, behind.spare.requests), "") == "rescued"
        await asyncio.wait_for(behind.first.requests[0].ended.wait(), 5)
