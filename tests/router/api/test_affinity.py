"""What an account signed goes back to that account; where another must serve, it is left out. (Decisions 21 and 22.)"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.router.api.harness import Answer, Running, running
from tests.simulators import Upstream
from tests.simulators.asking import FUNCTION
from tests.simulators.faulty import status

TWO = {
    "providers": {
        "anthropic": {"api_keys": ["sk-ant-sim-a", "sk-ant-sim-b"]},
        "gemini": {"api_keys": ["AIzaSim-a", "AIzaSim-b"]},
        "openai": {"api_keys": ["sk-sim-a", "sk-sim-b"]},
    }
}
ASK = "THINK TOOLS f"


class Agent:
    """A client of one dialect with a tool, that sends back all that it was given."""

    def __init__(self, running: Running, dialect: str, model: str, **more: Any) -> None:
        self.running = running
        self.dialect = dialect
        self.model = model
        self.more = more
        self.history: list[Any] = []

    async def say(self) -> Answer:
        """The first turn; asserts that the answer calls the tool."""
        key = "parts" if self.dialect == "gemini" else "content"
        self.history.append({"role": "user", key: [{"text": ASK}] if self.dialect == "gemini" else ASK})
        return await self.go_on()

    async def go_on(self) -> Answer:
        """Send the history, take the answer into it, and the result of its call."""
        answer = await self.running.send(*self._request())
        assert answer.status == 200, answer.body
        getattr(self, f"_take_{self.dialect}")(answer.json)
        return answer

    def _request(self) -> tuple[str, Any]:
        parameters = {"name": "f", "description": "a tool"}
        if self.dialect == "gemini":
            tools: Any = [{"functionDeclarations": [{**parameters, "parametersJsonSchema": FUNCTION}]}]
            body = {"contents": self.history, "tools": tools, **self.more}
            return f"/v1beta/models/{self.model}:generateContent", body
        if self.dialect == "messages":
            tools = [{**parameters, "input_schema": FUNCTION}]
            body = {"max_tokens": 4000, "messages": self.history, "tools": tools}
        elif self.dialect == "responses":
            tools = [{"type": "function", **parameters, "parameters": FUNCTION}]
            body = {"input": self.history, "tools": tools}
        else:
            tools = [{"type": "function", "function": {**parameters, "parameters": FUNCTION}}]
            body = {"messages": self.history, "tools": tools}
        paths = {"messages": "/v1/messages", "responses": "/v1/responses", "chat": "/v1/chat/completions"}
        return paths[self.dialect], {"model": self.model, **body, **self.more}

    def _take_messages(self, payload: Any) -> None:
        self.history.append({"role": "assistant", "content": payload["content"]})
        calls = [block["id"] for block in payload["content"] if block["type"] == "tool_use"]
        results = [{"type": "tool_result", "tool_use_id": one, "content": "done"} for one in calls]
        self.history.append({"role": "user", "content": results or "THINK again"})

    def _take_responses(self, payload: Any) -> None:
        self.history += payload["output"]
        calls = [item["call_id"] for item in payload["output"] if item["type"] == "function_call"]
        results = [{"type": "function_call_output", "call_id": one, "output": "done"} for one in calls]
        self.history += results or [{"role": "user", "content": "THINK again"}]

    def _take_gemini(self, payload: Any) -> None:
        content = payload["candidates"][0]["content"]
        self.history.append(content)
        calls = [part["functionCall"] for part in content["parts"] if "functionCall" in part]
        results = [
            {"functionResponse": {"name": one["name"], "id": one["id"], "response": {"output": "done"}}}
            for one in calls
        ]
        self.history.append({"role": "user", "parts": results or [{"text": "THINK again"}]})

    def _take_chat(self, payload: Any) -> None:
        message = payload["choices"][0]["message"]
        self.history.append(message)
        calls = [call["id"] for call in message.get("tool_calls") or ()]
        results = [{"role": "tool", "tool_call_id": one, "content": "done"} for one in calls]
        self.history += results or [{"role": "user", "content": "THINK again"}]


THINKS: dict[str, Any] = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
REASONS = {"store": False, "include": ["reasoning.encrypted_content"], "reasoning": {"effort": "low"}}
CLIENTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "messages raw": ("messages", "claude-sonnet-4-5", THINKS),
    "messages raw adaptive": ("messages", "claude-opus-5", {"thinking": {"type": "adaptive"}}),
    "responses raw": ("responses", "gpt-5.2", REASONS),
    "gemini raw": ("gemini", "gemini-3-pro", {}),
    "messages to gemini": ("messages", "gemini-3-pro", THINKS),
    "chat to gemini": ("chat", "gemini-3-pro", {"reasoning_effort": "high"}),
    "chat to messages": ("chat", "claude-sonnet-4-5", {"reasoning_effort": "high"}),
    "responses to messages": ("responses", "claude-sonnet-4-5", REASONS),
    "gemini to messages": (
        "gemini",
        "claude-sonnet-4-5",
        {"generationConfig": {"thinkingConfig": {"thinkingBudget": 1024, "includeThoughts": True}}},
    ),
}
SLOTS = ('"signature"', '"encrypted_content"', '"thoughtSignature"')


def signed(upstream: Upstream) -> bool:
    """Whether the last upstream request carried anything signed."""
    text = json.dumps(upstream.requests[-1].body).replace("skip_thought_signature_validator", "")
    return any(slot in text for slot in SLOTS if f'{slot}: ""' not in text)


def dropped(answer: Answer) -> list[str]:
    """What the answer says was left out of the request."""
    groups: dict[str, str] = dict(
        group.split("=") for group in answer.headers.get("x-switchyard-notes", "").split("; ") if group
    )
    return groups.get("dropped", "").split(",")


@pytest.mark.parametrize("client", CLIENTS)
async def test_signed_items_go_back_to_the_account_that_made_them(
    client: str, upstream: Upstream, tmp_path: Path
) -> None:
    upstream.service.bound_to_key = True
    async with running(upstream, tmp_path, TWO) as router:
        dialect, model, more = CLIENTS[client]
        for start in range(2):
            agent = Agent(router, dialect, model, **more)
            await agent.say()
            first = upstream.requests[-1].key
            for _ in range(2):
                answer = await agent.go_on()
                assert upstream.requests[-1].key == first, f"conversation {start}"
                assert signed(upstream)
                assert "opaque" not in dropped(answer)
        assert len({attempt.key for attempt in upstream.requests}) == 2  # each conversation has its own


@pytest.mark.parametrize("client", CLIENTS)
async def test_another_account_serves_without_what_it_did_not_sign(
    client: str, upstream: Upstream, tmp_path: Path
) -> None:
    upstream.service.bound_to_key = True
    async with running(upstream, tmp_path, TWO) as router:
        dialect, model, more = CLIENTS[client]
        agent = Agent(router, dialect, model, **more)
        await agent.say()
        first = upstream.requests[-1].key
        upstream.always(status(429, retry_after="60"), key=first)
        answer = await agent.go_on()
        assert upstream.requests[-1].key != first
        assert not signed(upstream)
        assert "opaque" in dropped(answer)
        upstream.behave()
        second = upstream.requests[-1].key
        await agent.go_on()
        assert upstream.requests[-1].key == second  # whose items are the newest


async def test_makers_are_remembered_over_a_restart(upstream: Upstream, tmp_path: Path) -> None:
    upstream.service.bound_to_key = True
    async with running(upstream, tmp_path, TWO) as router:
        agent = Agent(router, *CLIENTS["messages raw"][:2], **THINKS)
        await agent.say()
        first = upstream.requests[-1].key
    async with running(upstream, tmp_path, TWO, keep=True) as router:
        await router.until(lambda: len(router.router._gateway.affinity._owners))
        agent.running = router
        for _ in range(3):
            await agent.go_on()
            assert upstream.requests[-1].key == first


async def test_streamed_signatures_count_too(upstream: Upstream, tmp_path: Path) -> None:
    upstream.service.bound_to_key = True
    async with running(upstream, tmp_path, TWO) as router:
        body = {"model": "claude-sonnet-4-5", "max_tokens": 4000, "stream": True, **THINKS}
        turns: list[Any] = [{"role": "user", "content": "THINK"}]
        used = set()
        for _ in range(3):
            answer = await router.send("/v1/messages", {**body, "messages": turns})
            used.add(upstream.requests[-1].key)
            deltas = [payload["delta"] for event, payload in answer.frames if event == "content_block_delta"]
            [signature] = [delta["signature"] for delta in deltas if "signature" in delta]
            thinking = "".join(delta.get("thinking", "") for delta in deltas)
            content = [
                {"type": "thinking", "thinking": thinking, "signature": signature},
                {"type": "text", "text": answer.text},
            ]
            turns += [{"role": "assistant", "content": content}, {"role": "user", "content": "THINK again"}]
        assert len(used) == 1


async def test_items_of_unknown_makers_and_bodies_without_any_go_as_they_are(
    upstream: Upstream, tmp_path: Path
) -> None:
    async with running(upstream, tmp_path, TWO) as router:
        agent = Agent(router, *CLIENTS["messages raw"][:2], **THINKS)
        await agent.say()
        router.router._gateway.affinity._owners.take_over([], 1e12)
        router.router._gateway.affinity._owners._entries.clear()
        answer = await agent.go_on()
        assert "x-switchyard-notes" not in answer.headers
        assert upstream.requests[-1].body["messages"] == agent.history[:3]
        keys = {(await router.ask("messages", "claude-sonnet-4-5", "hi")).status for _ in range(2)}
        assert keys == {200}
        assert len({attempt.key for attempt in upstream.requests}) == 2


async def test_a_stored_answer_is_continued_by_the_account_that_made_it(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, TWO) as router:
        await router.router.recall.known.wait()
        plain = {"model": "gpt-5.2", "reasoning": {"effort": "low"}}
        first = await router.send("/v1/responses", {**plain, "input": "THINK one"})
        assert first.json["output"][0]["id"].startswith("rs_")
        maker = upstream.requests[-1].key
        more = {**plain, "input": "two", "previous_response_id": first.json["id"]}
        assert (await router.send("/v1/responses", more)).status == 200
        assert upstream.requests[-1].key == maker
        assert upstream.requests[-1].body["input"][1]["id"] == first.json["output"][0]["id"]
        upstream.always(status(429, retry_after="60"), key=maker)
        answer = await router.send("/v1/responses", more)
        assert answer.status == 200
        assert upstream.requests[-1].key != maker
        assert "opaque" in dropped(answer)
        sent = upstream.requests[-1].body["input"]
        assert [item.get("role") for item in sent] == ["user", "assistant", "user"]  # nothing that it cannot know
        assert not any("id" in item for item in sent)


async def test_another_provider_of_the_same_rank_gives_way_to_the_maker(upstream: Upstream, tmp_path: Path) -> None:
    upstream.service.bound_to_key = True
    other = {"name": "other", "base_url": upstream.base_url("anthropic"), "api_keys": ["sk-ant-sim-other"]}
    changes = {
        "providers": {"anthropic": {"api_keys": ["sk-ant-sim-a"]}, "anthropic_compatible": [other]},
        "models": {"routing": [{"pattern": "^claude", "providers": [["anthropic", "other"]]}]},
    }
    async with running(upstream, tmp_path, changes) as router:
        for _ in range(2):
            agent = Agent(router, *CLIENTS["messages raw"][:2], **THINKS)
            await agent.say()
            first = upstream.requests[-1].key
            await agent.go_on()
            await agent.go_on()
            assert upstream.requests[-1].key == first
        assert len({attempt.key for attempt in upstream.requests}) == 2


async def test_what_the_replaced_process_still_learns_counts(upstream: Upstream, tmp_path: Path) -> None:
    """Two routers overlap on one database while one takes the other's place."""
    upstream.service.bound_to_key = True
    async with running(upstream, tmp_path, TWO) as old, running(upstream, tmp_path, TWO) as new:
        owners = new.router._gateway.affinity._owners
        await new.router.recall.known.wait()
        agent = Agent(old, *CLIENTS["messages raw"][:2], **THINKS)
        await agent.say()
        first = upstream.requests[-1].key
        agent.running = new
        await new.until(lambda: len(owners) > 0)
        for _ in range(2):
            await agent.go_on()
            assert upstream.requests[-1].key == first


async def test_tokens_of_signed_items_are_counted_by_their_maker(upstream: Upstream, tmp_path: Path) -> None:
    upstream.service.bound_to_key = True
    async with running(upstream, tmp_path, TWO) as router:
        agent = Agent(router, *CLIENTS["messages raw"][:2], **THINKS)
        await agent.say()
        first = upstream.requests[-1].key
        _, body = agent._request()
        counted = {name: body[name] for name in ("model", "messages", "tools", "thinking")}
        for _ in range(3):
            answer = await router.send("/v1/messages/count_tokens", counted)
            assert answer.json["input_tokens"] > 0
            assert "x-switchyard-notes" not in answer.headers
            assert upstream.requests[-1].key == first
