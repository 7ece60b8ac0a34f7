"""What the simulators sign must come back unchanged, to the same dialect and family, or is refused."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from tests.simulators import Upstream
from tests.simulators.asking import FUNCTION, ask, contents, messages, responses, said

ANTHROPIC_TOOLS = [{"name": "f", "input_schema": FUNCTION}]
THINK = {"type": "enabled", "budget_tokens": 1024}
GEMINI_TOOLS = [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": FUNCTION}]}]
REASON = {"model": "gpt-5.2", "store": False, "include": ["reasoning.encrypted_content"],
          "reasoning": {"effort": "low", "summary": "auto"}}  # fmt: skip


async def _claude(http: aiohttp.ClientSession, upstream: Upstream) -> tuple[list[Any], dict[str, Any]]:
    more = {"tools": ANTHROPIC_TOOLS, "thinking": THINK, "max_tokens": 2000}
    status, answer = await ask(http, upstream, "messages", messages("THINK TOOLS f", **more))
    assert status == 200
    content = answer["content"]
    assert [block["type"] for block in content] == ["thinking", "text", "tool_use"]
    result = {"type": "tool_result", "tool_use_id": content[2]["id"], "content": "done"}
    turns = ["THINK TOOLS f", {"role": "assistant", "content": content}, {"role": "user", "content": [result]}]
    return turns, more


async def test_anthropic_takes_its_own_thinking_back(upstream: Upstream, http: aiohttp.ClientSession) -> None:
    turns, more = await _claude(http, upstream)
    status, answer = await ask(http, upstream, "messages", messages(*turns, **more))
    assert status == 200
    assert [block.get("text") for block in answer["content"]][-1] == "Results: f gave done"


@pytest.mark.parametrize("change", ["text", "signature", "model"])
async def test_anthropic_refuses_changed_or_foreign_thinking(
    upstream: Upstream, http: aiohttp.ClientSession, change: str
) -> None:
    turns, more = await _claude(http, upstream)
    block = turns[1]["content"][0]
    if change == "text":
        block["thinking"] += " "
    elif change == "signature":
        block["signature"] = block["signature"][:-8] + "AAAAAAA="
    else:
        more["model"] = "claude-opus-4-6"
    status, answer = await ask(http, upstream, "messages", messages(*turns, **more))
    assert (status, said(answer)) == (400, "messages.1.content.0: Invalid `signature` in `thinking` block")


async def test_omitted_thinking_is_empty_and_still_signed(upstream: Upstream, http: aiohttp.ClientSession) -> None:
    more = {"model": "claude-opus-5", "thinking": {"type": "adaptive"}}
    _, answer = await ask(http, upstream, "messages", messages("THINK", **more))
    block = answer["content"][0]
    assert (block["type"], block["thinking"], len(block["signature"]) > 100) == ("thinking", "", True)
    turns = ["THINK", {"role": "assistant", "content": answer["content"]}, "and now"]
    assert (await ask(http, upstream, "messages", messages(*turns, **more)))[0] == 200


async def _gemini(http: aiohttp.ClientSession, upstream: Upstream) -> list[Any]:
    _, answer = await ask(http, upstream, "gemini3", contents("TOOLS f", tools=GEMINI_TOOLS))
    content = answer["candidates"][0]["content"]
    call = content["parts"][-1]["functionCall"]
    response = {"name": "f", "id": call["id"], "response": {"output": "done"}}
    return ["TOOLS f", content, {"role": "user", "parts": [{"functionResponse": response}]}]


async def test_gemini_3_takes_its_own_signature_back(upstream: Upstream, http: aiohttp.ClientSession) -> None:
    turns = await _gemini(http, upstream)
    status, answer = await ask(http, upstream, "gemini3", contents(*turns, tools=GEMINI_TOOLS))
    assert status == 200
    assert answer["candidates"][0]["content"]["parts"][0]["text"] == "Results: f gave done"


@pytest.mark.parametrize(
    ("signature", "status"),
    [
        (None, 400),
        ("Zm9yZWlnbg==", 400),
        ("skip_thought_signature_validator", 200),
        ("c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=", 200),
        ("not base64!", 400),
    ],
)
async def test_gemini_3_wants_a_signature_of_its_own_or_the_documented_dummy(
    upstream: Upstream, http: aiohttp.ClientSession, signature: str | None, status: int
) -> None:
    turns = await _gemini(http, upstream)
    part = turns[1]["parts"][-1]
    part.pop("thoughtSignature")
    if signature is not None:
        part["thoughtSignature"] = signature
    got, answer = await ask(http, upstream, "gemini3", contents(*turns, tools=GEMINI_TOOLS))
    assert got == status, answer


async def test_gemini_refuses_a_signature_that_was_moved(upstream: Upstream, http: aiohttp.ClientSession) -> None:
    turns = await _gemini(http, upstream)
    turns[1]["parts"][0]["thoughtSignature"] = turns[1]["parts"][-1]["thoughtSignature"]
    status, answer = await ask(http, upstream, "gemini3", contents(*turns, tools=GEMINI_TOOLS))
    assert (status, said(answer)) == (400, "Thought signature is not valid.")


async def test_responses_takes_its_own_reasoning_back_and_no_foreign_one(
    upstream: Upstream, http: aiohttp.ClientSession
) -> None:
    _, answer = await ask(http, upstream, "responses", responses("THINK", **REASON))
    items = [{"role": "user", "content": "THINK"}, *answer["output"], {"role": "user", "content": "and now"}]
    assert (await ask(http, upstream, "responses", responses(items, **REASON)))[0] == 200
    _, claude = await ask(
        http, upstream, "messages", messages("THINK", model="claude-opus-5", thinking={"type": "adaptive"})
    )
    items[1]["encrypted_content"] = claude["content"][0]["signature"]
    status, refused = await ask(http, upstream, "responses", responses(items, **REASON))
    assert (status, refused["error"]["code"]) == (400, "invalid_encrypted_content")


async def test_responses_continues_what_it_stored(upstream: Upstream, http: aiohttp.ClientSession) -> None:
    _, first = await ask(http, upstream, "responses", responses("one"))
    _, second = await ask(http, upstream, "responses", responses("TURNS", previous_response_id=first["id"]))
    assert second["output"][0]["content"][0]["text"] == "Turns: 3"


async def test_redacted_thinking_comes_back_as_it_was(upstream: Upstream, http: aiohttp.ClientSession) -> None:
    more = {"model": "claude-opus-5", "thinking": {"type": "adaptive"}}
    _, answer = await ask(http, upstream, "messages", messages("THINK REDACTED", **more))
    assert [block["type"] for block in answer["content"]] == ["redacted_thinking", "text"]
    turns = ["THINK", {"role": "assistant", "content": answer["content"]}, "and now"]
    assert (await ask(http, upstream, "messages", messages(*turns, **more)))[0] == 200
    answer["content"][0]["data"] = "Zm9yZWlnbg=="
    status, refused = await ask(http, upstream, "messages", messages(*turns, **more))
    assert (status, "Invalid `data`" in said(refused)) == (400, True)
