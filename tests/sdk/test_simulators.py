"""Every SDK straight against the simulator of its own dialect: checks the driver and the simulators alike."""

from __future__ import annotations

import pytest

from tests.sdk.environments import GENERATIONS, Run, drive, failures
from tests.simulators import Upstream

pytestmark = pytest.mark.sdk
DIRECT = {
    "chat": ("openai", "sk-sim", "gpt-4.1", "gpt-5.2", "text-embedding-3-small"),
    "responses": ("openai", "sk-sim", "gpt-4.1", "gpt-5.2", ""),
    "messages": ("anthropic", "sk-ant-sim", "claude-sonnet-4-5", "claude-opus-5", ""),
    "gemini": ("gemini", "AIzaSim", "gemini-2.5-flash", "gemini-3-pro", "gemini-embedding-001"),
}
# Cases that an SDK of the older generation has no method for.
INAPPLICABLE = {("previous", "responses"): {"count"}}


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("dialect", DIRECT)
async def test_the_sdk_gets_through_every_case(generation: str, dialect: str) -> None:
    host, key, model, think, embed = DIRECT[dialect]
    async with Upstream() as upstream:
        run = Run(dialect=dialect, base_url=upstream.base_url(host), key=key, model=model, think_model=think,
                  embed_model=embed)  # fmt: skip
        (outcomes,) = await drive(generation, run)
    assert failures(outcomes) == ""
    assert {one.case for one in outcomes if one.ok is None} == INAPPLICABLE.get((generation, dialect), set())
    assert len(outcomes) >= 12


async def test_the_older_thinking_of_claude_is_driven_too() -> None:
    async with Upstream() as upstream:
        run = Run(dialect="messages", base_url=upstream.base_url("anthropic"), key="sk-ant-sim",
                  model="claude-sonnet-4-5", cases="thinking")  # fmt: skip
        assert failures((await drive("current", run))[0]) == ""
