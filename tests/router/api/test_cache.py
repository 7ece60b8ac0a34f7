"""Exact repetitions are answered from memory where that is turned on, in every dialect, streamed or not."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.router.api.harness import DIALECTS, KEY, MODELS, OTHER, Answer, Running, ask, error_text, running
from tests.simulators import Upstream
from tests.simulators.faulty import cut, status

HEADER = "x-switchyard-cache"
OTHERS = "sk-client-canary-of-another"


def cache(**policy: Any) -> dict[str, Any]:
    return {"policies": {"cache": {"enabled": True, **policy}}}


def two_keys(changes: dict[str, Any]) -> dict[str, Any]:
    keys = [{"name": "tester", "key": KEY}, {"name": "other", "key": OTHERS}]
    return {**changes, "auth": {"keys": keys}}


def said(answer: Answer) -> tuple[int, str | None]:
    return answer.status, answer.headers.get(HEADER)


def asked(upstream: Upstream) -> int:
    return len(upstream.requests)


@pytest.mark.parametrize("model", [MODELS, OTHER], ids=["raw", "translated"])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_repetition_gets_the_same_bytes_and_asks_nobody(
    upstream: Upstream, tmp_path: Path, dialect: str, stream: bool, model: dict[str, str]
) -> None:
    async with running(upstream, tmp_path, cache()) as router:
        first = await router.ask(dialect, model[dialect], "kettle", stream=stream)
        before = asked(upstream)
        second = await router.ask(dialect, model[dialect], "kettle", stream=stream)
        assert (said(first), said(second)) == ((200, "miss"), (200, "hit"))
        assert second.body == first.body and "kettle" in second.text
        for name in ("content-type", "x-switchyard-provider", "x-switchyard-model", "x-switchyard-notes"):
            assert second.headers.get(name) == first.headers.get(name)
        assert second.headers["x-switchyard-request-id"] != first.headers["x-switchyard-request-id"]
        assert second.headers["x-switchyard-attempts"] == "0" and asked(upstream) == before


async def test_geminis_stream_as_an_array_is_kept_as_it_is(upstream: Upstream, tmp_path: Path) -> None:
    path, body = ask("gemini", MODELS["gemini"], "kettle")
    async with running(upstream, tmp_path, cache()) as router:
        array = path.replace("generateContent", "streamGenerateContent")
        first, second = await router.send(array, body), await router.send(array, body)
        events = await router.send(f"{array}?alt=sse", body)
        assert (said(second), second.body) == ((200, "hit"), first.body) and json.loads(second.body)
        assert second.headers["content-type"] == first.headers["content-type"]
        assert said(events) == (200, "miss")


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_another_request_or_another_key_is_no_repetition(
    upstream: Upstream, tmp_path: Path, dialect: str
) -> None:
    async with running(upstream, tmp_path, two_keys(cache())) as router:
        path, body = ask(dialect, MODELS[dialect], "kettle")
        assert said(await router.send(path, body)) == (200, "miss")
        spaced = json.dumps(dict(reversed(body.items())), indent=3).encode()
        assert said(await router.send(path, spaced)) == (200, "hit")
        assert said(await router.send(path, body, headers={"authorization": f"Bearer {OTHERS}"})) == (200, "miss")
        assert said(await router.ask(dialect, MODELS[dialect], "teapot")) == (200, "miss")
        assert said(await router.ask(dialect, MODELS[dialect], "kettle", stream=True)) == (200, "miss")
        assert said(await router.ask(dialect, OTHER[dialect], "kettle")) == (200, "miss")
        assert said(await router.send(path, body)) == (200, "hit")


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_caller_may_want_no_kept_answer_or_no_other(upstream: Upstream, tmp_path: Path, dialect: str) -> None:
    async with running(upstream, tmp_path, cache()) as router:
        model = MODELS[dialect]
        missing = await router.ask(dialect, model, "kettle", headers={HEADER: "only-if-cached"})
        assert missing.status == 412 and "there is none" in error_text(dialect, missing.json)
        assert asked(upstream) == 0
        assert said(await router.ask(dialect, model, "kettle", headers={HEADER: "no-store"})) == (200, "off")
        assert said(await router.ask(dialect, model, "kettle")) == (200, "miss")
        assert said(await router.ask(dialect, model, "kettle", headers={HEADER: "no-store"})) == (200, "off")
        kept = await router.ask(dialect, model, "kettle", headers={HEADER: "Only-If-Cached"})
        assert said(kept) == (200, "hit")
        wrong = await router.ask(dialect, model, "kettle", headers={HEADER: "maybe"})
        assert wrong.status == 400 and "no-store, only-if-cached" in error_text(dialect, wrong.json)


async def test_it_is_off_by_default(router: Running, upstream: Upstream) -> None:
    for _ in range(2):
        assert said(await router.ask("chat", "gpt-4.1", "kettle")) == (200, None)
    assert asked(upstream) == 2
    told = await router.ask("chat", "gpt-4.1", "kettle", headers={HEADER: "only-if-cached"})
    assert told.status == 412 and "the cache is off for this call" in told.body.decode()


async def test_only_whole_successes_are_kept(upstream: Upstream, tmp_path: Path) -> None:
    one_try = {**cache(), "retry": {"max_attempts": 1, "resume": "error"}}
    async with running(upstream, tmp_path, one_try) as router:
        upstream.script(status(500), cut(events=6))
        assert (await router.ask("chat", "gpt-4.1", "LONG 30", stream=True)).status >= 500
        router.router._health._entries.clear()
        broken = await router.ask("chat", "gpt-4.1", "LONG 30", stream=True)
        router.router._health._entries.clear()
        whole = await router.ask("chat", "gpt-4.1", "LONG 30", stream=True)
        assert said(whole) == (200, "miss") and whole.body != broken.body
        assert said(await router.ask("chat", "gpt-4.1", "LONG 30", stream=True)) == (200, "hit")


async def test_changed_settings_empty_it(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, cache()) as router:
        await router.ask("chat", "gpt-4.1", "kettle")
        await router.reloaded({**cache(), "retry": {"max_attempts": 3}})
        assert said(await router.ask("chat", "gpt-4.1", "kettle")) == (200, "miss")


async def test_a_hit_is_a_call_in_the_ledger_that_costs_nothing(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, cache()) as router:
        await router.router.recall.known.wait()
        ids = [(await router.ask("chat", "gpt-4.1", "kettle")).headers["x-switchyard-request-id"] for _ in range(2)]
        await router.until(lambda: router.router._gateway.open_calls == 0)
        await router.router._gateway.ledger.move()
        with closing(sqlite3.connect(router.state / "switchyard.sqlite")) as database:
            query = "SELECT lane, provider, model, outcome, status, finish, cost > 0 FROM calls WHERE id = ?"
            rows = [database.execute(query, (each,)).fetchone() for each in ids]
            attempts = [
                database.execute("SELECT COUNT(*) FROM attempts WHERE call_id = ?", (each,)).fetchone()[0]
                for each in ids
            ]
        assert rows[0] == ("raw", "openai", "gpt-4.1", "ok", 200, "end", 1)
        assert rows[1] == ("cache", "openai", "gpt-4.1", "ok", 200, "end", 0) and attempts == [1, 0]
        metrics = await router.metrics()
        assert metrics['switchyard_request_seconds_count{dialect="chat",lane="cache"}'] == 1
        await router.until(lambda: "lane=cache" in router.log)


async def test_a_key_that_has_used_up_its_tokens_still_gets_what_is_kept(upstream: Upstream, tmp_path: Path) -> None:
    limited = {"auth": {"keys": [{"name": "tester", "key": KEY, "limits": {"requests_per_minute": 1}}]}}
    async with running(upstream, tmp_path, {**cache(), **limited}) as router:
        assert said(await router.ask("chat", "gpt-4.1", "kettle")) == (200, "miss")
        assert said(await router.ask("chat", "gpt-4.1", "kettle")) == (200, "hit")
        assert (await router.ask("chat", "gpt-4.1", "teapot")).status == 429


async def test_a_rule_says_whether_its_calls_are_kept(upstream: Upstream, tmp_path: Path) -> None:
    def rule(pattern: str, value: bool) -> dict[str, Any]:
        return {"models": {"routing": [{"pattern": pattern, "providers": ["openai"], "cache": value}]}}

    async with running(upstream, tmp_path, rule("^gpt-4", True)) as router:
        assert said(await router.ask("chat", "gpt-4.1", "kettle")) == (200, "miss")
        assert said(await router.ask("chat", "gpt-4.1", "kettle")) == (200, "hit")
        assert said(await router.ask("chat", "gpt-5.2", "kettle")) == (200, None)
        await router.reloaded({**rule("^gpt-4", False), **cache()})
        assert said(await router.ask("chat", "gpt-4.1", "kettle")) == (200, "off")
        assert said(await router.ask("chat", "gpt-5.2", "kettle")) == (200, "miss")


async def test_a_conversation_that_is_continued_counts_as_a_whole(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, cache()) as router:
        first = await router.ask("responses", "gpt-4.1", "kettle")
        other = await router.ask("responses", "gpt-4.1", "teapot")
        answers = []
        for made in (first, first, other):
            body = {"model": "gpt-4.1", "input": "more", "previous_response_id": made.json["id"]}
            answers.append(await router.send("/v1/responses", body))
        assert [said(each) for each in answers] == [(200, "miss"), (200, "hit"), (200, "miss")]
        assert answers[1].body == answers[0].body


async def test_legacy_completions_are_kept_apart_from_chats(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, cache()) as router:
        body = {"model": "gpt-4.1", "prompt": "kettle", "messages": [{"role": "user", "content": "kettle"}]}
        first = await router.send("/v1/completions", body)
        again = await router.send("/v1/completions", body)
        assert (said(again), again.body) == ((200, "hit"), first.body) and "kettle" in again.text
        assert said(await router.send("/v1/chat/completions", body))[1] != "hit"
