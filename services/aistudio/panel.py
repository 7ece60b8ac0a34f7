"""The run settings of a request, as the page's panel has them. Pure.

Names are read in camelCase and in snake_case: google-genai sends both in one request.
"""

from __future__ import annotations

import json
from typing import Any

from msgspec import Struct

from router.faults import bad_request
from router.wire.conversation import JsonObject
from router.wire.gemini.fields import message

JSON_ONLY = "Answer with JSON only: no other words, no code fence."
_UNKNOWN_TO_PAGE = ("topK", "seed", "presencePenalty", "frequencyPenalty", "responseLogprobs", "logprobs")


class Panel(Struct, frozen=True, kw_only=True):
    """The run settings; None is the page's default. functions: declarations as the page's editor takes them."""

    system: str = ""
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stops: tuple[str, ...] = ()
    thinking: bool | None = None
    budget: int | None = None
    level: str | None = None
    functions: str | None = None
    search: bool = False
    url_context: bool = False
    code: bool = False
    schema: str | None = None


def under(found: JsonObject, key: str, path: str) -> JsonObject:
    """The message that `found` has under a key, with its names in camelCase; empty where there is none."""
    value = found.get(key)
    return message(value, path) if isinstance(value, dict) else {}


def panel_of(body: JsonObject, config: JsonObject, notes: list[str]) -> Panel:
    """The settings of a request. config: its ``generationConfig``. notes: what cannot be applied is added. Raises
    `Fault` bad_request."""
    notes += [f"generationConfig.{name}" for name in _UNKNOWN_TO_PAGE if config.get(name) is not None]
    if config.get("candidateCount") not in (None, 1):
        notes.append("generationConfig.candidateCount")
    for name in ("safetySettings", "cachedContent", "labels"):
        if body.get(name):
            notes.append(name)
    system = [_system(body)]
    functions, served = _tools(body, notes)
    if functions is not None:
        forced = _forced(body)
        if forced == "":
            functions = None
        elif forced:
            notes.append("toolConfig")
            system.append(forced)
    budget, level = _thinking(under(config, "thinkingConfig", "generationConfig.thinkingConfig"))
    stops = config.get("stopSequences")
    schema = config.get("responseJsonSchema", config.get("responseSchema"))
    if schema is None and config.get("responseMimeType") == "application/json":
        notes.append("generationConfig.responseMimeType")
        system.append(JSON_ONLY)
    return Panel(
        system="\n\n".join(each for each in system if each),
        temperature=_number(config, "temperature", 0, 2),
        top_p=_number(config, "topP", 0, 1),
        max_tokens=_whole(config, "maxOutputTokens"),
        stops=tuple(dict.fromkeys(str(each) for each in stops if each)) if isinstance(stops, list) else (),
        thinking=None if budget is None else budget != 0,
        budget=budget if budget is not None and budget > 0 else None,
        level=level,
        functions=functions,
        search="googleSearch" in served,
        url_context="urlContext" in served,
        code="codeExecution" in served,
        schema=None if schema is None else json.dumps(schema, ensure_ascii=False),
    )


def _system(body: JsonObject) -> str:
    given = body.get("systemInstruction")
    if isinstance(given, str):
        return given
    parts = given.get("parts") if isinstance(given, dict) else None
    texts = [part.get("text") for part in parts or () if isinstance(part, dict)]
    return "\n\n".join(text for text in texts if isinstance(text, str) and text)


def _tools(body: JsonObject, notes: list[str]) -> tuple[str | None, set[str]]:
    """The declarations as text, and which tools of Google's own are wanted."""
    declared: list[Any] = []
    served: set[str] = set()
    for tool in body.get("tools") or ():
        for name, held in message(tool, "tools").items() if isinstance(tool, dict) else ():
            if name == "functionDeclarations" and isinstance(held, list):
                declared += [_declaration(message(each, "tools")) for each in held if isinstance(each, dict)]
            elif name in ("googleSearch", "googleSearchRetrieval"):
                served.add("googleSearch")
            elif name in ("urlContext", "codeExecution"):
                served.add(name)
            else:
                notes.append(f"tools.{name}")
    if declared and served:
        notes += [f"tools.{name}" for name in sorted(served)]  # the page allows one or the other
        served = set()
    return (json.dumps(declared, ensure_ascii=False) if declared else None), served


def _declaration(declared: JsonObject) -> JsonObject:
    out: JsonObject = {key: declared[key] for key in ("name", "description") if key in declared}
    parameters = declared.get("parametersJsonSchema", declared.get("parameters"))
    return {**out, "parameters": parameters} if parameters else out


def _forced(body: JsonObject) -> str | None:
    """What the model must be told of a choice that the page has no control for; "" for no functions at all."""
    holder = under(body, "toolConfig", "toolConfig")
    config = under(holder, "functionCallingConfig", "toolConfig.functionCallingConfig")
    mode = str(config.get("mode", "AUTO")).upper()
    if mode == "NONE":
        return ""
    if mode != "ANY":
        return None
    names = [str(name) for name in config.get("allowedFunctionNames") or ()]
    which = f"one of these functions: {', '.join(names)}" if names else "one of the declared functions"
    return f"You must answer by calling {which}."


def _thinking(config: JsonObject) -> tuple[int | None, str | None]:
    """Budget (None for the page's own choice) and level."""
    budget, level = config.get("thinkingBudget"), config.get("thinkingLevel")
    known = budget if isinstance(budget, int) and not isinstance(budget, bool) and budget >= 0 else None
    return known, (str(level).capitalize() if isinstance(level, str) and level else None)


def _number(config: JsonObject, name: str, low: float, high: float) -> float | None:
    value = config.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise bad_request(f"generationConfig.{name}: must be from {low} to {high}.", f"generationConfig.{name}")
    return float(value)


def _whole(config: JsonObject, name: str) -> int | None:
    value = config.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise bad_request(f"generationConfig.{name}: must be a whole number above 0.", f"generationConfig.{name}")
    return value
