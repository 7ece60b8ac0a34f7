"""Every client dialect against every upstream dialect, with both generations of the official SDKs.

A real router process stands between the SDKs and the simulated upstreams, which refuse what the real ones refuse.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
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
LAST = "midstream"  # breaks the upstream on purpose, so it runs when all else is done


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def routers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, RunningRouter]]:
    """Two routers before one simulated upstream: `openai` speaks Chat Completions in one, Responses in the other."""
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(Upstream())
        started = {}
        for dialect in ("chat", "responses"):
            folder = tmp_path_factory.mktemp(f"router-{dialect}")
            started[dialect] = await stack.enter_async_context(running_router(folder, upstream, openai_dialect=dialect))
        yield started


def _run(routers: dict[str, RunningRouter], client: str, upstream: str, cases: str = "") -> Run:
    router = routers["responses" if upstream == "responses" else "chat"]
    model, think, embed = UPSTREAMS[upstream]
    return Run(dialect=client, base_url=router.base_url(client), key=router.key, model=model, think_model=think,
               embed_model=embed, upstream=upstream, cases=cases)  # fmt: skip


async def _both(run: Run) -> dict[str, list[Outcome]]:
    """The same run with both generations at once."""
    return dict(zip(GENERATIONS, await asyncio.gather(*(drive(one, run) for one in GENERATIONS)), strict=True))


@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("client", CLIENTS)
async def test_a_pair_of_dialects_gets_through_every_case(
    routers: dict[str, RunningRouter], table: Table, client: str, upstream: str
) -> None:
    results = await _both(_run(routers, client, upstream, f"-{LAST}"))
    for generation, outcomes in results.items():
        table.enter(client, generation, upstream, outcomes)
    assert {generation: failures(outcomes) for generation, outcomes in results.items()} == dict.fromkeys(
        GENERATIONS, ""
    )


@pytest.mark.parametrize("client", CLIENTS)
async def test_the_demo_provider_answers_every_sdk(
    routers: dict[str, RunningRouter], table: Table, client: str
) -> None:
    router = routers["chat"]
    run = Run(dialect=client, base_url=router.base_url(client), key=router.key, model="demo/echo", upstream="demo")
    results = await _both(run)
    for generation, outcomes in results.items():
        table.enter(client, generation, "demo", outcomes)
    assert {generation: failures(outcomes) for generation, outcomes in results.items()} == dict.fromkeys(
        GENERATIONS, ""
    )


@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("client", CLIENTS)
async def test_an_error_in_the_middle_is_a_typed_error_of_the_sdk(
    routers: dict[str, RunningRouter], table: Table, client: str, upstream: str
) -> None:
    results = await _both(_run(routers, client, upstream, LAST))
    for generation, outcomes in results.items():
        table.enter(client, generation, upstream, outcomes)
    assert {generation: failures(outcomes) for generation, outcomes in results.items()} == dict.fromkeys(
        GENERATIONS, ""
    )
