"""Which model a name means at cto.new."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from router.clock import FakeClock
from router.faults import Fault
from router.providers.ctonew.models import AGAIN, KEPT, Adapter, Lists, choose, plain, read_adapters, shipped
from router.settings.sign_ins import shipped_sign_ins
from tests.simulators.ctonew.engine import ADAPTERS

LISTED = read_adapters(json.dumps({"chatAdapters": ADAPTERS}).encode())
SHIPPED = shipped(shipped_sign_ins()["ctonew"].upstream.extra["adapters"])


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("ctonew-claude-sonnet-4-5", "claude_sonnet_4_5"),
        ("claude-sonnet-4-5", "claude_sonnet_4_5"),
        ("claude-sonnet-4-5-20250929", "claude_sonnet_4_5"),
        ("anthropic/claude-sonnet-4.5", "claude_sonnet_4_5"),
        ("ClaudeSonnet4_5", "claude_sonnet_4_5"),
        ("ctonew-gpt-5", "gpt_5"),
        ("GPT5", "gpt_5"),
        ("ctonew-gpt-5-4", "gpt_5_4"),
        ("gpt-5.4", "gpt_5_4"),
        ("gpt_5_4", "gpt_5_4"),
        ("CtoNew-GPT5_4", "gpt_5_4"),
        ("gpt-6", None),
        ("", None),
        ("ctonew-", None),
    ],
)
def test_names_are_compared_by_letters_and_digits(name: str, key: str | None) -> None:
    found = choose(LISTED, name)
    assert (found.key if found is not None else None) == key


def test_the_names_of_the_model_list_are_among_the_shipped_keys() -> None:
    for name in shipped_sign_ins()["ctonew"].upstream.models:
        found = choose(SHIPPED, name)
        assert found is not None
        assert found.friendly == name


@pytest.mark.parametrize(
    ("agent", "friendly"),
    [
        ("ClaudeSonnet4_5", "ctonew-claude-sonnet-4-5"),
        ("GPT5", "ctonew-gpt-5"),
        ("gpt_5_4", "ctonew-gpt-5-4"),
        ("gemini3_1_Pro_Preview", "ctonew-gemini-3-1-pro-preview"),
        ("grok_4_1_fast", "ctonew-grok-4-1-fast"),
        ("kimi_k2_5", "ctonew-kimi-k2-5"),
    ],
)
def test_a_key_has_a_friendly_name_that_leads_back_to_it(agent: str, friendly: str) -> None:
    adapter = Adapter(key=agent, agent=agent)
    assert adapter.friendly == friendly
    assert choose(SHIPPED + LISTED, friendly) is not None
    assert plain(friendly) == plain(agent)


def test_the_vendors_name_makes_a_better_one_where_it_is_known() -> None:
    assert [adapter.friendly for adapter in LISTED][:3] == [
        "ctonew-gpt-5",
        "ctonew-gpt-5-4",
        "ctonew-claude-sonnet-4-5",
    ]


def test_each_year_has_its_spelling() -> None:
    adapter = choose(LISTED, "gpt-5.4")
    assert adapter is not None
    assert (adapter.sent("2025"), adapter.sent("2026")) == ("GPT5_4", "gpt_5_4")
    assert (adapter.images, adapter.enabled) == (True, True)


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["chatAdapters", "adapters", "key", "engineAgentKey", "model"]), inner)
        ),
        max_leaves=8,
    )
)
def test_any_list_is_read_or_refused(value: Any) -> None:
    try:
        found = read_adapters(json.dumps(value).encode())
    except Fault as fault:
        assert fault.kind == "upstream_broken"
    else:
        assert all(adapter.key and adapter.agent for adapter in found)


class Server:
    """Gives lists, or fails."""

    def __init__(self) -> None:
        self.calls = 0
        self.answer: tuple[Adapter, ...] | Fault = LISTED
        self.read = asyncio.Event()

    async def __call__(self) -> tuple[Adapter, ...]:
        self.calls += 1
        self.read.set()
        if isinstance(self.answer, Fault):
            raise self.answer
        return self.answer


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest_asyncio.fixture
async def lists(clock: FakeClock) -> AsyncIterator[Lists]:
    made = Lists(clock)
    yield made
    await made.close()


async def test_a_list_is_read_once_and_then_anew_in_the_background(lists: Lists, clock: FakeClock) -> None:
    server = Server()
    for _ in range(3):
        assert (await lists.find("a", "gpt-5", server, SHIPPED)).key == "gpt_5"
    assert server.calls == 1
    server.answer = (Adapter(key="new_model", agent="New"),)
    server.read.clear()
    clock.advance(KEPT + 1)
    assert (await lists.find("a", "gpt-5", server, SHIPPED)).key == "gpt_5"
    assert (await lists.find("a", "gpt-5", server, SHIPPED)).key == "gpt_5"
    async with asyncio.timeout(20):
        await server.read.wait()
        while lists.names() != ("ctonew-new",):
            await asyncio.sleep(0)
    assert server.calls == 2
    assert (await lists.find("a", "new-model", server, SHIPPED)).agent == "New"


async def test_the_shipped_names_serve_while_no_list_can_be_read(lists: Lists, clock: FakeClock) -> None:
    server = Server()
    server.answer = Fault("upstream_broken", "no list")
    assert (await lists.find("a", "ctonew-claude-sonnet-4-5", server, SHIPPED)).sent("2025") == "ClaudeSonnet4_5"
    server.answer = LISTED
    clock.advance(AGAIN + 1)
    await lists.find("a", "gpt-5", server, SHIPPED)
    async with asyncio.timeout(20):
        while not lists.names():
            await asyncio.sleep(0)
    assert (await lists.find("a", "ctonew-claude-sonnet-4-5", server, SHIPPED)).key == "claude_sonnet_4_5"


async def test_a_list_that_was_read_stays_when_it_cannot_be_read_again(lists: Lists, clock: FakeClock) -> None:
    server = Server()
    await lists.find("a", "gpt-5", server, ())
    server.answer = Fault("timeout", "slow")
    for _ in range(2):
        clock.advance(KEPT + 1)
        server.read.clear()
        await lists.find("a", "gpt-5", server, ())
        async with asyncio.timeout(20):
            await server.read.wait()
    assert (await lists.find("a", "gpt-5", server, ())).key == "gpt_5"


async def test_an_unknown_model_is_named_with_those_that_there_are(lists: Lists) -> None:
    with pytest.raises(Fault) as raised:
        await lists.find("ctonew/ada", "gpt-9", Server(), SHIPPED)
    assert raised.value.kind == "not_found"
    assert (
        "ctonew-claude-opus-4-5, ctonew-claude-sonnet-4-5, ctonew-glm-4-6, ctonew-gpt-5, ctonew-gpt-5-4."
        in raised.value.message
    )
    with pytest.raises(Fault, match="switched off"):
        await lists.find("ctonew/ada", "glm-5.1", Server(), SHIPPED)


async def test_a_token_that_is_not_taken_is_told_at_once(lists: Lists) -> None:
    server = Server()
    server.answer = Fault("upstream_auth", "401")
    with pytest.raises(Fault) as raised:
        await lists.find("a", "gpt-5", server, SHIPPED)
    assert raised.value.kind == "upstream_auth"
    assert lists.names() == ()
