"""More calls than may run at once: who is refused with which words, who waits, and who goes first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.router.api.harness import DIALECTS, KEY, MODELS, OTHER, Answer, Running, ask, error_text, merged, running
from tests.router.api.holding import Holding, holding
from tests.simulators import Upstream
from tests.simulators.faulty import cut, status

BATCH = "sk-client-canary-of-a-batch"
KEYS = [{"name": "tester", "key": KEY}, {"name": "night", "key": BATCH, "priority": "batch"}]


@pytest_asyncio.fixture
async def held() -> AsyncIterator[Holding]:
    async with holding() as server:
        yield server


def at_held(held: Holding, **more: Any) -> dict[str, Any]:
    """Settings with OpenAI at the server that holds its requests."""
    openai = {"base_url": held.url, "api_keys": ["sk-a", "sk-b"], "dialects": ["chat"]}
    return merged({"providers": {"openai": openai}, "auth": {"keys": KEYS}}, more)


def places(streams: int, queue: int, **limits: float) -> dict[str, Any]:
    return {"server": {"limits": {"streams": streams, "queue": queue, **limits}}}


def provider(**facts: Any) -> dict[str, Any]:
    return {"providers": {"openai": facts}}


def begin(router: Running, text: str, *, dialect: str = "chat", key: str = KEY, **more: Any) -> asyncio.Task[Answer]:
    headers = {"authorization": f"Bearer {key}"}
    return asyncio.create_task(router.ask(dialect, "gpt-4.1", text, headers=headers, **more))  # noqa: TID251


def waiting(router: Running) -> int:
    return sum(router.router._gateway.admission.crowd.waiting.values())


async def hold(router: Running, held: Holding, text: str = "first", **more: Any) -> asyncio.Task[Answer]:
    """A call that the server has and keeps."""
    before = held.inside
    call = begin(router, text, **more)
    await router.until(lambda: held.inside > before)
    return call


async def queue(router: Running, text: str, **more: Any) -> asyncio.Task[Answer]:
    """A call that waits in the router."""
    before = waiting(router)
    call = begin(router, text, **more)
    await router.until(lambda: waiting(router) > before)
    return call


@pytest.mark.parametrize("stream", [True, False])
async def test_a_key_with_all_its_calls_gets_429_and_others_are_served(
    upstream: Upstream, held: Holding, tmp_path: Path, stream: bool
) -> None:
    keys = [{"name": "tester", "key": KEY}, {"name": "night", "key": BATCH, "concurrency": 1}]
    async with running(upstream, tmp_path, at_held(held, auth={"keys": keys})) as router:
        first = await hold(router, held, key=BATCH)
        for dialect in DIALECTS:
            for model in (MODELS[dialect], OTHER[dialect]):
                mine = {"authorization": f"Bearer {BATCH}"}
                answer = await router.ask(dialect, model, stream=stream, headers=mine)
                assert answer.status == 429
                assert int(answer.headers["retry-after"]) >= 1
                told = error_text(dialect, answer.json)
                assert "The key 'night' has 1 calls in progress" in told
                assert "none may (its queue)" in told
        assert (await router.send("/v1/models", headers=mine)).status == 200
        assert (await router.ask("messages", "claude-sonnet-4-5", stream=stream)).status == 200
        held.let(2)
        assert (await first).status == 200
        assert (await begin(router, "again", key=BATCH)).status == 200
        metrics = await router.metrics()
    assert metrics['switchyard_shed_total{reason="full",scope="key"}'] == 8


async def test_calls_of_one_key_wait_where_its_queue_allows_it(
    upstream: Upstream, held: Holding, tmp_path: Path
) -> None:
    keys = [{"name": "tester", "key": KEY, "concurrency": 1, "queue": 1}]
    async with running(upstream, tmp_path, at_held(held, auth={"keys": keys})) as router:
        first = await hold(router, held)
        second = await queue(router, "second")
        refused = await begin(router, "third")
        assert refused.status == 429
        assert "1 wait, and 1 may (its queue)" in error_text("chat", refused.json)
        held.let(3)
        assert [(await call).status for call in (first, second)] == [200, 200]
        assert (await begin(router, "third")).status == 200
    assert (held.most, held.texts) == (1, ["first", "second", "third"])
    assert "waited=" in router.log


async def test_interactive_calls_pass_batch_calls_that_wait(upstream: Upstream, held: Holding, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, at_held(held, **places(1, 10))) as router:
        calls = [await hold(router, held)]
        calls += [await queue(router, f"batch {at}", key=BATCH) for at in range(2)]
        calls += [await queue(router, f"person {at}", stream=at == 0) for at in range(2)]
        assert (await router.metrics())['switchyard_waiting{scope="process"}'] == 4
        assert (await router.management("status"))["waiting"] == {"key": 0, "process": 4, "provider": 0}
        assert (await router.send("/readyz")).status == 200
        held.let(5)
        assert [(await call).status for call in calls] == [200] * 5
        metrics = await router.metrics()
    assert (held.most, held.texts) == (1, ["first", "person 0", "person 1", "batch 0", "batch 1"])
    assert metrics['switchyard_wait_seconds_count{scope="process"}'] == 4
    assert metrics['switchyard_waiting{scope="process"}'] == 0


async def test_a_full_line_lets_a_batch_call_go_for_a_person(upstream: Upstream, held: Holding, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, at_held(held, **places(1, 1))) as router:
        first = await hold(router, held)
        batch = await queue(router, "batch", key=BATCH)
        person = begin(router, "person")
        refused = await batch
        assert refused.status == 503
        assert "retry-after" in refused.headers
        assert "left the full line" in error_text("chat", refused.json)
        assert (await begin(router, "another", key=BATCH)).status == 503
        held.let(2)
        assert [(await call).status for call in (first, person)] == [200, 200]
    assert held.texts == ["first", "person"]


@pytest.mark.parametrize("limits", [places(1, 1), provider(max_concurrency=1, max_queue=1)])
async def test_a_client_that_goes_leaves_its_place_in_the_line(
    upstream: Upstream, held: Holding, tmp_path: Path, limits: dict[str, Any]
) -> None:
    async with running(upstream, tmp_path, at_held(held, **limits)) as router:
        first = await hold(router, held)
        for number in range(3):
            gone = await queue(router, f"gone {number}")
            assert (await begin(router, "no room")).status == 503
            gone.cancel()
            await router.until(lambda: waiting(router) == 0)
        stays = await queue(router, "stays")
        held.let(2)
        assert [(await call).status for call in (first, stays)] == [200, 200]
        await router.until(lambda: router.router._gateway.open_calls == 0)
    assert (held.most, held.texts) == (1, ["first", "stays"])


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("limits", [places(1, 5), provider(max_concurrency=1)])
async def test_who_waits_too_long_is_refused_with_a_time(
    upstream: Upstream, held: Holding, tmp_path: Path, limits: dict[str, Any], dialect: str
) -> None:
    changes = merged(limits, {"server": {"limits": {"queue_timeout": 0.1}}})
    async with running(upstream, tmp_path, at_held(held, **changes)) as router:
        first = await hold(router, held)
        refused = await begin(router, "second", dialect=dialect)
        assert refused.status in (503, 529)  # Anthropic's word for it
        assert int(refused.headers["retry-after"]) >= 1
        assert "server.limits.queue_timeout" in error_text(dialect, refused.json)
        held.let()
        assert (await first).status == 200
    assert held.texts == ["first"]


def with_backup(upstream: Upstream, **openai: Any) -> dict[str, Any]:
    """Another provider of the same model behind the first one."""
    backup = {"name": "backup", "base_url": upstream.base_url("openai"), "api_keys": ["sk-sim-backup"]}
    return {
        "providers": {"openai": openai, "openai_compatible": [backup]},
        "models": {"routing": [{"pattern": "^gpt", "providers": ["openai", "backup"]}]},
    }


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_full_provider_is_passed_by_and_cools_nothing(
    upstream: Upstream, held: Holding, tmp_path: Path, dialect: str
) -> None:
    async with running(upstream, tmp_path, at_held(held, **with_backup(upstream, max_concurrency=1))) as router:
        first = await hold(router, held)
        answer = await begin(router, "second", dialect=dialect)
        assert answer.status == 200
        assert answer.headers["x-switchyard-provider"] == "backup"
        assert answer.headers["x-switchyard-attempts"] == "1"
        held.let(2)
        assert (await first).status == 200
        assert (await begin(router, "third", dialect=dialect)).headers["x-switchyard-provider"] == "openai"
        assert {one["state"] for one in (await router.management("accounts"))["accounts"]} == {"ready"}
    assert held.most == 1


async def test_a_full_provider_is_waited_for_where_the_others_fail(
    upstream: Upstream, held: Holding, tmp_path: Path
) -> None:
    changes = with_backup(upstream, max_concurrency=1)
    async with running(upstream, tmp_path, at_held(held, **changes)) as router:
        first = await hold(router, held)
        upstream.always(status(500))
        second = await queue(router, "second")
        held.let(2)
        answer = await second
        assert (await first).status == answer.status == 200
        assert answer.headers["x-switchyard-provider"] == "openai"
        assert answer.headers["x-switchyard-attempts"] == "2"
    async with running(upstream, tmp_path / "b", at_held(held, **merged(changes, provider(max_queue=0)))) as router:
        first = await hold(router, held)
        refused = await begin(router, "second")
        assert refused.status == 503
        told = error_text("chat", refused.json)
        assert "The provider openai has 1 calls in progress" in told
        assert "also tried backup" in told
        held.let()
        assert (await first).status == 200


async def test_a_provider_never_has_more_than_its_limit(upstream: Upstream, held: Holding, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, at_held(held, **provider(max_concurrency=3))) as router:
        calls = [begin(router, "x", dialect=DIALECTS[at % 4], stream=at % 3 == 0) for at in range(24)]
        await router.until(lambda: held.inside == 3)
        await router.until(lambda: waiting(router) == 21)
        for call in calls[::6]:
            call.cancel()
        held.let(24)
        done = await asyncio.gather(*calls, return_exceptions=True)
        assert [one.status for one in done if isinstance(one, Answer)] == [200] * 20
        await router.until(lambda: router.router._gateway.open_calls == 0)
        assert waiting(router) == 0
        [gate] = router.router._health.rooms._gates.values()
        assert (gate.running, gate.waiting) == (0, 0)
    assert held.most == 3


async def test_interactive_calls_go_first_at_a_provider_too(upstream: Upstream, held: Holding, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, at_held(held, **provider(max_concurrency=1))) as router:
        calls = [await hold(router, held)]
        calls += [await queue(router, "batch", key=BATCH), await queue(router, "person", dialect="messages")]
        held.let(3)
        assert [(await call).status for call in calls] == [200] * 3
    assert held.texts == ["first", "person", "batch"]


async def test_a_streamed_client_that_waits_for_a_provider_hears_heartbeats(
    upstream: Upstream, held: Holding, tmp_path: Path
) -> None:
    changes = merged(provider(max_concurrency=1), {"server": {"timeouts": {"grace": 0.3, "heartbeat": 0.3}}})
    async with running(upstream, tmp_path, at_held(held, **changes)) as router:
        first = await hold(router, held)
        path, body = ask("messages", "gpt-4.1", "second", stream=True)
        async with router.open(path, body) as response:
            beat = await response.content.readline()
            assert beat == b"event: ping\n"
            assert waiting(router) == 1
            held.let(2)
            assert b"kettle" in await response.read()
        assert (await first).status == 200
        metrics = await router.metrics()
    assert metrics['switchyard_wait_seconds_sum{scope="provider"}'] >= 0.3
    assert metrics['switchyard_overhead_seconds_sum{lane="translated"}'] < 0.3  # waiting is no work of ours


async def test_an_answer_that_breaks_off_gives_its_place_to_the_attempt_that_goes_on(
    upstream: Upstream, tmp_path: Path
) -> None:
    async with running(upstream, tmp_path, provider(max_concurrency=1, max_queue=0)) as router:
        whole = await router.ask("chat", "gpt-4.1", "LONG 9", stream=True)
        upstream.script(cut(events=5))
        mended = await router.ask("chat", "gpt-4.1", "LONG 9", stream=True)
        assert mended.text == whole.text
        assert (await router.metrics())['switchyard_rescues_total{outcome="rescued"}'] == 1
        [gate] = router.router._health.rooms._gates.values()
        assert gate.running == 0


async def test_embeddings_wait_as_well_and_counts_are_estimated_meanwhile(
    upstream: Upstream, held: Holding, tmp_path: Path
) -> None:
    changes = provider(max_concurrency=1, max_queue=1)
    async with running(upstream, tmp_path, at_held(held, **changes)) as router:
        first = await hold(router, held)
        body = {"model": "openai/text-embedding-3-small", "input": "kettle"}
        second = asyncio.create_task(router.send("/v1/embeddings", body))  # noqa: TID251
        await router.until(lambda: waiting(router) == 1)
        refused = await router.send("/v1/embeddings", body)
        assert refused.status == 503
        assert "The provider openai" in error_text("chat", refused.json)
        counted = await router.send("/v1/responses/input_tokens", {"model": "gpt-4.1", "input": "kettle"})
        assert counted.status == 200
        assert counted.headers["x-switchyard-notes"] == "emulated=count_tokens"
        held.let(2)
        assert [(await call).status for call in (first, second)] == [200, 200]
    assert held.most == 1


@pytest.mark.parametrize(
    ("tight", "wide"),
    [
        (places(1, 5), places(2, 5)),
        (provider(max_concurrency=1), provider(max_concurrency=2)),
        (provider(max_concurrency=1), {}),
        ({"auth": {"keys": [{**KEYS[0], "concurrency": 1, "queue": 1}]}}, {"auth": {"keys": [KEYS[0]]}}),
    ],
)
async def test_more_room_counts_at_once_for_those_who_wait(
    upstream: Upstream, held: Holding, tmp_path: Path, tight: dict[str, Any], wide: dict[str, Any]
) -> None:
    async with running(upstream, tmp_path, at_held(held, **tight)) as router:
        calls = [await hold(router, held), await queue(router, "second")]
        await router.reloaded(at_held(held, **wide))
        await router.until(lambda: held.inside == 2)
        held.let(2)
        assert [(await call).status for call in calls] == [200, 200]


async def test_the_end_of_the_drain_is_told_to_those_who_wait(
    upstream: Upstream, held: Holding, tmp_path: Path
) -> None:
    changes = at_held(held, **places(1, 5))
    async with running(upstream, tmp_path, changes, server={"drain_seconds": 0.2}) as router:
        first = await hold(router, held)
        second = await queue(router, "second")
        await router.server.end()
        assert (await second).status == 503
        assert "stopping" in error_text("chat", (await second).json)
        assert (await first).status == 503
