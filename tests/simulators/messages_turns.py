"""Order and pairing of the turns of Anthropic's Messages interface."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.simulators.prompt import Prompt
from tests.simulators.refusal import anthropic


def order(turns: list[tuple[str, list[Any]]], prompt: Prompt) -> None:
    """Who may speak first, last and in between."""
    if turns[0][0] != "user":
        raise anthropic('messages: first message must use the "user" role')
    for number, (role, _) in enumerate(turns):
        if role == "system" and number + 1 < len(turns) and turns[number + 1][0] != "assistant":
            raise anthropic(f"messages.{number}: role 'system' must be last or be followed by an assistant message")
    role, content = turns[-1]
    if role != "assistant":
        return
    if not prompt.facts.prefill:
        raise anthropic(
            "This model does not support assistant message prefill. The conversation must end with a user message."
        )
    if content and content[-1]["type"] == "text" and content[-1]["text"] != content[-1]["text"].rstrip():
        raise anthropic("messages: final assistant content cannot end with trailing whitespace")
    prompt.begun = "".join(block["text"] for block in content if block["type"] == "text")


def _merged(turns: list[tuple[str, list[Any]]]) -> list[tuple[int, str, list[Any]]]:
    out: list[tuple[int, str, list[Any]]] = []
    for number, (role, content) in enumerate(turns):
        if role == "system":
            continue
        if out and out[-1][1] == role:
            out[-1][2].extend(content)
        else:
            out.append((number, role, list(content)))
    return out


def pairs(turns: list[tuple[str, list[Any]]], body: Mapping[str, Any], prompt: Prompt) -> None:
    """Every call has its result in the next message, before any text."""
    merged = _merged(turns)
    seen: set[str] = set()
    for place, (number, role, content) in enumerate(merged):
        kinds = [block["type"] for block in content]
        if role == "assistant" and "tool_use" in kinds:
            calls = [block["id"] for block in content if block["type"] == "tool_use"]
            if len(set(calls)) < len(calls) or seen & set(calls):
                raise anthropic(f"messages.{number}.content: `tool_use` ids must be unique")
            seen |= set(calls)
            follower = merged[place + 1][2] if place + 1 < len(merged) else []
            _answered(calls, follower, number)
        if role == "user" and "tool_result" in kinds:
            former = merged[place - 1][2] if place else []
            known = {block["id"] for block in former if block["type"] == "tool_use"}
            for spot, block in enumerate(content):
                if block["type"] == "tool_result" and block["tool_use_id"] not in known:
                    raise anthropic(
                        f"messages.{number}.content.{spot}: unexpected `tool_use_id` found in `tool_result` blocks: "
                        f"{block['tool_use_id']}. Each `tool_result` block must have a corresponding `tool_use` block "
                        "in the previous message."
                    )
    if seen and not body.get("tools"):
        raise anthropic("Requests which include `tool_use` or `tool_result` blocks must define tools.")
    if prompt.always_thinks and prompt.results:
        _starts_with_thinking(merged)


def _answered(calls: list[str], follower: list[Any], number: int) -> None:
    immediate = set()
    for block in follower:
        if block["type"] != "tool_result":
            break
        if block["tool_use_id"] in immediate:
            raise anthropic(
                f"messages.{number + 1}.content: each tool_use must have a single result. Found multiple "
                f"`tool_result` blocks with id: {block['tool_use_id']}"
            )
        immediate.add(block["tool_use_id"])
    if missing := [call for call in calls if call not in immediate]:
        raise anthropic(
            f"messages.{number}: `tool_use` ids were found without `tool_result` blocks immediately after: "
            f"{', '.join(missing)}. Each `tool_use` block must have a corresponding `tool_result` block in the next "
            "message."
        )


def _starts_with_thinking(merged: list[tuple[int, str, list[Any]]]) -> None:
    number, _, content = merged[-2]
    first = content[0]["type"]
    if first not in ("thinking", "redacted_thinking"):
        raise anthropic(
            f"messages.{number}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{first}`. When "
            "`thinking` is enabled, a final `assistant` message must start with a thinking block (preceeding the "
            "lastmost set of `tool_use` and `tool_result` blocks). We recommend you include thinking blocks from "
            "previous turns. To avoid this requirement, disable `thinking`."
        )
