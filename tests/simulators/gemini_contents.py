"""The contents of Gemini requests: parts, order of turns, pairing of calls, thought signatures."""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.simulators import media, signatures
from tests.simulators.prompt import Prompt, Result
from tests.simulators.refusal import Json, gemini

DATA = (
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
)
DUMMIES = ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
INLINE = (
    "image/png",
    "image/jpeg",
    "image/webp",
    "image/heic",
    "image/heif",
    "application/pdf",
    "text/",
    "audio/",
    "video/",
)


def read(request: Json, prompt: Prompt) -> None:
    """Check every content and fill the prompt."""
    contents = request.get("contents") or []
    if not contents:
        raise gemini("* GenerateContentRequest.contents: contents is not specified")
    texts = [_system(request.get("systemInstruction"), prompt)]
    turns: list[tuple[str, list[Json]]] = []
    for number, content in enumerate(contents):
        role, parts = content.get("role", "user"), content.get("parts") or []
        if role not in ("user", "model", "function"):
            raise gemini("Please use a valid role: user, model.")
        if not parts:
            raise gemini(f"* GenerateContentRequest.contents[{number}].parts: contents.parts must not be empty.")
        for place, part in enumerate(parts):
            texts.append(_part(part, f"GenerateContentRequest.contents[{number}].parts[{place}]", prompt))
        role = "user" if role == "function" else role
        if turns and turns[-1][0] == role:
            turns[-1][1].extend(parts)
        else:
            turns.append((role, list(parts)))
    _order(turns)
    _pairs(turns)
    _signed(turns, prompt)
    for role, parts in turns:
        _remember(role, parts, turns, prompt)
    prompt.turns = len(contents)
    prompt.everything = "\n".join(text for text in texts if text)


def _system(content: Json | None, prompt: Prompt) -> str:
    for part in (content or {}).get("parts") or []:
        if part.keys() - {"text", "partMetadata"}:
            raise gemini("* GenerateContentRequest.system_instruction: only text is supported.")
    prompt.system = "\n".join(part.get("text", "") for part in (content or {}).get("parts") or [])
    return prompt.system


def _part(part: Json, path: str, prompt: Prompt) -> str:
    given = [name for name in DATA if name in part]
    if len(given) > 1:
        raise gemini(f"Invalid value at '{path}' (oneof), oneof field 'data' is already set. Cannot set '{given[1]}'")
    if not given:
        raise gemini(f"* {path}.data: required oneof field 'data' must have one initialized field")
    kind = given[0]
    if kind == "text":
        return "" if part.get("thought") is True else str(part["text"])
    if kind == "inlineData":
        prompt.media.append(_inline(part["inlineData"]))
    elif kind == "fileData":
        if not part["fileData"].get("fileUri"):
            raise gemini(f"* {path}.file_data.file_uri: must not be empty")
        prompt.media.append(f"file at {part['fileData']['fileUri']}")
    elif kind == "functionCall":
        if not part["functionCall"].get("name"):
            raise gemini(f"* {path}.function_call.name: Name cannot be empty.")
        return json.dumps(part["functionCall"].get("args") or {}, ensure_ascii=False)
    elif kind == "functionResponse":
        response = part["functionResponse"]
        if not response.get("name"):
            raise gemini(f"* {path}.function_response.name: Name cannot be empty.")
        for inner in response.get("parts") or []:
            prompt.media.append(_inline(inner["inlineData"]))
        return json.dumps(response.get("response") or {}, ensure_ascii=False)
    return ""


def _inline(blob: Json) -> str:
    kind = blob.get("mimeType", "")
    if not kind.startswith(INLINE):
        raise gemini(f"Unsupported MIME type: {kind}")
    raw = media.decode(blob.get("data", "").replace("-", "+").replace("_", "/")) or b""
    if kind in ("image/png", "image/jpeg", "image/webp", "application/pdf") and media.kind(raw) != kind:
        raise gemini(
            "Unable to process input image. Please retry or report in "
            "https://developers.generativeai.google/guide/troubleshooting"
        )
    return f"{kind} of {len(raw)} bytes"


def _of(parts: list[Json], kind: str) -> list[Json]:
    return [part[kind] for part in parts if kind in part]


def _order(turns: list[tuple[str, list[Json]]]) -> None:
    if turns[0][0] != "user":
        raise gemini(
            "Please ensure that multiturn requests alternate between user and model and begin with a user turn."
        )
    if turns[-1][0] != "user":
        raise gemini("Please ensure that multiturn requests end with a user role or a function response.")


def _pairs(turns: list[tuple[str, list[Json]]]) -> None:
    for number, (role, parts) in enumerate(turns):
        calls, responses = _of(parts, "functionCall"), _of(parts, "functionResponse")
        if role == "user" and calls:
            raise gemini(
                "Please ensure that function call turn comes immediately after a user turn or after a "
                "function response turn."
            )
        if responses and (number == 0 or not _of(turns[number - 1][1], "functionCall")):
            raise gemini("Please ensure that function response turn comes immediately after a function call turn.")
        if not calls:
            continue
        after = _of(turns[number + 1][1], "functionResponse") if number + 1 < len(turns) else []
        if len(after) != len(calls):
            raise gemini(
                "Please ensure that the number of function response parts is equal to the number of function "
                "call parts of the function call turn."
            )
        if sorted(one["name"] for one in after) != sorted(one["name"] for one in calls):
            raise gemini(
                "Please ensure that the function response names match the function call names of the "
                "function call turn."
            )
        asked, got = ({one.get("id") for one in side} - {None} for side in (calls, after))
        if asked and got and asked != got:
            raise gemini("Please ensure that the ids of function responses match those of the function calls.")


def _signed(turns: list[tuple[str, list[Json]]], prompt: Prompt) -> None:
    last_said = max(
        (number for number, (role, parts) in enumerate(turns) if role == "user" and not _of(parts, "functionResponse")),
        default=0,
    )
    position = 0
    for number, (role, parts) in enumerate(turns):
        first = True
        for part in parts:
            position += 1
            signature = part.get("thoughtSignature")
            if role == "user" and signature is not None:
                raise gemini("Thought signature is only valid in model turns.")
            subject = f"call:{part['functionCall']['name']}" if "functionCall" in part else "text"
            if signature is not None and not _genuine(signature, prompt, subject):
                raise gemini("Thought signature is not valid.")
            if "functionCall" not in part:
                continue
            if first and signature is None and prompt.facts.must_sign and number > last_said:
                raise gemini(
                    "Function call is missing a thought_signature in functionCall parts. This is required for tools "
                    "to work correctly, and missing thought_signature may lead to degraded model performance. "
                    f"Additional data, function call `default_api:{part['functionCall']['name']}` , position "
                    f"{position}. Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures for more "
                    "details."
                )
            first = False


def _genuine(signature: str, prompt: Prompt, subject: str) -> bool:
    if signature in DUMMIES:
        return True
    standard = signature.replace("-", "+").replace("_", "/")
    try:
        if base64.b64decode(standard).decode("ascii", "replace") in DUMMIES:
            return True
    except ValueError:
        return False
    return signatures.verify(standard, "gemini", prompt.facts.family, subject)


def _remember(role: str, parts: list[Json], turns: list[tuple[str, list[Json]]], prompt: Prompt) -> None:
    calls, responses = _of(parts, "functionCall"), _of(parts, "functionResponse")
    if role == "model":
        prompt.answered, prompt.results = True, []
        prompt.steps += 1 if calls else 0
        return
    said = "".join(part["text"] for part in parts if "text" in part)
    if responses:
        prompt.results = [_result(one) for one in responses]
    else:
        prompt.said, prompt.steps, prompt.results = said, 0, []


def _result(response: Json) -> Result:
    given: Any = response.get("response") or {}
    failed = "error" in given
    text = given.get("error") if failed else given.get("output", given.get("result"))
    shown = text if isinstance(text, str) else json.dumps(given if text is None else text, ensure_ascii=False)
    return Result(response.get("id", ""), response["name"], shown, failed)
