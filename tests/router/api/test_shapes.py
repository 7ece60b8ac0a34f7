"""What the settings change of requests: system prompts and thinking, by key, by rule and for everybody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.router.api.harness import DIALECTS, KEY, MODELS, OPENAI_KEYS, OTHER, Answer, Running, ask, running
from tests.simulators import Upstream

OTHER_KEY = "sk-client-canary-shaped"
WORDS = {"prepend": "OPERATOR FIRST", "append": "OPERATOR LAST"}


def shaped(**shape: Any) -> dict[str, Any]:
    return {"auth": {"keys": [{"name": "tester", "key": KEY, **shape}, {"name": "plain", "key": OTHER_KEY}]}}


def ruled(**shape: Any) -> dict[str, Any]:
    rules = [{"pattern": "^gpt", "providers": ["openai"], **shape}]
    return {"models": {"routing": rules}}


def sent(upstream: Upstream) -> Any:
    return upstream.requests[-1].body


def system_text(body: Any) -> str:
    """The system prompt of an upstream request of any dialect."""
    if "messages" in body and "system" not in body:
        parts: Any = [message["content"] for message in body["messages"] if message["role"] in ("system", "developer")]
    else:
        parts = body.get("system") or body.get("instructions") or body.get("systemInstruction", {}).get("parts", [])
    parts = parts if isinstance(parts, list) else [parts]
    return "\n\n".join(part if isinstance(part, str) else part.get("text", json.dumps(part)) for part in parts)


OWN: dict[str, dict[str, Any]] = {
    "responses": {"instructions": "mine"},
    "messages": {"system": "mine"},
    "gemini": {"systemInstruction": {"parts": [{"text": "mine"}]}},
}


def with_own(dialect: str, model: str) -> tuple[str, Any]:
    path, body = ask(dialect, model)
    if dialect == "chat":
        body["messages"].insert(0, {"role": "system", "content": "mine"})
    return path, {**body, **OWN.get(dialect, {})}


@pytest.mark.parametrize("lane", ["raw", "translated"])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_the_operators_words_reach_the_provider(
    upstream: Upstream, tmp_path: Path, dialect: str, lane: str
) -> None:
    model = (MODELS if lane == "raw" else OTHER)[dialect]
    async with running(upstream, tmp_path, shaped(system_prompt=WORDS)) as router:
        path, body = with_own(dialect, model)
        answer = await router.send(path, body)
        assert answer.status == 200, answer.body
        assert system_text(sent(upstream)) == "OPERATOR FIRST\n\nmine\n\nOPERATOR LAST"
        assert answer.headers["x-switchyard-notes"].startswith("policy=system_prompt")
        first = upstream.requests[-1].request.body
        await router.send(path, body)
        assert upstream.requests[-1].request.body == first  # what a prompt cache needs
        assert (await router.send(*ask(dialect, model))).status == 200
        assert system_text(sent(upstream)) == "OPERATOR FIRST\n\nOPERATOR LAST"
        plain = await router.send(path, body, headers={"authorization": f"Bearer {OTHER_KEY}"})
        assert system_text(sent(upstream)) == "mine"
        assert "policy" not in plain.headers.get("x-switchyard-notes", "")


async def test_a_rule_and_a_key_both_have_their_words(upstream: Upstream, tmp_path: Path) -> None:
    changes = {**shaped(system_prompt=WORDS), **ruled(system_prompt={"prepend": "RULE"})}
    async with running(upstream, tmp_path, changes) as router:
        await router.ask("responses", "gpt-4.1")
        assert system_text(sent(upstream)) == "OPERATOR FIRST\n\nRULE\n\nOPERATOR LAST"
        await router.ask("messages", "claude-sonnet-4-5")
        assert system_text(sent(upstream)) == "OPERATOR FIRST\n\nOPERATOR LAST"


async def test_legacy_completions_have_them_too(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, shaped(system_prompt=WORDS)) as router:
        answer = await router.send("/v1/completions", {"model": "gpt-4.1", "prompt": "kettle"})
        assert answer.status == 200 and system_text(sent(upstream)) == "OPERATOR FIRST\n\nOPERATOR LAST"


async def test_a_continued_answer_has_them_once(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, shaped(system_prompt=WORDS)) as router:
        first = await router.ask("responses", "gpt-4.1")
        more = {"model": "gpt-4.1", "input": "more", "previous_response_id": first.json["id"]}
        assert (await router.send("/v1/responses", more)).status == 200
        assert json.dumps(sent(upstream)).count("OPERATOR FIRST") == 1


@pytest.mark.parametrize("dialect", ["messages", "responses"])
async def test_token_counts_have_them(upstream: Upstream, tmp_path: Path, dialect: str) -> None:
    path = {"messages": "/v1/messages/count_tokens", "responses": "/v1/responses/input_tokens"}[dialect]
    async with running(upstream, tmp_path, shaped(system_prompt=WORDS)) as router:
        _, body = ask(dialect, MODELS[dialect])
        body.pop("max_tokens", None)
        assert (await router.send(path, body)).status == 200
        assert system_text(sent(upstream)) == "OPERATOR FIRST\n\nOPERATOR LAST"


async def thinks(router: Running, dialect: str, model: str, **body: Any) -> tuple[Any, Answer]:
    """What the provider was told about thinking."""
    answer = await router.ask(dialect, model, **body)
    assert answer.status == 200, answer.body
    told = sent(router.upstream)
    config = told.get("generationConfig", {}).get("thinkingConfig")
    return told.get("reasoning_effort") or told.get("reasoning", {}).get("effort") or told.get(
        "thinking"
    ) or config, answer


HIGH: dict[str, dict[str, Any]] = {
    "chat": {"reasoning_effort": "high"},
    "responses": {"reasoning": {"effort": "high"}},
    "messages": {"thinking": {"type": "enabled", "budget_tokens": 20_000}, "max_tokens": 30_000},
    "gemini": {"generationConfig": {"thinkingConfig": {"thinkingBudget": 20_000}}},
}
THINKERS = {"chat": "gpt-5", "responses": "gpt-5", "messages": "claude-sonnet-4-5", "gemini": "gemini-2.5-flash"}


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"mode": "passthrough"}, {"chat": "high", "messages": 20_000, "gemini": 20_000}),
        ({"max": "low"}, {"chat": "low", "messages": 2048, "gemini": 1024}),
        ({"max": 4000}, {"chat": "low", "messages": 4000, "gemini": 4000}),
        ({"mode": "fixed", "default": "medium"}, {"chat": "medium", "messages": 8192, "gemini": 8192}),
        ({"mode": "off"}, {"chat": "minimal", "messages": "disabled", "gemini": 0}),
        ({"mode": "adaptive"}, {"chat": None, "messages": 16384, "gemini": -1}),
    ],
)
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_the_operators_word_about_thinking_counts(
    upstream: Upstream, tmp_path: Path, dialect: str, rule: Any, told: dict[str, Any]
) -> None:
    async with running(upstream, tmp_path, {"policies": {"thinking": rule}}) as router:
        found, answer = await thinks(router, dialect, THINKERS[dialect], **HIGH[dialect])
        if isinstance(found, dict):
            found = found.get("thinkingBudget", found.get("budget_tokens", found.get("type")))
        assert found == told["chat" if dialect == "responses" else dialect]
        changed = "policy=thinking" in answer.headers.get("x-switchyard-notes", "")
        assert changed == (rule != {"mode": "passthrough"})


async def test_the_default_is_for_callers_who_say_nothing(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, {"policies": {"thinking": {"default": "low"}}}) as router:
        assert (await thinks(router, "chat", "gpt-5"))[0] == "low"
        assert (await thinks(router, "chat", "gpt-5", reasoning_effort="high"))[0] == "high"
        assert (await thinks(router, "chat", "gpt-5(medium)"))[0] == "medium"


async def test_a_key_has_the_last_word_and_a_rule_the_next(upstream: Upstream, tmp_path: Path) -> None:
    changes = {
        **shaped(thinking={"mode": "fixed", "default": "low"}),
        **ruled(thinking={"mode": "fixed", "default": "medium"}),
        "policies": {"thinking": {"mode": "fixed", "default": "high"}},
    }
    async with running(upstream, tmp_path, changes) as router:
        other = {"authorization": f"Bearer {OTHER_KEY}"}
        assert (await thinks(router, "chat", "gpt-5(high)"))[0] == "low"
        assert (await thinks(router, "chat", "gpt-5", headers=other))[0] == "medium"
        assert (await thinks(router, "chat", "openai/gpt-5", headers=other))[0] == "high"


def budgets(first: Any, second: Any, **more: Any) -> dict[str, Any]:
    """Two keys of Anthropic and of OpenAI, each with its word about thinking; they take turns."""
    of = {"anthropic": ("sk-ant-sim-first", "sk-ant-sim-second"), "openai": OPENAI_KEYS}
    blocks = {
        name: {"api_keys": [{"key": keys[0], "thinking": first}, {"key": keys[1], "thinking": second}]}
        for name, keys in of.items()
    }
    return {"providers": blocks, **more}


async def by_account(router: Running, dialect: str, model: str, **body: Any) -> dict[int, tuple[Any, bool]]:
    """What each of the two accounts was told about thinking, by its number, and whether the answer says so."""
    found: dict[int, tuple[Any, bool]] = {}
    for _ in range(2):
        told, answer = await thinks(router, dialect, model, **body)
        account = int(answer.headers["x-switchyard-account"].rpartition("/")[2])
        told = told.get("budget_tokens", told.get("type")) if isinstance(told, dict) else told
        found[account] = (told, "policy=thinking" in answer.headers.get("x-switchyard-notes", ""))
    return found


SHOWN = {"observe": {"account_header": True}}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", ["messages", "chat"])
async def test_two_accounts_of_one_provider_send_different_budgets(
    upstream: Upstream, tmp_path: Path, dialect: str, stream: bool
) -> None:
    async with running(upstream, tmp_path, budgets({"max": 4000}, {"mode": "off"}, **SHOWN)) as router:
        asked = {"max_tokens": 30_000} if dialect == "chat" else {}
        found = await by_account(router, dialect, "claude-sonnet-4-5", stream=stream, **asked, **HIGH[dialect])
        assert found == {1: (4000, True), 2: ("disabled", True)}
        assert await by_account(router, "responses", "gpt-5", stream=stream, reasoning={"effort": "low"}) == {
            1: ("low", False),  # within its most: the body as it is
            2: ("minimal", True),
        }


async def test_the_word_of_an_account_stands_between_those_of_the_key_and_the_rule(
    upstream: Upstream, tmp_path: Path
) -> None:
    def fixed(effort: str) -> dict[str, Any]:
        return {"mode": "fixed", "default": effort}

    changes = budgets(fixed("low"), None, **ruled(thinking=fixed("medium")), **SHOWN)
    changes |= shaped(thinking=fixed("high"))
    async with running(upstream, tmp_path, changes) as router:
        other = {"authorization": f"Bearer {OTHER_KEY}"}
        assert await by_account(router, "chat", "gpt-5") == {1: ("high", True), 2: ("high", True)}
        told = await by_account(router, "chat", "gpt-5(minimal)", headers=other)
        assert told == {1: ("low", True), 2: ("medium", True)}
        plain = await by_account(router, "chat", "openai/gpt-5", headers=other)  # which no rule serves
        assert plain == {1: ("low", True), 2: (None, False)}


async def test_a_model_that_cannot_think_is_told_nothing(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, {"policies": {"thinking": {"mode": "fixed", "default": "low"}}}) as router:
        answer = await router.ask("chat", "gpt-4.1", metadata={"a": "b"}, headers={"x-switchyard-strict": "1"})
        assert answer.status == 200 and "x-switchyard-notes" not in answer.headers
        assert sent(upstream)["metadata"] == {"a": "b"} and "reasoning_effort" not in sent(upstream)


async def test_a_wish_within_the_most_stays_in_the_raw_lane(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, {"policies": {"thinking": {"max": "high"}}}) as router:
        odd = {"reasoning_effort": "low", "metadata": {"a": "b"}, "service_tier": "auto"}
        answer = await router.ask("chat", "gpt-5", **odd)
        assert answer.status == 200 and "x-switchyard-notes" not in answer.headers
        assert {name: sent(upstream)[name] for name in odd} == odd
