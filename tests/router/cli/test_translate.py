"""`switchyard translate`: stdin to stdout, as the gateway itself translates."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from router.cli import main as verbs
from router.cli.translate import NAMES

Translate = Callable[..., Result]
MESSAGES: dict[str, Any] = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 100,
    "top_k": 3,
    "stop_sequences": ["END"],
    "messages": [{"role": "user", "content": "hi"}],
    "tools": [{"name": "look", "input_schema": {"type": "object", "properties": {"at": {"type": "string"}}}}],
}
CHAT_EVENTS = b"".join(
    b"data: " + json.dumps(one).encode() + b"\n\n"
    for one in (
        {"id": "c1", "model": "gpt-5", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "He"}}]},
        {"id": "c1", "model": "gpt-5", "choices": [{"index": 0, "delta": {"content": "llo"}}]},
        {"id": "c1", "model": "gpt-5", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {"id": "c1", "model": "gpt-5", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}},
    )
)


@pytest.fixture
def translate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Translate:
    monkeypatch.setenv("SWITCHYARD_CONFIG", str(tmp_path / "config.yaml"))
    (tmp_path / "config.yaml").write_text("providers: {deepseek: {api_keys: [sk-x-of-a-test]}}\n")

    def run(body: Any, *words: str) -> Result:
        data = body if isinstance(body, bytes) else json.dumps(body)
        return CliRunner().invoke(verbs.app, ["translate", *words], input=data)

    return run


def told(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_request_is_written_as_it_would_be_sent_and_what_is_lost_is_told(translate: Translate) -> None:
    result = translate(MESSAGES, "--from", "anthropic", "--to", "openai")
    body = told(result)
    assert body["messages"] == [{"role": "user", "content": "hi"}] and body["stream"] is True
    assert body["max_completion_tokens"] == 100 and "top_k" not in body
    assert result.stderr == "POST /v1/chat/completions (translated lane)\ndropped: top_k\n"
    gemini = translate(MESSAGES, "--from", "messages", "--to", "gemini", "--model", "gemini-2.5-flash(low)")
    assert told(gemini)["generationConfig"]["topK"] == 3
    assert told(gemini)["generationConfig"]["thinkingConfig"]
    assert "POST /v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse" in gemini.stderr


@pytest.mark.parametrize("source", sorted(set(NAMES.values())))
@pytest.mark.parametrize("target", sorted(set(NAMES.values())))
def test_every_pair_translates(source: str, target: str, translate: Translate) -> None:
    bodies: dict[str, Any] = {
        "chat": {"model": "m", "messages": [{"role": "user", "content": "hi there"}]},
        "responses": {"model": "m", "input": "hi there"},
        "messages": MESSAGES | {"messages": [{"role": "user", "content": "hi there"}]},
        "gemini": {"contents": [{"role": "user", "parts": [{"text": "hi there"}]}]},
    }
    result = translate(bodies[source], "--from", source, "--to", target, "--model", "some-model")
    assert "hi there" in json.dumps(told(result))
    assert ("raw lane" in result.stderr) == (source == target)
    assert "some-model" in result.stdout + result.stderr


def test_the_same_dialect_keeps_what_it_does_not_know(translate: Translate) -> None:
    body = {"model": "a", "messages": [{"role": "user", "content": [{"type": "of_tomorrow"}]}], "new": {"x": 1}}
    assert told(translate(body, "--from", "messages", "--to", "anthropic", "--model", "b")) == body | {"model": "b"}


def test_strict_refuses_what_would_be_lost(translate: Translate) -> None:
    result = translate(MESSAGES, "--from", "messages", "--to", "chat", "--strict")
    assert result.exit_code == 1 and result.stdout == "" and "dropped=top_k" in result.stderr


@pytest.mark.parametrize(
    ("body", "words", "code", "reason"),
    [
        (b"{", (), 1, "bad_request (400): The request is not valid JSON"),
        (b"[]", (), 1, "must be a JSON object"),
        ({"messages": []}, (), 1, "at model: The request names no model"),
        (MESSAGES | {"messages": [{"role": "x", "content": ""}]}, (), 1, "messages[0].role"),
        ({"model": "m", "messages": []}, (), 1, "bad_request (400): max_tokens: Field required"),
        (MESSAGES, ("--from", "soap"), 2, "'soap' is no dialect. Known are: chat, openai"),
        ({"contents": []}, ("--from", "gemini"), 1, "add --model NAME"),
        (MESSAGES, ("--provider", "nobody"), 1, "there is no provider 'nobody'"),
        (MESSAGES, ("--provider", "deepseek", "--to", "gemini"), 1, "deepseek does not speak gemini"),
    ],
)
def test_mistakes_are_told_with_their_place(
    body: Any, words: tuple[str, ...], code: int, reason: str, translate: Translate
) -> None:
    result = translate(body, "--from", "messages", "--to", "chat", *words)
    assert result.exit_code == code and result.stdout == "" and reason in result.stderr


def test_a_provider_of_the_settings_counts_with_its_deviations(translate: Translate) -> None:
    words = ("--from", "messages", "--to", "chat", "--model", "deepseek-chat")
    assert "max_tokens" in told(translate(MESSAGES, *words, "--provider", "deepseek"))


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("--request", "a.json"), 2, "add --answer"),
        (("--status", "429"), 2, "add --answer"),
        (("--answer", "--request", "/nowhere/a.json"), 1, "/nowhere/a.json cannot be read: No such file"),
    ],
)
def test_options_that_belong_together_are_told(
    words: tuple[str, ...], code: int, reason: str, translate: Translate
) -> None:
    result = translate(MESSAGES, "--from", "messages", "--to", "chat", *words)
    assert result.exit_code == code and reason in result.stderr and result.stdout == ""


def test_an_answer_comes_back_streamed_and_whole(translate: Translate, tmp_path: Path) -> None:
    words = ("--from", "messages", "--to", "chat", "--answer")
    streamed = translate(CHAT_EVENTS, *words, "--stream", "--model", "shown")
    assert streamed.exit_code == 0 and streamed.stdout.startswith("event: message_start\n")
    assert '"text":"llo"' in streamed.stdout and streamed.stdout.rstrip().endswith('{"type":"message_stop"}')
    whole = told(translate(CHAT_EVENTS, *words, "--model", "shown"))
    assert (whole["content"][0]["text"], whole["stop_reason"], whole["model"]) == ("Hello", "end_turn", "shown")
    reply = {
        "id": "c1",
        "model": "gpt-5",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    }
    assert told(translate(reply, *words))["content"] == [{"type": "text", "text": "Hello"}]


def test_an_answer_is_freed_from_what_its_request_had_to_bend(translate: Translate, tmp_path: Path) -> None:
    """OpenAI's Responses have no stop sequences, so the gateway cuts the answer itself."""
    (tmp_path / "request.json").write_text(json.dumps(MESSAGES))
    reply = {
        "id": "r1",
        "model": "gpt-5",
        "created_at": 1,
        "status": "completed",
        "output": [
            {
                "type": "message",
                "id": "m",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "He END llo"}],
            }
        ],
        "usage": {"input_tokens": 1, "output_tokens": 2},
    }
    words = ("--from", "messages", "--to", "responses", "--answer")
    bent = told(translate(reply, *words, "--request", str(tmp_path / "request.json")))
    assert bent["content"][0]["text"] == "He " and told(translate(reply, *words))["content"][0]["text"] == "He END llo"


def test_a_cut_answer_is_an_error_in_the_callers_dialect(translate: Translate) -> None:
    cut = CHAT_EVENTS[: CHAT_EVENTS.index(b'{"id": "c1", "model": "gpt-5", "choices": [{"index": 0, "delta": {}')]
    words = ("--from", "messages", "--to", "chat", "--answer")
    streamed = translate(cut, *words, "--stream")
    assert streamed.exit_code == 1 and "event: error\n" in streamed.stdout and "message_stop" not in streamed.stdout
    whole = translate(cut, *words)
    assert whole.exit_code == 1 and whole.stdout == "" and "upstream_broken" in whole.stderr


def test_an_error_answer_needs_its_status_and_takes_the_callers_shape(translate: Translate) -> None:
    body = {"error": {"message": "too fast", "type": "rate_limit_error", "code": None}}
    words = ("--from", "messages", "--to", "chat", "--answer")
    assert translate(body, *words).exit_code == 2
    result = translate(body, *words, "--status", "429")
    assert told(result)["error"]["type"] == "rate_limit_error" and "HTTP status 429" in result.stderr
