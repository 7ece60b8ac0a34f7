"""A key of the caller makes a call happen once, in every dialect."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.router.api.harness import DIALECTS, KEY, MODELS, OTHER, Answer, Running, ask, error_text, running
from tests.router.api.test_stored_rights import made
from tests.simulators import Misbehaviour, Upstream
from tests.simulators.faulty import status

ON = {"policies": {"idempotency": {"enabled": True}}}
REPEATED = "idempotent-replayed"
OTHERS = "sk-client-canary-of-another"


async def once(router: Running, dialect: str, key: str = "order-1", text: str = "kettle", **more: Any) -> Answer:
    model = more.pop("model", MODELS[dialect])
    headers = {"idempotency-key": key, **more.pop("headers", {})}
    return await router.ask(dialect, model, text, headers=headers, **more)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_the_same_key_gets_the_first_answer(
    upstream: Upstream, tmp_path: Path, dialect: str, stream: bool
) -> None:
    async with running(upstream, tmp_path, ON) as router:
        for model in (MODELS[dialect], OTHER[dialect]):
            first = await once(router, dialect, model, model=model, stream=stream)
            before = len(upstream.requests)
            second = await once(router, dialect, model, model=model, stream=stream)
            assert (first.status, first.headers.get(REPEATED)) == (200, None)
            assert (second.status, second.headers.get(REPEATED)) == (200, "true")
            assert second.body == first.body and len(upstream.requests) == before
            assert second.headers["content-type"] == first.headers["content-type"]
        await router.until(lambda: "lane=replay" in router.log)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_while_the_first_runs_a_second_is_told_to_come_back(
    upstream: Upstream, tmp_path: Path, dialect: str
) -> None:
    async with running(upstream, tmp_path, ON) as router:
        upstream.script(Misbehaviour(delay=1.0))
        first = asyncio.ensure_future(once(router, dialect))  # noqa: TID251  the test is its owner
        await router.until(lambda: upstream.requests)
        early = await once(router, dialect)
        assert (early.status, early.headers["retry-after"]) == (409, "1")
        assert "still running" in error_text(dialect, early.json) and "x-should-retry" not in early.headers
        other = await once(router, dialect, text="teapot")
        assert other.status == 422
        assert (await first).status == 200 and len(upstream.requests) == 1
        assert (await once(router, dialect)).body == (await first).body


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_another_request_with_the_same_key_is_refused(upstream: Upstream, tmp_path: Path, dialect: str) -> None:
    async with running(upstream, tmp_path, ON) as router:
        assert (await once(router, dialect)).status == 200
        for more in ({"text": "teapot"}, {"stream": True}, {"model": OTHER[dialect]}):
            told = await once(router, dialect, **more)
            assert told.status == 422 and "used for another request" in error_text(dialect, told.json)
        assert (await once(router, dialect, "order-2", "teapot")).status == 200


async def test_a_failure_or_a_client_that_leaves_frees_the_key(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, {**ON, "retry": {"max_attempts": 1}}) as router:
        upstream.script(status(400), Misbehaviour(delay=20))
        assert (await once(router, "chat")).status == 400
        gone = asyncio.ensure_future(once(router, "chat"))  # noqa: TID251  the test is its owner
        await router.until(lambda: len(upstream.requests) == 2)
        gone.cancel()
        await router.until(lambda: router.router._gateway.open_calls == 0)
        assert (await once(router, "chat")).headers.get(REPEATED) is None
        assert (await once(router, "chat")).headers.get(REPEATED) == "true"
        assert len(upstream.requests) == 3


async def test_keys_of_two_clients_are_two_and_wrong_ones_are_refused(upstream: Upstream, tmp_path: Path) -> None:
    keys = {"auth": {"keys": [{"name": "tester", "key": KEY}, {"name": "other", "key": OTHERS}]}}
    async with running(upstream, tmp_path, {**ON, **keys}) as router:
        assert (await once(router, "chat")).status == 200
        theirs = await once(router, "chat", text="teapot", headers={"authorization": f"Bearer {OTHERS}"})
        assert (theirs.status, theirs.headers.get(REPEATED)) == (200, None)
        assert (await once(router, "chat", "x" * 256)).status == 400


async def test_what_a_key_may_no_more_have_is_not_given_again(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, ON) as router:
        key = await made(router)
        headers = {"authorization": f"Bearer {key.key}"}
        assert (await once(router, "chat", headers=headers)).status == 200
        assert (await once(router, "chat", headers=headers)).headers.get(REPEATED) == "true"
        await key.change(rights={"models": ["claude-*"]})
        refused = await once(router, "chat", headers=headers)
        assert (refused.status, refused.headers.get(REPEATED)) == (403, None)


async def test_it_works_beside_the_cache_and_over_a_reload(upstream: Upstream, tmp_path: Path) -> None:
    both = {"policies": {"cache": {"enabled": True}, "idempotency": {"enabled": True}}}
    async with running(upstream, tmp_path, both) as router:
        plain = await router.send(*ask("chat", "gpt-4.1", "kettle"))
        hit = await once(router, "chat")
        assert (hit.headers["x-switchyard-cache"], hit.body) == ("hit", plain.body)
        await router.reloaded({**both, "retry": {"max_attempts": 3}})
        again = await once(router, "chat")
        assert (again.headers.get(REPEATED), again.body) == ("true", plain.body)
        assert len(upstream.requests) == 1


async def test_it_is_off_by_default(router: Running, upstream: Upstream) -> None:
    assert (await once(router, "chat")).status == 200
    assert (await once(router, "chat", text="teapot")).status == 200
    assert len(upstream.requests) == 2
