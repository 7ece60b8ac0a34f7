"""A streamed answer that breaks off in its text is finished by somebody else, exactly, in every dialect."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from router.wire.capabilities import Capabilities
from router.wire.conversation import ToolCall
from router.wire.dialect import events_of
from router.wire.dialects import DIALECTS as SPECS
from router.wire.fold import fold
from router.wire.sse import Splitter
from tests.router.api.harness import DIALECTS, Answer, Running, ask, running
from tests.router.api.test_midstream import ends_with_error
from tests.simulators import Misbehaviour, Upstream
from tests.simulators.faulty import Ending, cut

TARGETS = {"openai": "gpt-4.1", "anthropic": "claude-sonnet-4-5", "gemini": "gemini-2.5-flash"}
PAIRS = [(first, second) for first in TARGETS for second in TARGETS if first != second]
WORDS = 8
WHOLE = "".join(f"word-{number:06} " for number in range(WORDS))
PROMPT = f"LONG {WORDS}"
STEP = int(os.environ.get("SWEEP_STEP", "211"))
"""Bytes between two cuts over sockets; `tests/faults/test_sweep.py` cuts at every byte without them."""
ENDINGS: tuple[Ending, ...] = ("cut", "reset", "error", "malformed")


FIND = {"type": "object", "properties": {"what": {"type": "string"}}, "required": ["what"]}
NAMES = ("find", "look")
TOOLS: dict[str, Any] = {
    "chat": [{"type": "function", "function": {"name": name, "parameters": FIND}} for name in NAMES],
    "responses": [{"type": "function", "name": name, "parameters": FIND, "strict": False} for name in NAMES],
    "messages": [{"name": name, "input_schema": FIND} for name in NAMES],
    "gemini": [{"functionDeclarations": [{"name": name, "parametersJsonSchema": FIND} for name in NAMES]}],
}


def chain(*providers: str) -> str:
    return "-then-".join(providers)


def settings(resume: str | None = None, **more: Any) -> dict[str, Any]:
    names = {chain(*pair): [f"{each}/{TARGETS[each]}" for each in pair] for pair in PAIRS}
    changes: dict[str, Any] = {"models": {"aliases": names}, **more}
    if resume is not None:
        changes["retry"] = {**changes.get("retry", {}), "resume": resume}
    return changes


def is_whole(dialect: str, answer: Answer) -> None:
    """The stream is one that its dialect's clients take for a whole answer, with ids and numbers that agree."""
    splitter = Splitter()
    frames = [*splitter.feed(answer.body), *splitter.close()]
    folded = fold(events_of(SPECS[dialect].stream_reader(Capabilities()), frames))  # type: ignore[index]
    assert folded.complete, answer.body
    assert folded.choices[0].reason == "end"
    if dialect == "responses":
        payloads = [payload for _, payload in answer.frames]
        assert [each["sequence_number"] for each in payloads] == list(range(len(payloads)))
        added = {each["item"]["id"] for each in payloads if each["type"] == "response.output_item.added"}
        assert {each["item_id"] for each in payloads if "item_id" in each} <= added
        final = payloads[-1]["response"]
        assert "".join(part["text"] for item in final["output"] for part in item.get("content", [])) == answer.text
        assert {payload["response"]["id"] for payload in payloads if "response" in payload} == {final["id"]}
    if dialect == "messages":
        opened = [each["index"] for _, each in answer.frames if each["type"] == "content_block_start"]
        closed = [each["index"] for _, each in answer.frames if each["type"] == "content_block_stop"]
        assert opened == closed == list(range(len(opened)))
    if dialect == "chat":
        chunks = [payload for _, payload in answer.frames if payload != "[DONE]"]
        assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in chunks}) == 1
        assert sum("role" in chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]) == 1


@pytest.mark.parametrize(("first", "second"), PAIRS[::2])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_cut_at_any_event_is_mended_by_the_next_target(
    upstream: Upstream, tmp_path: Path, dialect: str, first: str, second: str
) -> None:
    async with running(upstream, tmp_path, settings()) as router:
        whole = await router.ask(dialect, f"{first}/{TARGETS[first]}", PROMPT, stream=True)
        assert whole.text == WHOLE
        mended = 0
        for events in range(1, 2 * WORDS):
            router.router._health._entries.clear()
            upstream.behave()
            upstream.script(cut(events=events), model=TARGETS[first])
            before = len(upstream.requests)
            answer = await router.ask(dialect, chain(first, second), PROMPT, stream=True)
            assert (answer.status, answer.text) == (200, WHOLE), (events, answer.body)
            is_whole(dialect, answer)
            mended += len(upstream.requests) == before + 2 and answer.headers["x-switchyard-attempts"] == "1"
        assert mended >= WORDS // 2  # the others were cut before their first word, or behind their last
        assert (await router.metrics())['switchyard_rescues_total{outcome="rescued"}'] == mended


@pytest.mark.parametrize("how", ENDINGS)
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_however_it_breaks_off(upstream: Upstream, tmp_path: Path, dialect: str, how: Ending) -> None:
    broken = Misbehaviour(after_events=5, ending=how)
    async with running(upstream, tmp_path, settings()) as router:
        for pair in PAIRS:
            router.router._health._entries.clear()
            upstream.script(broken, model=TARGETS[pair[0]])
            answer = await router.ask(dialect, chain(*pair), PROMPT, stream=True)
            assert answer.text == WHOLE, (pair, answer.body)
            is_whole(dialect, answer)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_answer_that_stalls_is_mended_too(upstream: Upstream, tmp_path: Path, dialect: str) -> None:
    quick = {"server": {"timeouts": {"idle": 0.3}}}
    async with running(upstream, tmp_path, settings(**quick)) as router:
        upstream.script(Misbehaviour(after_events=5, ending="stall"), model=TARGETS["openai"])
        answer = await router.ask(dialect, chain("openai", "anthropic"), PROMPT, stream=True)
        assert answer.text == WHOLE, answer.body
        is_whole(dialect, answer)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_second_break_is_mended_by_a_third_attempt(upstream: Upstream, tmp_path: Path, dialect: str) -> None:
    async with running(upstream, tmp_path, settings()) as router:
        upstream.script(cut(events=8), model=TARGETS["openai"])
        upstream.script(cut(events=8), model=TARGETS["anthropic"])
        answer = await router.ask(dialect, chain("openai", "anthropic"), PROMPT, stream=True)
        assert answer.text == WHOLE, answer.body
        is_whole(dialect, answer)
        assert len(upstream.requests) == 3


def tried(router: Running) -> int:
    return len(router.upstream.requests)


@pytest.mark.parametrize("where", ["settings", "route", "header", "strict"])
async def test_who_wants_the_error_gets_it(upstream: Upstream, tmp_path: Path, where: str) -> None:
    changes = settings("error" if where == "settings" else None)
    if where == "route":
        changes = {"models": {"routing": [{"pattern": "^gpt", "providers": ["openai"], "resume": "error"}]}}
    headers = {"header": {"x-switchyard-resume": "error"}, "strict": {"x-switchyard-strict": "1"}}.get(where, {})
    async with running(upstream, tmp_path, changes) as router:
        for dialect in DIALECTS:
            router.router._health._entries.clear()
            upstream.script(cut(events=5))
            before = tried(router)
            name = "gpt-4.1" if where == "route" else chain("openai", "anthropic")
            path, body = ask(dialect, name, PROMPT, stream=True)
            answer = await router.send(path, body, headers=headers)
            ends_with_error(dialect, answer)
            assert WHOLE.startswith(answer.text) and tried(router) == before + 1


async def test_a_header_that_means_nothing_is_refused(router: Running) -> None:
    path, body = ask("chat", "gpt-4.1", PROMPT, stream=True)
    refused = await router.send(path, body, headers={"x-switchyard-resume": "perhaps"})
    assert refused.status == 400
    assert "auto, continue, error" in refused.json["error"]["message"]


def calls(dialect: str, answer: Answer) -> tuple[list[tuple[str, str, Any]], str]:
    """Id, name and arguments of the calls of an answer, and the reason of its end."""
    splitter = Splitter()
    frames = [*splitter.feed(answer.body), *splitter.close()]
    folded = fold(events_of(SPECS[dialect].stream_reader(Capabilities()), frames))  # type: ignore[index]
    assert folded.complete, answer.body
    found = [part for part in folded.choices[0].parts if isinstance(part, ToolCall)]
    return [(part.call_id, part.name, json.loads(part.arguments)) for part in found], folded.choices[0].reason


@pytest.mark.parametrize(("first", "second"), PAIRS[1::2])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_cut_in_or_behind_tool_calls_is_mended_where_the_next_target_makes_the_same(
    upstream: Upstream, tmp_path: Path, dialect: str, first: str, second: str
) -> None:
    async with running(upstream, tmp_path, settings()) as router:
        path, body = ask(dialect, f"{first}/{TARGETS[first]}", "TOOLS find,look", stream=True, tools=TOOLS[dialect])
        whole = await router.send(path, body)
        wanted = [(name, arguments) for _, name, arguments in calls(dialect, whole)[0]]
        assert [name for name, _ in wanted] == ["find", "look"]
        frames = len(whole.frames) + 4
        path, body = ask(dialect, chain(first, second), "TOOLS find,look", stream=True, tools=TOOLS[dialect])
        mended = 0
        for events in range(1, frames):
            router.router._health._entries.clear()
            upstream.behave()
            upstream.script(cut(events=events), model=TARGETS[first])
            before = tried(router)
            answer = await router.send(path, body)
            found, reason = calls(dialect, answer)
            assert reason == "tools", (events, answer.body)
            assert [(name, arguments) for _, name, arguments in found] == wanted, (events, answer.body)
            assert len({call_id for call_id, _, _ in found}) == 2
            assert answer.text == whole.text
            mended += tried(router) == before + 2 and answer.headers["x-switchyard-attempts"] == "1"
        assert mended >= 3


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_cut_call_that_nobody_makes_again_is_an_error(upstream: Upstream, tmp_path: Path, dialect: str) -> None:
    async with running(upstream, tmp_path, settings()) as router:
        plain, asked = ask("messages", "claude-sonnet-4-5", "TOOLS find", stream=True, tools=TOOLS["messages"])
        frames = [event for event, _ in (await router.send(plain, asked)).frames]
        broken = len(frames) - 1 - frames[::-1].index("content_block_delta")  # in the arguments of the call
        path, body = ask(dialect, chain("anthropic", "openai"), "TOOLS find", stream=True, tools=TOOLS[dialect])
        upstream.script(cut(events=broken), *[cut(events=2)] * 5, model=TARGETS["anthropic"])
        upstream.script(*[cut(events=2)] * 6, model=TARGETS["openai"])
        answer = await router.send(path, body)
        ends_with_error(dialect, answer)
        assert (await router.metrics())['switchyard_rescues_total{outcome="failed"}'] == 1


async def test_the_first_fault_is_told_where_the_next_target_fails_too(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, settings(retry={"max_attempts": 3})) as router:
        refused = Misbehaviour(status=400, body=b'{"error": {"message": "no such thing"}}')
        upstream.script(Misbehaviour(after_events=5, ending="error", gap=0.005), refused, model=TARGETS["openai"])
        upstream.always(refused, model=TARGETS["anthropic"])  # asked in both ways
        answer = await router.ask("chat", chain("openai", "anthropic"), PROMPT, stream=True)
        assert "no such thing" not in ends_with_error("chat", answer)


async def test_what_all_attempts_have_used_is_told_and_recorded(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, settings()) as router:
        name = chain("anthropic", "openai")
        whole = await router.ask("messages", name, "LONG 200", stream=True)
        alone = whole.frames[-2][1]["usage"]
        upstream.script(cut(events=120), model=TARGETS["anthropic"])
        answer = await router.ask("messages", name, "LONG 200", stream=True)
        both = answer.frames[-2][1]["usage"]
        assert answer.text == whole.text
        assert both["output_tokens"] > alone["output_tokens"]  # what was said twice was paid for twice
        tokens = {name: value for name, value in (await router.metrics()).items() if "tokens_total" in name}
        assert tokens['switchyard_tokens_total{kind="output",provider="openai"}'] == alone["output_tokens"]
        assert tokens['switchyard_tokens_total{kind="output",provider="anthropic"}'] > alone["output_tokens"]  # twice


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_cut_thought_is_ended_and_the_next_model_thinks_anew(
    upstream: Upstream, tmp_path: Path, dialect: str
) -> None:
    thinking: dict[str, Any] = {
        "chat": {"reasoning_effort": "high"},
        "responses": {"reasoning": {"effort": "high", "summary": "auto"}},
        "messages": {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 4000},
        "gemini": {"generationConfig": {"thinkingConfig": {"thinkingBudget": 1024, "includeThoughts": True}}},
    }[dialect]
    async with running(upstream, tmp_path, settings()) as router:
        for first, second in (("anthropic", "gemini"), ("gemini", "anthropic")):
            name = chain(first, second)
            path, body = ask(dialect, name, "THINK " + PROMPT, stream=True, **thinking)
            upstream.script(Misbehaviour(after_events=3, gap=0.005), model=TARGETS[first])
            answer = await router.send(path, body)
            assert answer.text == WHOLE, answer.body
            is_whole(dialect, answer)


ELSE = b"""data: {"candidates": [{"content": {"parts": [{"text": "Something else."}]}, "finishReason": "STOP"}]}

"""


@pytest.mark.parametrize(("resume", "whole"), [("auto", False), ("continue", True)])
async def test_what_only_looks_like_a_rest_is_taken_where_that_is_wanted(
    upstream: Upstream, tmp_path: Path, resume: str, whole: bool
) -> None:
    async with running(upstream, tmp_path, settings(resume, retry={"max_attempts": 2})) as router:
        upstream.script(Misbehaviour(after_events=5, gap=0.005), model=TARGETS["openai"])
        upstream.script(Misbehaviour(status=200, body=ELSE, content_type="text/event-stream"), model=TARGETS["gemini"])
        answer = await router.ask("chat", chain("openai", "gemini"), PROMPT, stream=True)
        assert answer.text.endswith("Something else.") is whole
        if whole:
            is_whole("chat", answer)
        else:
            ends_with_error("chat", answer)
    assert ("gemini:disagreed" in router.log) is not whole


@pytest.mark.parametrize(("resume", "requests"), [("auto", 1), ("continue", 2)])
async def test_a_document_is_begun_anew_only_where_that_is_wanted(
    upstream: Upstream, tmp_path: Path, resume: str, requests: int
) -> None:
    """A model that must answer with a whole JSON document cannot be asked for the rest of one."""
    wish = {"response_format": {"type": "json_object"}}
    async with running(upstream, tmp_path, settings(resume)) as router:
        upstream.script(Misbehaviour(after_events=4, gap=0.005), model=TARGETS["openai"])
        path, body = ask("chat", chain("openai", "gemini"), "as JSON please", stream=True, **wish)
        answer = await router.send(path, body)
        assert len(upstream.requests) == requests
        if resume == "auto":
            ends_with_error("chat", answer)
        else:
            assert json.loads(answer.text) == {"said": "as JSON please"}


@pytest.mark.faults
@pytest.mark.parametrize("first", TARGETS)
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_cut_at_any_byte_is_whole_or_an_error_and_never_wrong(
    upstream: Upstream, tmp_path: Path, dialect: str, first: str
) -> None:
    second = "anthropic" if first == "openai" else "openai"
    async with running(upstream, tmp_path, settings()) as router:
        whole = await router.ask(dialect, chain(first, second), "LONG 3", stream=True)
        for at in range(1, 4000, STEP):
            router.router._health._entries.clear()
            upstream.behave()
            upstream.script(cut(at_byte=at), model=TARGETS[first])
            answer = await router.ask(dialect, chain(first, second), "LONG 3", stream=True)
            assert answer.text == whole.text, (at, answer.body)
            is_whole(dialect, answer)
            if upstream.requests[-1].finished and len(upstream.requests) % 2 == 0:
                break
