"""Same dialect in and out: what the caller wrote arrives, and what the provider wrote comes back, byte for byte."""

# ruff: noqa: E501  frames stand here as they are on the wire

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from router.version import USER_AGENT
from router.wire.conversation import Opaque
from router.wire.item_ids import item_id
from router.wire.opaque import wrap
from tests.router.api.harness import ANTHROPIC_KEY, DIALECTS, GEMINI_KEY, MODELS, OPENAI_KEYS, Running, ask
from tests.simulators import Misbehaviour

ODD = (
    b'"zeta": 1.0, "big": 123456789012345678901234567890, "alpha": 1e3, "text": "\\u00e9\\/ \\ud83d\\ude00 \xc3\xa9", '
    b'"list" :[ 1.10,  {"b":1,"a":-0.0} ], "empty": {}'
)
"""Fields that no dialect knows, with every liberty that JSON leaves."""


def odd(dialect: str, model: str) -> bytes:
    _, body = ask(dialect, model)
    return json.dumps(body)[:-1].encode() + b', "future": {' + ODD + b"}}"


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_unknown_fields_reach_the_upstream_byte_for_byte(router: Running, dialect: str) -> None:
    name = {"chat": "openai/gpt-4.1", "responses": "openai/gpt-4.1"}.get(dialect, MODELS[dialect])
    path, _ = ask(dialect, name)
    router.upstream.always(Misbehaviour(status=400, message="seen"))  # the strict simulator would refuse them anyway
    answer = await router.send(path, odd(dialect, name))
    assert answer.status == 400
    [attempt] = router.upstream.requests
    sent = attempt.request.body
    assert b"{" + ODD + b"}" in sent
    given, got = json.loads(odd(dialect, name)), attempt.body
    assert list(got) == list(given)  # the order of the keys as well
    if dialect != "gemini":
        assert got.pop("model") == MODELS[dialect]
        given.pop("model")
    assert got == given


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_only_allowed_headers_and_our_own_credential_reach_the_upstream(router: Running, dialect: str) -> None:
    path, body = ask(dialect, MODELS[dialect])
    sent = {
        "cookie": "session=1",
        "x-forwarded-for": "10.1.1.1",
        "forwarded": "for=10.1.1.1",
        "x-stainless-lang": "python",
        "x-codex-turn": "1",
        "x-real-ip": "10.1.1.1",
        "user-agent": "claude-cli/2.1",
        "anthropic-version": "2026-10-21",
        "anthropic-beta": "a-2025-01-01,b-2025-01-01",
        "openai-organization": "org-mine",
        "x-unknown": "1",
    }
    assert (await router.send(path, body, headers=sent)).status == 200
    headers = router.upstream.requests[-1].headers
    assert headers["user-agent"] == USER_AGENT
    for name in (
        "cookie",
        "x-forwarded-for",
        "forwarded",
        "x-stainless-lang",
        "x-codex-turn",
        "x-real-ip",
        "x-unknown",
    ):
        assert name not in headers
    assert "openai-organization" not in headers
    key = router.upstream.requests[-1].key
    assert key in {"messages": (ANTHROPIC_KEY,), "gemini": (GEMINI_KEY,)}.get(dialect, OPENAI_KEYS)
    if dialect == "messages":
        assert headers["anthropic-version"] == "2026-10-21"
        assert headers["anthropic-beta"] == "a-2025-01-01,b-2025-01-01"
    else:
        assert "anthropic-beta" not in headers
        assert "anthropic-version" not in headers


def frames_of(dialect: str, model: str) -> bytes:
    """A made-up answer stream with odd spelling that no writer of ours would give."""
    if dialect == "chat":
        chunk = b'{"id": "c1", "object":"chat.completion.chunk","created":1, "model": "%b", "choices":[{"index":0, "delta":%b, "finish_reason":%b}], "new": 1.0}'
        return (
            b": hello\n\n"
            + b"data: "
            + chunk % (model.encode(), b'{"role":"assistant","content":"h\\u00e9 \\"model\\": \\"x\\""}', b"null")
            + b"\n\n"
            + b"data: "
            + chunk % (model.encode(), b"{}", b'"stop"')
            + b"\n\ndata: [DONE]\n\n"
        )
    if dialect == "responses":
        response = (
            b'{"id":"resp_1","object":"response","created_at":1, "model":"%b","status":"%b","output":[%b], "new" : 1.0}'
        )
        item = b'{"type":"message","id":"msg_1","role":"assistant","status":"completed","content":[{"type":"output_text","text":"hi","annotations":[]}]}'
        return (
            b'event: response.created\ndata: {"type":"response.created","sequence_number":0,"response":'
            + response % (model.encode(), b"in_progress", b"")
            + b"}\n\n"
            b'event: response.output_item.added\ndata: {"type":"response.output_item.added","sequence_number":1,"output_index":0,"item":{"type":"message","id":"msg_1","role":"assistant","status":"in_progress","content":[]}}\n\n'
            b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","sequence_number":2,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"hi", "odd":1.0}\n\n'
            b'event: response.output_item.done\ndata: {"type":"response.output_item.done","sequence_number":3,"output_index":0,"item":'
            + item
            + b"}\n\n"
            b'event: response.completed\ndata: {"type":"response.completed","sequence_number":4,"response":'
            + response % (model.encode(), b"completed", item)
            + b"}\n\n"
        )
    if dialect == "messages":
        return (
            b'event: message_start\ndata: {"type":"message_start", "message":{"id":"msg_1","type":"message","role":"assistant","model": "%b","content":[],"stop_reason":null,"usage":{"input_tokens":1,"output_tokens":1}}}\n\n'
            b'event: ping\ndata: {"type": "ping"}\n\n'
            b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""},"odd":1.0}\n\n'
            b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hi"}}\n\n'
            b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
            b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}\n\n'
            b'event: message_stop\ndata: {"type":"message_stop"}\n\n' % model.encode()
        )
    return (
        b'data: {"candidates": [{"content": {"parts": [{"text": "hi", "odd":1.0}],"role": "model"},"index": 0}],"modelVersion": "%b"}\r\n\r\n'
        b'data: {"candidates": [{"content": {"parts": [{"text": ""}],"role": "model"},"finishReason":"STOP","index": 0}],"modelVersion": "%b"}\r\n\r\n'
        % (model.encode(), model.encode())
    )


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_answer_frames_come_back_byte_for_byte_but_for_the_models_name(router: Running, dialect: str) -> None:
    real, shown = MODELS[dialect], MODELS[dialect]
    router.upstream.always(
        Misbehaviour(status=200, body=frames_of(dialect, real), content_type="text/event-stream", drip=7)
    )
    include: dict[str, Any] = {"stream_options": {"include_usage": True}} if dialect == "chat" else {}
    answer = await router.ask(dialect, shown, stream=True, **include)
    assert answer.body == frames_of(dialect, real)
    alias = {"messages": "anthropic/" + real, "gemini": "gemini%2F" + real}.get(dialect, "openai/" + real)
    answer = await router.ask(dialect, alias, stream=True, **include)
    assert answer.status == 200
    assert answer.body == frames_of(dialect, alias.replace("%2F", "/"))


async def test_usage_is_asked_of_the_upstream_but_not_shown_to_who_did_not_ask(router: Running) -> None:
    answer = await router.ask("chat", MODELS["chat"], stream=True)
    assert router.upstream.requests[-1].body["stream_options"] == {"include_usage": True}
    assert all(payload == "[DONE]" or payload["choices"] for _, payload in answer.frames)
    asked = await router.ask("chat", MODELS["chat"], stream=True, stream_options={"include_usage": True})
    assert asked.frames[-2][1]["usage"]["total_tokens"] > 0
    await router.until(lambda: router.router._gateway.open_calls == 0)
    metrics = await router.metrics()
    assert metrics['switchyard_tokens_total{kind="fresh_input",provider="openai"}'] > 0  # metered both times
    declined = await router.ask("chat", MODELS["chat"], stream=True, stream_options={"include_usage": False})
    assert all(payload == "[DONE]" or payload["choices"] for _, payload in declined.frames)


OPAQUE = wrap(Opaque(dialect="gemini", data="c2lnbmF0dXJl", model="gemini-3"))


async def test_our_opaque_items_never_reach_an_upstream(router: Running) -> None:
    thinking = {"type": "thinking", "thinking": "hm", "signature": OPAQUE}
    empty = {"type": "thinking", "thinking": "hm", "signature": wrap(Opaque("chat", ""))}
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": OPAQUE}
    signed = {"text": "a", "thoughtSignature": base64.b64encode(OPAQUE.encode()).decode()}
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    call["extra_content"] = {"google": {"thought_signature": OPAQUE}}
    bodies: dict[str, dict[str, Any]] = {
        "messages": {
            "messages": [
                {"role": "user", "content": "a"},
                {"role": "assistant", "content": [thinking, empty, {"type": "text", "text": "b"}]},
                {"role": "user", "content": "c"},
            ]
        },
        "responses": {
            "input": [
                {"role": "user", "content": "a"},
                reasoning,
                {"role": "assistant", "content": [{"type": "output_text", "text": "b"}]},
                {"role": "user", "content": "c"},
            ]
        },
        "gemini": {
            "contents": [
                {"role": "user", "parts": [{"text": "a"}]},
                {"role": "model", "parts": [signed]},
                {"role": "user", "parts": [{"text": "c"}]},
            ]
        },
        "chat": {
            "messages": [
                {"role": "user", "content": "a"},
                {"role": "assistant", "content": None, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "call_1", "content": "x"},
            ],
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        },
    }
    for dialect, change in bodies.items():
        path, body = ask(dialect, MODELS[dialect])
        answer = await router.send(path, {**body, **change})
        assert answer.status == 200, (dialect, answer.body)
        sent = router.upstream.requests[-1].request.body
        assert b"gw1." not in sent
        assert base64.b64encode(b"gw1.")[:5] not in sent


async def test_our_item_ids_never_reach_an_upstream(router: Running) -> None:
    ours = item_id("msg_", "resp_abc", 0)
    path, body = ask("responses", MODELS["responses"])
    body["input"] = [
        {"role": "user", "content": "a"},
        {"type": "message", "id": ours, "role": "assistant", "content": [{"type": "output_text", "text": "b"}]},
        {"role": "user", "content": "c"},
    ]
    answer = await router.send(path, body)
    assert answer.status == 200, answer.body
    assert b"gw1" not in router.upstream.requests[-1].request.body
    assert answer.headers["x-switchyard-provider"] == "openai"


async def test_unstreamed_answers_keep_what_no_reader_knows(router: Running) -> None:
    body = b'{"id":"c1","object":"chat.completion","created":1,"model":"gpt-4.1","choices":[{"index":0,"message":{"role":"assistant","content":"hi","odd":1.0},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}, "new": [1.50]}'
    router.upstream.always(Misbehaviour(status=200, body=body))
    answer = await router.ask("chat", "gpt-4.1")
    assert answer.body == body
    answer = await router.ask("chat", "openai/gpt-4.1")
    assert answer.body.replace(b" ", b"") == body.replace(b'"gpt-4.1"', b'"openai/gpt-4.1"').replace(b" ", b"")


async def test_a_web_fetch_tool_brings_its_beta_along(router: Running) -> None:
    body = {
        "contents": [{"role": "user", "parts": [{"text": "read https://a.example"}]}],
        "tools": [{"urlContext": {}}],
    }
    await router.send("/v1beta/models/claude-opus-5:generateContent", body)
    [attempt] = [one for one in router.upstream.requests if one.host == "anthropic"]
    assert any(tool["type"].startswith("web_fetch") for tool in attempt.body["tools"])
    assert attempt.headers["anthropic-beta"] == "web-fetch-2025-09-10"
