"""Every client dialect against every upstream dialect, with both generations of the official SDKs.

A real router process stands between the SDKs and the simulated upstreams, which refuse what the real ones refuse.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from tests.sdk.environments import GENERATIONS, Outcome, Run, drive, failures
from tests.sdk.router_process import RunningRouter, running_router
from tests.sdk.table import Table
from tests.simulators import Upstream

pytestmark = [pytest.mark.sdk, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

CLIENTS = ("chat", "responses", "messages", "gemini")
# Upstream dialect -> (plain model, thinking model, embedding model): the names choose the provider.
UPSTREAMS = {
    "chat": ("gpt-4.1", "gpt-5.2", "text-embedding-3-small"),
    "responses": ("gpt-4.1", "gpt-5.2", "text-embedding-3-small"),
    "messages": ("claude-sonnet-4-5", "claude-opus-5", ""),
    "gemini": ("gemini-2.5-flash", "gemini-3-pro", "gemini-embedding-001"),
}
LAST = "midstream"  # breaks the upstream on purpose, so it has routers of its own that may lose faith in it
AT_ONCE = 2  # driver processes
Results = dict[tuple[str, str], dict[str, list[Outcome]]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def routers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, RunningRouter]]:
    """Routers before one simulated upstream: `openai` speaks Chat Completions in one, Responses in the other."""
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(Upstream())
        started = {}
        for name in ("chat", "responses", "chat broken", "responses broken"):
            folder = tmp_path_factory.mktemp(f"router-{name.replace(' ', '-')}")
            dialect = name.split()[0]
            started[name] = await stack.enter_async_context(running_router(folder, upstream, openai_dialect=dialect))
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def results(routers: dict[str, RunningRouter], table: Table) -> Results:
    """Everything that every SDK did, one process for each client dialect and generation."""
    gate = asyncio.Semaphore(AT_ONCE)
    keys = [(client, generation) for client in CLIENTS for generation in GENERATIONS]

    async def one(client: str, generation: str) -> dict[str, list[Outcome]]:
        named = list(_runs(routers, client))
        async with gate:
            outcomes = await drive(generation, *(run for _, run in named))
        return dict(zip((name for name, _ in named), outcomes, strict=True))

    found = dict(zip(keys, await asyncio.gather(*(one(*key) for key in keys)), strict=True))
    for (client, generation), by_name in found.items():
        for name, outcomes in by_name.items():
            table.enter(client, generation, name.split()[0], outcomes)
    return found


def _runs(routers: dict[str, RunningRouter], client: str) -> Iterator[tuple[str, Run]]:
    for suffix, cases in (("", f"-{LAST}"), (" broken", LAST)):
        for upstream, (model, think, embed) in UPSTREAMS.items():
            router = routers[("responses" if upstream == "responses" else "chat") + suffix]
            yield upstream + suffix, Run(
                dialect=client, base_url=router.base_url(client), key=router.key, model=model, think_model=think,
                embed_model=embed, upstream=upstream, cases=cases,
            )  # fmt: skip
    router = routers["chat"]
    yield (
        "demo",
        Run(dialect=client, base_url=router.base_url(client), key=router.key, model="demo/echo", upstream="demo"),
    )


def _failed(results: Results, client: str, name: str) -> dict[str, str]:
    told = {generation: failures(results[(client, generation)][name]) for generation in GENERATIONS}
    return {generation: text for generation, text in told.items() if text}


@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("client", CLIENTS)
async def test_a_pair_of_dialects_gets_through_every_case(results: Results, client: str, upstream: str) -> None:
    assert _failed(results, client, upstream) == {}
    done = {one.case for generation in GENERATIONS for one in results[(client, generation)][upstream] if one.ok}
    assert {"text", "stream", "tools", "tools_stream", "forced_tool", "thinking", "structured", "image"} <= done


@pytest.mark.parametrize("client", CLIENTS)
async def test_the_demo_provider_answers_every_sdk(results: Results, client: str) -> None:
    assert _failed(results, client, "demo") == {}
    done = {one.case for generation in GENERATIONS for one in results[(client, generation)]["demo"] if one.ok}
    assert {"text", "stream", "bad_request", "unknown_model"} <= done


@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("client", CLIENTS)
async def test_an_error_in_the_middle_is_a_typed_error_of_the_sdk(results: Results, client: str, upstream: str) -> None:
    assert _failed(results, client, f"{upstream} broken") == {}
