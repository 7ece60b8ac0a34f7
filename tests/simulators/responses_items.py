"""The input items of the Responses interface: their keys, their pairing, their signatures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.simulators import openai_rules as rules
from tests.simulators import signatures
from tests.simulators.prompt import Prompt, Result
from tests.simulators.refusal import openai

MESSAGE = frozenset({"type", "role", "content", "id", "status", "phase"})
ITEMS: dict[str, frozenset[str]] = {
    "message": MESSAGE,
    "function_call": frozenset({"type", "call_id", "name", "arguments", "id", "status", "namespace", "caller"}),
    "function_call_output": frozenset({"type", "call_id", "output", "id", "status", "caller", "name", "namespace"}),
    "custom_tool_call": frozenset({"type", "call_id", "name", "input", "id", "status", "namespace", "caller"}),
    "custom_tool_call_output": frozenset({"type", "call_id", "output", "id", "status", "caller"}),
    "reasoning": frozenset({"type", "id", "summary", "content", "encrypted_content", "status"}),
    "item_reference": frozenset({"type", "id"}),
}
# Items that run on the server, or that only some clients know: taken as they are.
OPAQUE = frozenset(
    [
        "additional_tools",
        "web_search_call",
        "file_search_call",
        "code_interpreter_call",
        "image_generation_call",
        "mcp_call",
        "mcp_list_tools",
        "mcp_approval_request",
        "mcp_approval_response",
        "computer_call",
        "computer_call_output",
        "local_shell_call",
        "local_shell_call_output",
        "shell_call",
        "shell_call_output",
        "apply_patch_call",
        "apply_patch_call_output",
        "tool_search_call",
        "tool_search_output",
        "compaction",
        "compaction_trigger",
    ]
)
PREFIX = {"message": "msg", "function_call": "fc", "custom_tool_call": "ctc", "reasoning": "rs"}
PARTS = {
    "input_text": {"type", "text", "prompt_cache_breakpoint"},
    "input_image": {"type", "image_url", "file_id", "detail", "prompt_cache_breakpoint"},
    "input_file": {"type", "file_data", "filename", "file_id", "file_url", "detail", "prompt_cache_breakpoint"},
    "input_audio": {"type", "input_audio"},
    "output_text": {"type", "text", "annotations", "logprobs"},
    "refusal": {"type", "refusal"},
}
INPUT = ("input_text", "input_image", "input_file", "input_audio")


def read(items: list[Any], prompt: Prompt, *, store: bool) -> None:
    """Check every item and fill the prompt."""
    if not items:
        raise openai(
            "Invalid 'input': empty array. Expected an array with minimum length 1, but got an empty array instead.",
            "input",
            "empty_array",
        )
    calls: dict[str, str] = {}
    outputs: set[str] = set()
    texts: list[str] = [prompt.system] if prompt.system else []
    former = ""
    for number, item in enumerate(items):
        path = f"input[{number}]"
        kind = _kind(item, path)
        if kind in ITEMS:
            _item(item, kind, path, prompt, store=store)
            texts.append(_read_item(item, kind, path, prompt, calls, outputs, former))
        _follows(items, number, kind)
        former = kind
        prompt.turns = number + 1
    if missing := [call for call in calls if call not in outputs]:
        word = "custom tool call" if calls[missing[0]].startswith("*") else "function call"
        raise openai(f"No tool output found for {word} {missing[0]}.", "input")
    prompt.everything = "\n".join(texts)


def _kind(item: Any, path: str) -> str:
    rules.typed(item, dict, path, "an object")
    kind = item.get("type", "message" if "role" in item else None)
    if kind is None:
        raise openai(f"Missing required parameter: '{path}.type'.", f"{path}.type", "missing_required_parameter")
    if kind not in OPAQUE:
        rules.one_of(kind, (*ITEMS, *sorted(OPAQUE)), f"{path}.type")
    return str(kind)


def _item(item: Mapping[str, Any], kind: str, path: str, prompt: Prompt, *, store: bool) -> None:
    rules.known(item, ITEMS[kind], path)
    if (given := item.get("id")) is not None and kind in PREFIX and not given.startswith(PREFIX[kind]):
        raise openai(
            f"Invalid '{path}.id': '{given}'. Expected an ID that begins with '{PREFIX[kind]}'.",
            f"{path}.id",
            "invalid_value",
        )
    if "call_id" in ITEMS[kind]:
        rules.short(
            rules.typed(rules.required(item, "call_id", path), str, f"{path}.call_id", "a string"),
            64,
            f"{path}.call_id",
        )
    if kind == "reasoning":
        _signed(item, path, prompt, store=store)
    if kind == "item_reference":
        raise openai(f"Item with id '{item.get('id')}' not found.", "input", status=404)


def _signed(item: Mapping[str, Any], path: str, prompt: Prompt, *, store: bool) -> None:
    rules.required(item, "summary", path)
    sealed = item.get("encrypted_content")
    if sealed is None:
        if not store and item.get("id") is not None:
            raise openai(
                f"Item with id '{item['id']}' not found. Items are not persisted when `store` is set to "
                "false. Try again with `store` set to true, or remove this item from your input.",
                "input",
                status=404,
            )
        return
    if not signatures.verify(sealed, "responses", prompt.facts.family, "reasoning"):
        shown = f"{str(sealed)[:8]}...{str(sealed)[-4:]}"
        raise openai(
            f"The encrypted content {shown} could not be verified. Reason: Encrypted content could not be "
            "decrypted or parsed.",
            None,
            "invalid_encrypted_content",
        )


def _follows(items: list[Any], number: int, kind: str) -> None:
    if kind != "reasoning":
        return
    after = items[number + 1] if number + 1 < len(items) else {}
    ok = isinstance(after, dict) and (
        after.get("type") in ("function_call", "custom_tool_call", "reasoning", *OPAQUE)
        or after.get("role") == "assistant"
    )
    if not ok:
        raise openai(
            f"Item '{items[number].get('id')}' of type 'reasoning' was provided without its required following item.",
            "input",
        )


def _read_item(
    item: Mapping[str, Any], kind: str, path: str, prompt: Prompt, calls: dict[str, str], outputs: set[str], former: str
) -> str:
    if kind == "message":
        return _message(item, path, prompt)
    if kind in ("function_call", "custom_tool_call"):
        field = "arguments" if kind == "function_call" else "input"
        name = rules.named(rules.required(item, "name", path), f"{path}.name")
        text = rules.typed(rules.required(item, field, path), str, f"{path}.{field}", "a string")
        calls[item["call_id"]] = name if kind == "function_call" else f"*{name}"
        prompt.answered, prompt.results = True, []
        if former not in ("function_call", "custom_tool_call"):
            prompt.steps += 1
        return f"{name}{text}"
    if kind in ("function_call_output", "custom_tool_call_output"):
        call = item["call_id"]
        if call not in calls or call in outputs:
            word = "function call" if kind == "function_call_output" else "custom tool call"
            raise openai(f"No tool call found for {word} output with call_id {call}.", "input")
        outputs.add(call)
        text = _output(rules.required(item, "output", path), f"{path}.output", prompt)
        prompt.results.append(Result(call, calls[call].lstrip("*"), text))
        return text
    return ""


def _message(item: Mapping[str, Any], path: str, prompt: Prompt) -> str:
    role = rules.one_of(
        rules.required(item, "role", path), ("assistant", "system", "developer", "user"), f"{path}.role"
    )
    content = rules.required(item, "content", path)
    allowed = ("output_text", "refusal") if role == "assistant" else INPUT
    text = content if isinstance(content, str) else _parts(content, allowed, f"{path}.content", prompt)
    if role in ("system", "developer"):
        prompt.system = f"{prompt.system}\n{text}".strip()
    elif role == "user":
        prompt.said, prompt.steps, prompt.results = text, 0, []
    else:
        prompt.answered = True
        prompt.results = []
    return text


def _output(output: Any, path: str, prompt: Prompt) -> str:
    if isinstance(output, str):
        return output
    return _parts(output, ("input_text", "input_image", "input_file"), path, prompt)


def _parts(parts: Any, allowed: tuple[str, ...], path: str, prompt: Prompt) -> str:
    rules.typed(parts, list, path, "one of a string or array of objects")
    return "".join(_part(part, allowed, f"{path}[{number}]", prompt) for number, part in enumerate(parts))


def _part(part: Any, allowed: tuple[str, ...], path: str, prompt: Prompt) -> str:
    kind = rules.one_of(rules.required(part, "type", path), allowed, path)
    rules.known(part, PARTS[kind], path)
    if kind in ("input_text", "output_text"):
        return str(rules.typed(rules.required(part, "text", path), str, f"{path}.text", "a string"))
    if kind == "refusal":
        return str(part["refusal"])
    if kind == "input_image":
        prompt.media.append(rules.image(rules.required(part, "image_url", path), f"{path}.image_url"))
    elif kind == "input_file":
        url = part.get("file_url")
        prompt.media.append(f"file at {url}" if url else rules.document(part.get("file_data"), f"{path}.file_data"))
    else:
        prompt.media.append("audio " + json.dumps(part["input_audio"].get("format")))
    return ""
