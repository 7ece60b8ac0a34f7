"""Bad input in every dialect: the right status, the dialect's envelope, the JSON path and the remedy."""

from __future__ import annotations

import gzip
import json
import zlib
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from tests.router.api.harness import DIALECTS, MODELS, OTHER, Running, ask, error_text, running
from tests.simulators import Upstream

DEEP = b"[" * 100_000
BROKEN = {
    "half a body": b'{"model": "gpt-4.1", "messages": [',
    "nothing": b"",
    "a list": b"[1, 2]",
    "a text": b'"hello"',
    "not a number": b'{"model": "gpt-4.1", "messages": [], "temperature": NaN}',
    "invalid UTF-8": b'{"model": "gpt-4.1", "messages": "\xff\xfe"}',
    "brackets without end": b'{"model": "gpt-4.1", "messages": ' + DEEP,
    "nested too deeply": b'{"model": "gpt-4.1", "messages": ' + DEEP + b"]" * 100_000 + b"}",
}


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_what_is_no_json_object_is_a_400_before_any_call(router: Running, dialect: str) -> None:
    for model, what in product((MODELS[dialect], OTHER[dialect]), BROKEN):
        path, _ = ask(dialect, model)
        answer = await router.send(path, BROKEN[what].replace(b"gpt-4.1", model.encode()))
        assert answer.status == 400, (what, answer.body)
        said = error_text(dialect, answer.json)
        assert "JSON" in said or "object" in said
    assert router.upstream.requests == []
    assert (await router.send("/healthz")).status == 200


WRONG: list[tuple[str, Any, str]] = [
    ("chat", {"messages": "hi"}, "messages"),
    ("chat", {"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
    ("chat", {"messages": [{"role": "user", "content": "x"}], "tools": "none"}, "tools"),
    ("responses", {"input": 5}, "input"),
    ("responses", {"input": [{"type": "message", "role": "user", "content": 4}]}, "input[0].content"),
    ("messages", {"messages": {"role": "user"}}, "messages"),
    (
        "messages",
        {"messages": [{"role": "user", "content": [{"type": "image", "source": 3}]}]},
        "messages[0].content[0]",
    ),
    ("gemini", {"contents": "hi"}, "contents"),
    ("gemini", {"contents": [{"role": "user", "parts": "hi"}]}, "contents[0].parts"),
]


async def test_a_wrong_type_is_told_with_its_path(router: Running) -> None:
    for dialect, change, where in WRONG:
        path, body = ask(dialect, OTHER[dialect])
        answer = await router.send(path, {**body, **change})
        assert answer.status == 400
        assert where in error_text(dialect, answer.json)
    assert router.upstream.requests == []


@pytest.mark.parametrize("dialect", ["chat", "responses", "messages"])
async def test_a_missing_model_names_the_field(router: Running, dialect: str) -> None:
    path, body = ask(dialect, "x")
    for model in (None, "", 7):
        sent = {**body, "model": model} if model is not None else {k: v for k, v in body.items() if k != "model"}
        answer = await router.send(path, sent)
        assert answer.status == 400
        assert "model" in error_text(dialect, answer.json)
    answer = await router.send(path, {**body, "model": MODELS[dialect], "stream": "yes"})
    assert answer.status == 400
    assert "stream" in error_text(dialect, answer.json)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_unknown_model_is_a_404_with_the_nearest_names(router: Running, dialect: str) -> None:
    for name in ("ecko", "demo/ecko"):
        answer = await router.ask(dialect, name)
        assert answer.status == 404
        assert "echo" in error_text(dialect, answer.json)


NAMES = ("gpt-4.1\n", "../../etc/passwd", "gpt\x00", "a/../b", "gpt-4.1\r\nx: y", "x" * 5000)
PATHS = ("gpt%0a-4", "..%2f..%2fetc", "gpt%00", "a%2f..%2fb", "a%252f..%252f..%252fb", "gpt%0d%0ax:%20y")


async def test_a_name_that_cannot_be_one_is_refused(router: Running) -> None:
    for dialect, name in product(("chat", "messages", "responses"), NAMES):
        answer = await router.ask(dialect, name)
        assert answer.status == 400, (name, answer.body)
        assert "model" in error_text(dialect, answer.json)
    for name in PATHS:
        _, body = ask("gemini", "x")
        answer = await router.send(URL(f"/v1beta/models/{name}:generateContent", encoded=True), body)
        assert answer.status == 400, (name, answer.body)
        assert "model" in error_text("gemini", answer.json)
    assert router.upstream.requests == []


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_too_large_a_body_is_a_413_plain_and_compressed(upstream: Upstream, tmp_path: Path, dialect: str) -> None:
    async with running(upstream, tmp_path, {"server": {"limits": {"body_bytes": 10_000}}}) as router:
        path, body = ask(dialect, MODELS[dialect], "x" * 20_000)
        answer = await router.send(path, body)
        assert answer.status == 413
        assert "10000" in error_text(dialect, answer.json)
        bomb = gzip.compress(b" " * 50_000_000)
        answer = await router.send(path, bomb, headers={"content-encoding": "gzip"})
        assert answer.status == 413
        assert upstream.requests == []


async def test_compressed_bodies_are_read(router: Running) -> None:
    path, body = ask("chat", MODELS["chat"], "packed kettle")
    plain = json.dumps(body).encode()
    half = len(plain) // 2
    for encoding, packed in (
        ("gzip", gzip.compress(plain)),
        ("deflate", zlib.compress(plain)),
        ("gzip", gzip.compress(plain[:half]) + gzip.compress(plain[half:])),  # RFC 1952: members follow one another
    ):
        answer = await router.send(path, packed, headers={"content-encoding": encoding})
        assert answer.status == 200, answer.body
        assert "packed kettle" in answer.text
        assert router.upstream.requests[-1].body["messages"] == body["messages"]


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_unknown_or_broken_encoding_is_told(router: Running, dialect: str) -> None:
    path, body = ask(dialect, MODELS[dialect])
    answer = await router.send(path, body, headers={"content-encoding": "br"})
    assert answer.status == 415
    assert "gzip" in error_text(dialect, answer.json)
    packed = gzip.compress(json.dumps(body).encode())
    for data in (b"not gzip at all", packed[:-10]):
        answer = await router.send(path, data, headers={"content-encoding": "gzip"})
        assert answer.status == 400
        assert "gzip" in error_text(dialect, answer.json)


async def test_audio_for_a_model_without_ears_is_refused_with_its_path(router: Running) -> None:
    audio = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}
    body = {"model": OTHER["chat"], "messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, audio]}]}
    answer = await router.send("/v1/chat/completions", body)
    assert answer.status == 400
    assert "messages[0].content[1]" in error_text("chat", answer.json)
    assert router.upstream.requests == []


ORPHAN = [
    {"role": "user", "content": "hi"},
    {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
    {"role": "user", "content": "and now?"},
]


async def test_an_orphan_tool_result_is_repaired_forwarded_or_refused_by_lane(router: Running) -> None:
    translated = await router.send("/v1/chat/completions", {"model": OTHER["chat"], "messages": ORPHAN})
    assert translated.status == 200, translated.body
    assert "orphan" in translated.headers["x-switchyard-notes"]
    raw = await router.send("/v1/chat/completions", {"model": MODELS["chat"], "messages": ORPHAN})
    assert raw.status == 400
    assert router.upstream.requests[-1].body["messages"] == ORPHAN
    count = len(router.upstream.requests)
    strict = {"x-switchyard-strict": "true"}
    refused = await router.send("/v1/chat/completions", {"model": OTHER["chat"], "messages": ORPHAN}, headers=strict)
    assert refused.status == 400
    assert len(router.upstream.requests) == count


async def test_of_duplicate_keys_what_was_checked_is_what_is_sent(router: Running) -> None:
    first, last = b'[{"role":"user","content":"x"}]', b'[{"role":"user","content":"last"}]'
    body = b'{"model":"demo/echo","model":"gpt-4.1","messages":%b,"messages":%b}' % (first, last)
    answer = await router.send("/v1/chat/completions", body)
    assert answer.status == 200
    sent = router.upstream.requests[-1].request.body
    assert sent.count(b'"model"') == 1
    assert sent.count(b'"messages"') == 1
    assert b'"last"' in sent


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_lone_surrogates_reach_the_upstream_as_they_came(router: Running, dialect: str) -> None:
    for model in (MODELS[dialect], OTHER[dialect]):
        path, body = ask(dialect, model, "MARK")
        answer = await router.send(path, json.dumps(body).replace("MARK", "REFUSE half \\ud83d here").encode())
        assert answer.status == 200, answer.body
        assert b"REFUSE half \\ud83d here" in router.upstream.requests[-1].request.body


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_other_methods_on_a_post_path_are_405(router: Running, dialect: str) -> None:
    path, _ = ask(dialect, MODELS[dialect])
    if dialect != "gemini":
        answer = await router.send(path, method="GET")
        assert answer.status == 405
        assert answer.headers["allow"] == "POST"
        assert "POST" in error_text(dialect, answer.json)
        head = await router.send(path, method="HEAD")
        assert (head.status, head.body) == (405, b"")
    answer = await router.send(path, method="DELETE")
    assert answer.status == 405
    assert (await router.send(path, method="OPTIONS")).status == 204


UNKNOWN = ("/v1/nothing", "/v1", "/v1beta", "/chat/completions", "/v1/messages/batches", "/v2/x", "/v1/v1/messages")
TELLS: dict[str, dict[str, str]] = {
    "chat": {},
    "messages": {"anthropic-version": "2023-06-01"},
    "gemini": {"x-goog-api-client": "genai"},
}


async def test_an_unknown_path_is_a_404_in_the_dialect_that_the_headers_tell(router: Running) -> None:
    for path, (dialect, headers) in product(UNKNOWN, TELLS.items()):
        for body in (b"{}", None):
            answer = await router.send(path, body, headers=headers)
            assert answer.status == 404, answer.body
            assert "GET /" in error_text(dialect, answer.json)
    answer = await router.send("/v1/models/x:sing", {})
    assert answer.status == 404
    assert "GET /" in error_text("gemini", answer.json)


async def test_a_trailing_slash_does_not_matter(router: Running) -> None:
    path, body = ask("chat", "demo/echo")
    assert (await router.send(path + "/", body)).status == 200
    assert (await router.send("/v1/models/")).json["object"] == "list"


async def test_claude_codes_probe_is_answered(router: Running) -> None:
    answer = await router.send("/api/hello", method="HEAD", headers={"authorization": None})
    assert (answer.status, answer.body) == (200, b"")


async def test_a_websocket_attempt_is_told_to_use_http(router: Running) -> None:
    upgrade = {
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
        "openai-beta": "responses_websockets=2026-02-06",
    }
    for path in ("/v1/responses", "/v1/realtime", "/"):
        answer = await router.send(path, headers=upgrade)
        assert answer.status == 426
        assert answer.json["error"]["code"] == "upgrade_required"
    assert (await router.send("/healthz")).status == 200


async def test_a_query_of_many_fields_does_no_harm(router: Running) -> None:
    path, body = ask("gemini", MODELS["gemini"])
    query = "&".join(f"a{number}=1" for number in range(500))
    answer = await router.send(path.replace("generateContent", "streamGenerateContent") + "?" + query, body)
    assert answer.status == 200
    assert (await router.send("/v1/models?" + query)).status == 200


async def test_a_thread_is_refused_as_the_anthropic_sdks_expect(router: Running) -> None:
    path, body = ask("messages", MODELS["messages"])
    answer = await router.send(path, {**body, "thread": {"type": "create"}})
    assert answer.status == 400
    assert answer.json["error"]["details"] == {"error_code": "thread_unsupported_request", "unsupported": ["thread"]}
    assert router.upstream.requests == []
