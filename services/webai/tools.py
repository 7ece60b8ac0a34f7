"""Tools of a request. A web page has none: they are refused, or emulated in words, as the settings declare. Pure."""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct

from router.faults import bad_request
from router.wire.codec import Malformed, dumps_text, loads
from services.webai.settings import Tools

_FENCED = re.compile(r"\A\s*```(?:json)?\s*(\{.*\})\s*```\s*\Z", re.DOTALL)
REFUSAL = (
    "WebAI has no tools: the page behind it calls no functions. Leave tools out, choose another provider, or set "
    'providers.webai.tools to "emulate", which asks for calls in words and cannot promise them.'
)


class Offered(Struct, frozen=True):
    """Tools that are emulated. must: whether a call was demanded. names: of the functions."""

    instructions: str
    names: frozenset[str]
    must: bool


class Called(Struct, frozen=True):
    """One call. arguments: JSON as text."""

    name: str
    arguments: str


def offered(body: dict[str, Any], declared: Tools) -> Offered | None:
    """The tools of a request, None where it has none or wants none used. Raises `Fault`."""
    given = body.get("tools") or body.get("functions")
    choice = body.get("tool_choice", body.get("function_call"))
    if not given or choice == "none":
        return None
    where = "tools" if body.get("tools") else "functions"
    if declared == "refuse":
        raise bad_request(REFUSAL, where, code="tools_not_supported")
    functions = _functions(given, where)
    wanted = _wanted(choice)
    if wanted is not None:
        if wanted not in functions:
            raise bad_request(f'tool_choice names "{wanted[:80]}", which is not among the tools.', "tool_choice")
        functions = {wanted: functions[wanted]}
    must = wanted is not None or choice == "required"
    return Offered(_instructions(functions, must), frozenset(functions), must)


def calls(text: str, wanted: Offered) -> list[Called]:
    """The calls that an answer consists of; none where it is an ordinary answer."""
    found = _FENCED.match(text)
    try:
        held = loads(found[1] if found else text.strip())
    except Malformed:
        return []
    listed = held.get("tool_calls") if isinstance(held, dict) else None
    if not isinstance(listed, list) or not listed:
        return []
    result = []
    for each in listed:
        name = each.get("name") if isinstance(each, dict) else None
        if name not in wanted.names:
            return []
        arguments = each.get("arguments", {})
        result.append(Called(name, arguments if isinstance(arguments, str) else dumps_text(arguments)))
    return result


def told(message: dict[str, Any], text: str) -> str:
    """The words for a message of an earlier exchange of calls; `text` itself for every other one."""
    if message["role"] in ("tool", "function"):
        name = message.get("name") or message.get("tool_call_id") or "a tool"
        return f"Result of {name}:\n{text}"
    made = message.get("tool_calls")
    if not isinstance(made, list):
        return text
    functions = [each.get("function") for each in made if isinstance(each, dict)]
    listed = [
        {"name": each.get("name"), "arguments": each.get("arguments")} for each in functions if isinstance(each, dict)
    ]
    return "\n".join(filter(None, (text, dumps_text({"tool_calls": listed}))))


def _functions(given: Any, where: str) -> dict[str, dict[str, Any]]:
    if not isinstance(given, list):
        raise bad_request(f"{where} must be a list.", where)
    found = {}
    for place, each in enumerate(given):
        function = each.get("function", each) if isinstance(each, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise bad_request(f"{where}[{place}] must be a function with a name.", f"{where}[{place}]")
        keys = ("description", "parameters")
        found[function["name"]] = {key: function[key] for key in keys if function.get(key) is not None}
    return found


def _wanted(choice: Any) -> str | None:
    """The function that a choice names."""
    if not isinstance(choice, dict):
        return None
    function = choice.get("function", choice)
    name = function.get("name") if isinstance(function, dict) else None
    return name if isinstance(name, str) else None


def _instructions(functions: dict[str, dict[str, Any]], must: bool) -> str:
    listed = dumps_text([{"name": name, **facts} for name, facts in functions.items()])
    when = "Call at least one of them now." if must else "Call them only where they help; else answer as usual."
    return (
        f"These functions can be called, described as JSON:\n{listed}\n{when}\n"
        "To call, answer with nothing but this JSON object and no other words: "
        '{"tool_calls": [{"name": "<function>", "arguments": {<its arguments>}}]}\n'
        "The results come with the next message."
    )
