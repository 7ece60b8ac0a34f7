"""From a client's own request to the body of every upstream: real clients' captured requests, for every target."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec import structs

from router.faults import Fault
from router.models.capabilities import load
from router.models.prepare import both, prepare
from router.providers.config import ProviderConfig
from router.wire.capabilities import Capabilities
from router.wire.codec import dumps
from router.wire.conversation import Conversation, Dialect, OutputFormat, Reasoning, Sampling, Text, Turn
from router.wire.dialects import DIALECTS
from router.wire.written import Undo
from tests.data import CAPTURES, capture, captures

TABLE = load()
TARGETS: tuple[tuple[Dialect, str, str], ...] = (
    ("chat", "openai", "gpt-5.1"),
    ("chat", "openai", "gpt-4o"),
    ("responses", "openai", "gpt-5.5"),
    ("messages", "anthropic", "claude-sonnet-4-5"),
    ("messages", "anthropic", "claude-opus-5-5"),
    ("messages", "anthropic", "claude-opus-4-8"),
    ("gemini", "gemini", "gemini-2.5-pro"),
    ("gemini", "gemini", "gemini-3-pro-preview"),
)
_PATHS: tuple[tuple[str, Dialect], ...] = (
    ("/count_tokens", "messages"), ("/messages", "messages"), ("/chat/completions", "chat"),
    ("/responses", "responses"), ("enerateContent", "gemini"),
)  # fmt: skip
_REFUSED = ("error_shape", "previous_response_id", "previous-response-id", "tool_runner")  # captures about a refusal


def of(model: str, dialect: Dialect, kind: Any = "openai") -> Capabilities:
    return TABLE.capabilities(ProviderConfig(id=kind, kind=kind), model, dialect)


def requests() -> Iterator[tuple[str, Dialect]]:
    for client in sorted(path.name for path in CAPTURES.iterdir() if path.is_dir()):
        for name in captures(client):
            request = capture(name)
            dialect = next((d for part, d in _PATHS if part in str(request.get("path", ""))), None)
            if isinstance(request.get("body"), dict) and dialect is not None and "count" not in str(request["path"]):
                yield name, dialect


def read(name: str, dialect: Dialect) -> Conversation:
    facts = {"model": "x", "stream": True} if dialect == "gemini" else {}
    return DIALECTS[dialect].read_request(capture(name)["body"], **facts)


@pytest.mark.parametrize(("name", "dialect"), list(requests()), ids=lambda value: str(value))
def test_every_request_of_real_clients_can_be_put_to_every_target(name, dialect):
    try:
        conversation = read(name, dialect)
    except Fault as fault:
        assert any(word in name for word in _REFUSED), fault
        return
    for target, kind, model in TARGETS:
        asked = structs.replace(conversation, model=model)
        try:
            written = prepare(asked, of(model, target, kind), DIALECTS[target])
        except Fault as fault:
            assert any(word in name for word in _REFUSED), fault
            continue
        assert written.body.get("model", model) == model
        assert dumps(prepare(asked, of(model, target, kind), DIALECTS[target]).body) == dumps(written.body)


HELLO = Conversation(dialect="chat", model="m", turns=(Turn("user", (Text("hello"),)),))


def test_notes_of_every_step_come_together():
    asked = structs.replace(HELLO, sampling=Sampling(temperature=0.2, top_k=4, seed=1), stop=("x",))
    notes = {(note.action, note.what) for note in prepare(asked, of("o3", "responses"), DIALECTS["responses"]).notes}
    assert {("dropped", "temperature"), ("dropped", "seed"), ("emulated", "stop")} <= notes


def test_an_emulated_schema_is_forced_upstream_and_undone_on_the_answer():
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    asked = structs.replace(HELLO, output=OutputFormat(kind="schema", schema=schema))
    written = prepare(asked, of("deepseek-chat", "chat", "openai-compatible"), DIALECTS["chat"])
    assert written.body["tool_choice"] == {"type": "function", "function": {"name": "respond"}}
    assert "response_format" not in written.body
    assert written.undo.output_tool == "respond"


def test_a_suffix_reaches_each_target_in_its_own_form():
    asked = structs.replace(HELLO, reasoning=Reasoning(budget=8192))
    assert prepare(asked, of("gpt-5", "chat"), DIALECTS["chat"]).body["reasoning_effort"] == "medium"
    responses = prepare(asked, of("gpt-5", "responses"), DIALECTS["responses"]).body
    assert responses["reasoning"]["effort"] == "medium"
    claude = prepare(asked, of("claude-sonnet-4-5", "messages", "anthropic"), DIALECTS["messages"]).body
    assert claude["thinking"]["budget_tokens"] == 8192
    adaptive = prepare(asked, of("claude-opus-5", "messages", "anthropic"), DIALECTS["messages"]).body
    assert (adaptive["thinking"]["type"], adaptive["output_config"]) == ("adaptive", {"effort": "medium"})
    gemini = prepare(asked, of("gemini-2.5-pro", "gemini", "gemini"), DIALECTS["gemini"]).body
    assert gemini["generationConfig"]["thinkingConfig"]["thinkingBudget"] == 8192
    level = prepare(asked, of("gemini-3.1-pro-preview", "gemini", "gemini"), DIALECTS["gemini"]).body
    assert level["generationConfig"]["thinkingConfig"]["thinkingLevel"] == "medium"


@pytest.mark.parametrize("dialect", ["chat", "messages"])
def test_a_named_suffix_makes_a_claude_think_for_callers_of_any_dialect(dialect):
    asked = structs.replace(HELLO, dialect=dialect, reasoning=Reasoning(effort="high", adaptive=True))
    budget = prepare(asked, of("claude-sonnet-4-5", "messages", "anthropic"), DIALECTS["messages"]).body
    assert budget["thinking"] == {"type": "enabled", "budget_tokens": 16384}
    adaptive = prepare(asked, of("claude-opus-5", "messages", "anthropic"), DIALECTS["messages"]).body
    assert (adaptive["thinking"]["type"], adaptive["output_config"]) == ("adaptive", {"effort": "high"})


def test_what_both_sides_bent_is_undone():
    first = Undo(names={"a": ("A", None)}, stop=("x", "y"), unfence=True)
    second = Undo(names={"b": ("B", "n")}, custom=frozenset(("c",)), output_tool="respond", stop=("y",))
    assert both(first, second) == Undo(
        names={"a": ("A", None), "b": ("B", "n")},
        custom=frozenset(("c",)),
        output_tool="respond",
        stop=("x", "y"),
        unfence=True,
    )
    assert both(Undo(), second) is second
