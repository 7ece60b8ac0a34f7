"""The turns and blocks of Anthropic's Messages interface: keys, order, pairing, signatures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.simulators import media, messages_turns, signatures
from tests.simulators.prompt import Prompt, Result
from tests.simulators.refusal import anthropic

BLOCKS: dict[str, frozenset[str]] = {
    "text": frozenset({"type", "text", "cache_control", "citations"}),
    "image": frozenset({"type", "source", "cache_control"}),
    "document": frozenset({"type", "source", "cache_control", "title", "context", "citations"}),
    "search_result": frozenset({"type", "source", "title", "content", "cache_control", "citations"}),
    "tool_use": frozenset({"type", "id", "name", "input", "cache_control", "caller", "toolset_name"}),
    "tool_result": frozenset({"type", "tool_use_id", "content", "is_error", "cache_control", "toolset_name"}),
    "thinking": frozenset({"type", "thinking", "signature"}),
    "redacted_thinking": frozenset({"type", "data"}),
    "tool_reference": frozenset({"type", "tool_name", "cache_control"}),
    "server_tool_use": frozenset({"type", "id", "name", "input", "cache_control", "caller"}),
    "web_search_tool_result": frozenset({"type", "tool_use_id", "content", "cache_control", "caller"}),
}
ROLE = {
    "user": frozenset({"text", "image", "document", "search_result", "tool_result"}),
    "assistant": frozenset(
        {"text", "tool_use", "thinking", "redacted_thinking", "server_tool_use", "web_search_tool_result"}
    ),
    "system": frozenset({"text"}),
    "result": frozenset({"text", "image", "document", "search_result", "tool_reference"}),
}
SOURCES = {
    "base64": {"type", "media_type", "data"},
    "url": {"type", "url"},
    "file": {"type", "file_id"},
    "text": {"type", "media_type", "data"},
    "content": {"type", "content"},
}
IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")
ID = re.compile(r"^[a-zA-Z0-9_-]+$")


def read(body: Mapping[str, Any], prompt: Prompt) -> int:
    """Check system and turns, fill the prompt; the number of cache marks."""
    texts: list[str] = []
    marks = _system(body.get("system"), prompt)
    turns = body["messages"]
    if not isinstance(turns, list):
        raise anthropic("messages: Input should be a valid list")
    if not turns:
        raise anthropic("messages: at least one message is required")
    checked: list[tuple[str, list[Any]]] = []
    for number, turn in enumerate(turns):
        role, content, found = _turn(turn, number, len(turns), checked, prompt)
        marks += found
        checked.append((role, content))
        texts.append(_remember(role, content, number, checked, prompt))
    messages_turns.order(checked, prompt)
    messages_turns.pairs(checked, body, prompt)
    prompt.turns = len(turns)
    prompt.everything = "\n".join([prompt.system, *texts]).strip()
    return marks


def _system(system: Any, prompt: Prompt) -> int:
    if system is None or isinstance(system, str):
        prompt.system = system or ""
        return 0
    marks = 0
    for number, block in enumerate(system):
        _block(block, "system", f"system.{number}", prompt)
        marks += block.get("cache_control") is not None
    prompt.system = "\n".join(block["text"] for block in system)
    return marks


def _turn(
    turn: Any, number: int, count: int, before: list[tuple[str, list[Any]]], prompt: Prompt
) -> tuple[str, list[Any], int]:
    path = f"messages.{number}"
    if not isinstance(turn, dict):
        raise anthropic(f"{path}: Input should be a valid dictionary")
    allowed = {"role", "content", "output_config"} if turn.get("role") == "system" else {"role", "content"}
    for key in turn:
        if key not in allowed:
            raise anthropic(f"{path}.{key}: Extra inputs are not permitted")
    role, content = turn.get("role"), turn.get("content")
    if role == "system":
        if not prompt.facts.system_turns:
            raise anthropic(f"{path}: role 'system' is not supported on this model")
        if number == 0 or before[-1][0] != "user":
            raise anthropic(f"{path}: role 'system' must follow a user message")
    elif role not in ("user", "assistant"):
        raise anthropic(f"{path}.role: Input should be 'user' or 'assistant'")
    if content is None:
        raise anthropic(f"{path}.content: Field required")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    last_answer = role == "assistant" and number == count - 1
    if not isinstance(blocks, list) or ((not blocks or content == "") and not last_answer):
        raise anthropic(
            f"{path}: all messages must have non-empty content except for the optional final assistant message"
        )
    marks = 0
    for place, block in enumerate(blocks):
        _block(block, str(role), f"{path}.content.{place}", prompt)
        marks += block.get("cache_control") is not None
    return str(role), blocks, marks


def _block(block: Any, role: str, path: str, prompt: Prompt) -> None:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind not in ROLE[role]:
        tags = ", ".join(f"'{tag}'" for tag in sorted(BLOCKS))
        raise anthropic(
            f"{path}: Input tag '{kind}' found using 'type' does not match any of the expected tags: {tags}"
        )
    for key in block:
        if key not in BLOCKS[kind]:
            raise anthropic(f"{path}.{kind}.{key}: Extra inputs are not permitted")
    if kind == "text":
        if not isinstance(block.get("text"), str):
            raise anthropic(f"{path}.text.text: Input should be a valid string")
        place = path.split(".")[0]
        if block["text"] == "":
            raise anthropic(f"{place}: text content blocks must be non-empty")
        if block["text"].strip() == "":
            raise anthropic(f"{place}: text content blocks must contain non-whitespace text")
    elif kind in ("image", "document"):
        prompt.media.append(_source(block.get("source"), str(kind), f"{path}.{kind}.source"))
    elif kind == "tool_use":
        _identifier(block.get("id"), f"{path}.tool_use.id")
        if not isinstance(block.get("input"), dict):
            raise anthropic(f"{path}.tool_use.input: Input should be a valid dictionary")
        if not isinstance(block.get("name"), str) or not 1 <= len(block["name"]) <= 200:
            raise anthropic(f"{path}.tool_use.name: String should have at least 1 character")
    elif kind == "tool_result":
        _identifier(block.get("tool_use_id"), f"{path}.tool_result.tool_use_id")
        content = block.get("content")
        for spot, inner in enumerate(content if isinstance(content, list) else []):
            _block(inner, "result", f"{path}.tool_result.content.{spot}", prompt)
    elif kind in ("thinking", "redacted_thinking"):
        _signed(block, path, prompt)


def _identifier(value: Any, path: str) -> None:
    if not isinstance(value, str) or not ID.match(value):
        raise anthropic(f"{path}: String should match pattern '^[a-zA-Z0-9_-]+$'")


def _signed(block: Mapping[str, Any], path: str, prompt: Prompt) -> None:
    if block["type"] == "redacted_thinking":
        if not signatures.verify(block.get("data"), "messages", prompt.facts.family, "redacted"):
            raise anthropic(f"{path}: Invalid `data` in `redacted_thinking` block")
        return
    if not isinstance(block.get("thinking"), str):
        raise anthropic(f"{path}.thinking.thinking: Field required")
    if "signature" not in block:
        raise anthropic(f"{path}.thinking.signature: Field required")
    if not signatures.verify(block["signature"], "messages", prompt.facts.family, block["thinking"]):
        raise anthropic(f"{path}: Invalid `signature` in `thinking` block")


def _source(source: Any, kind: str, path: str) -> str:
    form = source.get("type") if isinstance(source, dict) else None
    if form not in SOURCES:
        raise anthropic(
            f"{path}: Input tag '{form}' found using 'type' does not match any of the expected tags: "
            "'base64', 'url', 'file'"
        )
    for key in source:
        if key not in SOURCES[form]:
            raise anthropic(f"{path}.{form}.{key}: Extra inputs are not permitted")
    if form == "url":
        return f"{kind} at {source['url']}"
    if form in ("file", "content"):
        return f"{kind} of a {form}"
    declared = source.get("media_type")
    if form == "text":
        return f"{declared} of {len(source['data'].encode())} bytes"
    if kind == "image" and declared not in IMAGES:
        raise anthropic(
            f"{path}.base64.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'"
        )
    if kind == "document" and declared != "application/pdf":
        raise anthropic(f"{path}.base64.media_type: Input should be 'application/pdf'")
    raw = media.decode(source.get("data") or "")
    if not raw:
        raise anthropic(f"{path}.base64.data: Invalid base64 data")
    if (real := media.kind(raw)) is None or real != declared:
        raise anthropic(
            f"{path}.base64.data: The image was specified using the {declared} media type, but the image "
            f"appears to be a {real} image"
        )
    return f"{declared} of {len(raw)} bytes"


def _plain(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(block.get("text", f"[{block['type']}]") for block in content or [])


def _remember(role: str, content: list[Any], number: int, turns: list[tuple[str, list[Any]]], prompt: Prompt) -> str:
    texts = [block["text"] for block in content if block["type"] == "text"]
    calls = [block for block in content if block["type"] == "tool_use"]
    results = [block for block in content if block["type"] == "tool_result"]
    if role == "assistant":
        prompt.answered, prompt.results = True, []
        prompt.steps += 1 if calls else 0
    elif role == "user" and results:
        names = {block["id"]: block["name"] for _, blocks in turns for block in blocks if block["type"] == "tool_use"}
        prompt.results = [
            Result(
                one["tool_use_id"],
                names.get(one["tool_use_id"], ""),
                _plain(one.get("content")),
                one.get("is_error") is True,
            )
            for one in results
        ]
    elif role == "user":
        prompt.said, prompt.steps, prompt.results = "".join(texts), 0, []
    else:
        prompt.system = f"{prompt.system}\n{''.join(texts)}".strip()
        return ""
    return "".join([*texts, *(_plain(one.get("content")) for one in results), *(str(one["input"]) for one in calls)])
