"""Counting, embeddings, pictures, legacy completions, Gemini's array, and Vertex."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
from pathlib import Path
from typing import Any

from tests.router.api.harness import Running, ask, error_text, running
from tests.simulators import Misbehaviour, Upstream
from tests.simulators.faulty import status

COUNTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "messages": ("/v1/messages/count_tokens", {"messages": [{"role": "user", "content": "count me"}]}, "input_tokens"),
    "responses": ("/v1/responses/input_tokens", {"input": "count me"}, "input_tokens"),
    "gemini": (
        "/v1beta/models/{}:countTokens",
        {"contents": [{"role": "user", "parts": [{"text": "count me"}]}]},
        "totalTokens",
    ),
}
OWN = {"messages": "claude-sonnet-4-5", "responses": "gpt-4.1", "gemini": "gemini-2.5-flash"}
FOREIGN = {"messages": "gemini-2.5-flash", "responses": "claude-sonnet-4-5", "gemini": "gpt-4.1"}


async def count(router: Running, dialect: str, model: str) -> Any:
    path, body, _ = COUNTS[dialect]
    return await router.send(path.format(model), {**body, **({} if dialect == "gemini" else {"model": model})})


async def test_tokens_are_counted_by_the_provider_raw_and_translated(router: Running) -> None:
    for dialect, (_, _, field) in COUNTS.items():
        for model in (OWN[dialect], FOREIGN[dialect]):
            answer = await count(router, dialect, model)
            assert answer.status == 200, answer.body
            assert answer.json[field] == 2 if model == OWN[dialect] else answer.json[field] > 1
            assert "x-switchyard-notes" not in answer.headers
            assert router.upstream.requests[-1].path.endswith(("count_tokens", "input_tokens", ":countTokens"))


async def test_where_nobody_counts_an_estimate_says_that_it_is_one(router: Running) -> None:
    for dialect, (_, _, field) in COUNTS.items():
        answer = await count(router, dialect, "demo/echo")
        assert answer.json[field] > 0
        assert answer.headers["x-switchyard-notes"] == "emulated=count_tokens"
    router.upstream.always(status(500))
    answer = await count(router, "messages", "claude-sonnet-4-5")
    assert answer.json["input_tokens"] > 0
    assert answer.headers["x-switchyard-notes"] == "emulated=count_tokens"


async def test_counting_refuses_bad_bodies_in_the_dialect(router: Running) -> None:
    for dialect in COUNTS:
        path, body, _ = COUNTS[dialect]
        wrong = dict.fromkeys(body, 7)
        answer = await router.send(path.format("gpt-4.1"), {**wrong, "model": "gpt-4.1"})
        assert answer.status == 400
        assert error_text(dialect, answer.json)


async def test_embeddings_cross_the_dialects_both_ways(router: Running) -> None:
    for model in ("text-embedding-3-small", "gemini-embedding-001"):
        plain = await router.send("/v1/embeddings", {"model": model, "input": ["one", "two"]})
        assert plain.status == 200, plain.body
        assert [entry["index"] for entry in plain.json["data"]] == [0, 1]
        packed = await router.send(
            "/v1/embeddings", {"model": model, "input": ["one", "two"], "encoding_format": "base64"}
        )
        for entry, vector in zip(packed.json["data"], plain.json["data"], strict=True):
            data = base64.b64decode(entry["embedding"])
            numbers = struct.unpack(f"<{len(data) // 4}f", data)
            assert len(numbers) == len(vector["embedding"])
            assert abs(numbers[0] - vector["embedding"][0]) < 1e-6
        one = await router.send(f"/v1beta/models/{model}:embedContent", {"content": {"parts": [{"text": "one"}]}})
        assert len(one.json["embedding"]["values"]) == len(plain.json["data"][0]["embedding"])
        request = {"model": f"models/{model}", "content": {"parts": [{"text": "one"}]}}
        batch = await router.send(f"/v1/models/{model}:batchEmbedContents", {"requests": [request, request]})
        assert len(batch.json["embeddings"]) == 2
    refused = await router.send("/v1/embeddings", {"model": "claude-sonnet-4-5", "input": "x"})
    assert refused.status == 400
    assert "embeddings" in error_text("chat", refused.json)
    unknown = await router.send("/v1/embeddings", {"model": "no-such-embedder", "input": "x"})
    assert unknown.status == 404


async def test_pictures_come_from_every_provider_that_makes_them(router: Running) -> None:
    for model, path in (("gpt-image-1", "/images/generations"), ("imagen-4.0-generate-001", ":predict")):
        answer = await router.send("/v1/images/generations", {"model": model, "prompt": "a kettle"})
        assert answer.status == 200, answer.body
        assert base64.b64decode(answer.json["data"][0]["b64_json"])
        assert router.upstream.requests[-1].path.endswith(path)
    refused = await router.send("/v1/images/generations", {"model": "claude-sonnet-4-5", "prompt": "x"})
    assert refused.status == 400
    assert "image" in error_text("chat", refused.json)
    answer = await router.send("/v1/images/generations", {"model": "demo/image", "prompt": "x"})
    assert answer.json["data"][0]["b64_json"]


async def test_legacy_completions_are_served_streamed_and_not(router: Running) -> None:
    for model in ("gpt-4.1", "claude-sonnet-4-5", "demo/echo"):
        body = {"model": model, "prompt": "kettle"}
        whole = await router.send("/v1/completions", body)
        assert whole.json["object"] == "text_completion"
        assert "kettle" in whole.text
        streamed = await router.send("/v1/completions", {**body, "stream": True})
        assert "kettle" in streamed.text
        assert streamed.frames[-1][1] == "[DONE]"
        assert streamed.frames[-2][1]["choices"][0]["finish_reason"] == "stop"


async def test_a_side_call_fails_over_to_the_next_account(router: Running) -> None:
    router.upstream.script(status(500), status(429))
    answer = await router.send("/v1/embeddings", {"model": "text-embedding-3-small", "input": "x"})
    assert answer.status == 429
    assert len(router.upstream.requests) == 2
    router.router._health._entries.clear()
    router.upstream.script(status(500))
    answer = await router.send("/v1/embeddings", {"model": "text-embedding-3-small", "input": "x"})
    assert answer.status == 200
    assert answer.headers["x-switchyard-attempts"] == "2"


async def test_a_client_that_leaves_a_side_call_cancels_it(router: Running) -> None:
    router.upstream.script(Misbehaviour(hang=True))
    body = {"model": "text-embedding-3-small", "input": "x"}
    task = asyncio.ensure_future(router.send("/v1/embeddings", body))  # noqa: TID251
    [attempt] = await router.upstream.arrived(1)
    task.cancel()
    await asyncio.wait_for(attempt.ended.wait(), 2)
    assert attempt.cancelled
    await router.until(lambda: router.router._gateway.open_calls == 0)


async def test_vertex_exchanges_its_service_account_once_for_many_calls(upstream: Upstream, tmp_path: Path) -> None:
    account = tmp_path / "vertex.json"
    account.write_text(json.dumps(upstream.service_account()))
    vertex = {
        "base_url": upstream.base_url("vertex"),
        "service_account_file": str(account),
        "location": "europe-west4",
    }
    async with running(upstream, tmp_path, {"providers": {"vertex": vertex, "gemini": {"enabled": False}}}) as router:
        path, body = ask("gemini", "vertex%2Fgemini-2.5-flash", "kettle", stream=True)
        answers = await asyncio.gather(*(router.send(path, body) for _ in range(8)))
        assert all("kettle" in answer.text for answer in answers), answers[0].body
        counted = await router.send(
            "/v1/messages/count_tokens", {"model": "vertex/gemini-2.5-flash", **COUNTS["messages"][1]}
        )
        assert counted.json["input_tokens"] == 2
        assert len(upstream.service.tokens.issued) == 1
        [calls] = {one.path for one in upstream.requests if "streamGenerate" in one.path}
        assert "/projects/sim-project/locations/europe-west4/publishers/google/models/gemini-2.5-flash" in calls
