"""Sign-ins in the database and in memory: one step is taken by one, and nothing is readable."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from router.accounts.login.flows import Flow, FlowStore, Hidden, MemoryFlows, from_document, to_document, view
from router.secret import Secret
from router.state.login_flows import LoginFlows
from router.state.store import StateStore
from router.vault.cipher import Vault

NOW = 1_800_000_000.0
HIDDEN = Hidden(state=Secret("state-canary"), verifier=Secret("verifier-canary"), device_code=Secret("device-canary"))
FLOW = Flow(
    id="login-1",
    provider="claude-oauth",
    kind="code",
    state="waiting",
    created_at=NOW,
    expires_at=NOW + 600,
    url="https://claude.ai/oauth/authorize?state=state-canary",
    hidden=HIDDEN,
    owner="one",
    beat_at=NOW,
)


@pytest.fixture(params=["memory", "database"])
def flows(request: pytest.FixtureRequest, store: StateStore) -> FlowStore:
    return MemoryFlows() if request.param == "memory" else LoginFlows(store, Vault(b"k" * 32))


async def test_of_many_that_take_one_step_one_takes_it(flows: FlowStore) -> None:
    await flows.put(FLOW)
    steps = [flows.swap(FLOW, replace(FLOW, state="exchanging", message=str(number))) for number in range(10)]
    taken = [made for made in await asyncio.gather(*steps) if made is not None]
    assert len(taken) == 1 and taken[0].version == 1
    assert await flows.get(FLOW.id) == taken[0]
    assert await flows.swap(taken[0], taken[0].ended("done", "fine", "claude-oauth/a")) is not None


async def test_what_comes_back_is_what_was_put_secrets_too(flows: FlowStore) -> None:
    await flows.put(FLOW)
    assert await flows.all() == [FLOW]
    assert await flows.get("login-2") is None


async def test_signs_of_life_change_no_version_and_reach_only_ones_own_open_flows(flows: FlowStore) -> None:
    mine, done, other = FLOW, replace(FLOW, id="login-2", state="done"), replace(FLOW, id="login-3", owner="two")
    for each in (mine, done, other):
        await flows.put(each)
    await flows.beat("one", NOW + 5)
    assert [flow.beat_at - NOW for flow in sorted(await flows.all(), key=lambda one: one.id)] == [5, 0, 0]
    assert await flows.swap(mine, replace(mine, message="x")) is not None
    await flows.release("one")
    assert {flow.id: flow.owner for flow in await flows.all()} == {"login-1": "", "login-2": "one", "login-3": "two"}


async def test_old_ones_are_forgotten(flows: FlowStore) -> None:
    await flows.put(FLOW)
    await flows.put(replace(FLOW, id="login-2", expires_at=NOW - 10))
    await flows.sweep(NOW)
    assert [flow.id for flow in await flows.all()] == ["login-1"]


async def test_with_another_key_a_flow_cannot_be_read_and_harms_no_other(
    store: StateStore, caplog: pytest.LogCaptureFixture
) -> None:
    await LoginFlows(store, Vault(b"a" * 32)).put(FLOW)
    later = LoginFlows(store, Vault(b"b" * 32))
    await later.put(replace(FLOW, id="login-2"))
    assert [flow.id for flow in await later.all()] == ["login-2"] and await later.get("login-1") is None
    assert "login-1" in caplog.text and "canary" not in caplog.text


def test_a_view_hides_what_is_hidden_and_shows_the_time_that_is_over() -> None:
    shown = view(FLOW, NOW)
    assert "verifier-canary" not in repr(shown) and "device-canary" not in repr(shown) and shown.url == FLOW.url
    assert view(FLOW, NOW + 600).state == "expired" and view(FLOW, NOW + 600).url is None
    assert view(replace(FLOW, state="exchanging"), NOW + 600).state == "exchanging"
    assert "canary" not in repr(FLOW.hidden)


ENDS: list[Callable[[Flow], Flow]] = [
    lambda flow: flow.ended("failed", "no"),
    lambda flow: flow.ended("done", "yes", "claude-oauth/a"),
]


@pytest.mark.parametrize("end", ENDS)
def test_an_end_forgets_what_was_hidden(end: Callable[[Flow], Flow]) -> None:
    assert b"canary" not in to_document(end(FLOW))
    assert from_document(to_document(FLOW)) == FLOW
