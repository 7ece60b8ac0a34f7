"""Responses that continue earlier ones: kept for the same key alone, for any upstream."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from router.api import known
from router.api.continuation import FinalAnswer
from router.recall import Recall
from tests.router.api.harness import KEY, Running, error_text, running
from tests.simulators import Upstream

OTHER_KEY = "sk-other-client-0123456789"
TWO_KEYS = {"auth": {"keys": [{"name": "tester", "key": KEY}, {"name": "other", "key": OTHER_KEY}]}}


async def post(router: Running, body: dict[str, Any], key: str = KEY) -> Any:
    return await router.send("/v1/responses", body, headers={"authorization": f"Bearer {key}"})


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["gpt-4.1", "claude-sonnet-4-5", "demo/echo"])
async def test_an_answer_can_be_continued(router: Running, model: str, stream: bool) -> None:
    first = await post(router, {"model": model, "input": "remember the kettle", "stream": stream})
    assert first.status == 200, first.body
    answered = first.frames[-1][1]["response"] if stream else first.json
    second = await post(router, {"model": model, "input": "TURNS", "previous_response_id": answered["id"]})
    assert second.status == 200, second.body
    if model != "demo/echo":
        sent = router.upstream.requests[-1].request.body
        assert b"remember the kettle" in sent
        assert b"previous_response_id" not in sent
    third = await post(router, {"model": model, "input": "TURNS", "previous_response_id": second.json["id"]})
    assert third.status == 200
    if model != "demo/echo":
        assert b"remember the kettle" in router.upstream.requests[-1].request.body


def test_what_is_no_json_beside_the_end_is_nobodys_business() -> None:
    final = FinalAnswer()
    end = b'event: response.completed\ndata: {"type":"response.completed","response":{"id":"r"}}\n\n'
    final.frames(b"data: half an eve\n\n" + end + b"data: [DONE]\n\n")
    assert final.response == {"id": "r"}


async def test_calls_wait_until_what_the_last_process_knew_has_been_read(
    upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process takes calls before it has opened its database: one that continues an answer would be refused."""
    async with running(upstream, tmp_path) as router:
        first = (await post(router, {"model": "gpt-4.1", "input": "remember the kettle"})).json["id"]
    opens, opened = threading.Event(), Recall.open

    def late(recall: Recall) -> Any:
        opens.wait(10)
        return opened(recall)

    monkeypatch.setattr(Recall, "open", late)
    async with running(upstream, tmp_path, keep=True) as router:
        before = len(upstream.requests)
        waiting = asyncio.gather(
            post(router, {"model": "gpt-4.1", "input": "x", "previous_response_id": first}),
            router.send("/v1/embeddings", {"model": "text-embedding-3-small", "input": "x"}),
        )
        await router.until(lambda: router.router._gateway.open_calls == 2)
        await router.until(lambda: router.router._edge.known.read._waiters)  # type: ignore[attr-defined]
        assert len(upstream.requests) == before
        opens.set()
        assert [answer.status for answer in await waiting] == [200, 200]
        assert any(b"remember the kettle" in attempt.request.body for attempt in upstream.requests[before:])


async def test_what_came_while_a_call_waited_for_it_counts_for_the_call(
    upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opens = threading.Event()
    monkeypatch.setattr(Recall, "open", lambda recall: opens.wait(10) and None)
    off = {"providers": {"openai": {"enabled": False, "models": ["text-embedding-3-small"]}}}
    async with running(upstream, tmp_path, off) as router:
        waiting = asyncio.gather(
            router.send("/v1/embeddings", {"model": "text-embedding-3-small", "input": "x"}),
            router.send("/v1/models/text-embedding-3-small", method="GET"),
        )
        await router.until(lambda: len(router.router._edge.known.read._waiters) == 2)  # type: ignore[attr-defined]
        text = router.config.read_text().replace('"enabled": false', '"enabled": true')
        await router.router._changes._apply(router.router._file.load(text))
        opens.set()
        assert [answer.status for answer in await waiting] == [200, 200]


async def test_a_database_that_does_not_open_keeps_nobody_out_for_ever(
    upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known, "WITHIN", 0.01)
    ends = threading.Event()
    monkeypatch.setattr(Recall, "open", lambda recall: ends.wait(10) and None)
    async with running(upstream, tmp_path) as router:
        assert (await post(router, {"model": "gpt-4.1", "input": "x"})).status == 200
        assert not router.router._edge.known.read.is_set()
        ends.set()


async def test_a_stored_answer_is_its_keys_alone(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, TWO_KEYS) as router:
        first = await post(router, {"model": "gpt-4.1", "input": "secret kettle"})
        continued = {"model": "gpt-4.1", "input": "x", "previous_response_id": first.json["id"]}
        refused = await post(router, continued, OTHER_KEY)
        assert refused.status in (400, 404)
        assert first.json["id"] in error_text("responses", refused.json)
        assert (await post(router, continued)).status == 200


async def test_what_is_not_to_be_stored_is_not(router: Running) -> None:
    first = await post(router, {"model": "gpt-4.1", "input": "x", "store": False})
    refused = await post(router, {"model": "gpt-4.1", "input": "x", "previous_response_id": first.json["id"]})
    assert refused.status in (400, 404)
    wrong = await post(router, {"model": "gpt-4.1", "input": "x", "previous_response_id": 7})
    assert wrong.status == 400
    assert "previous_response_id" in error_text("responses", wrong.json)


async def test_a_broken_answer_is_not_stored(router: Running) -> None:
    first = await post(router, {"model": "gpt-4.1", "input": "LONG 60 BREAK 9 GAP 5", "stream": True})
    failed = first.frames[-1][1]["response"]
    assert failed["status"] == "failed"
    refused = await post(router, {"model": "gpt-4.1", "input": "x", "previous_response_id": failed["id"]})
    assert refused.status in (400, 404)


async def test_an_item_reference_leads_to_the_stored_item(router: Running) -> None:
    first = await post(router, {"model": "claude-sonnet-4-5", "input": "remember the kettle"})
    item = first.json["output"][-1]
    body = {
        "model": "claude-sonnet-4-5",
        "input": [
            {"role": "user", "content": "remember the kettle"},
            {"type": "item_reference", "id": item["id"]},
            {"role": "user", "content": "TURNS"},
        ],
    }
    second = await post(router, body)
    assert second.status == 200, second.body
    sent = router.upstream.requests[-1].body
    assert [turn["role"] for turn in sent["messages"]] == ["user", "assistant", "user"]
    assert sent["messages"][1]["content"][0]["text"] == item["content"][0]["text"]


async def test_prompts_are_kept_encrypted_only(router: Running) -> None:
    await post(router, {"model": "gpt-4.1", "input": "canary-kettle-4711"})
    await router.stop()
    files = [path for path in router.state.rglob("*") if path.is_file()]
    assert any(path.name == "switchyard.sqlite" for path in files)
    assert not [path for path in files if b"canary-kettle-4711" in path.read_bytes()]
    assert "canary-kettle-4711" not in router.log
