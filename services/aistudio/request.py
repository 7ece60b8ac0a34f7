"""A Gemini request as what has to be done on the page. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from msgspec import Struct, field

from router.faults import bad_request

MAX_UPLOAD = 30 << 20
"""Bytes of all files of one request; they go through the browser's control channel."""

_PREFIX, _SUFFIX = "ai-studio-", "-aistudio"
_NAME = re.compile(r"^[a-z0-9][a-z0-9._-]{0,99}$")
_UNKNOWN_TO_PAGE = ("topK", "seed", "presencePenalty", "frequencyPenalty", "responseLogprobs", "logprobs")
_EXTENSIONS: Mapping[str, str] = MappingProxyType(
    {"image/jpeg": "jpg", "text/plain": "txt", "audio/mpeg": "mp3", "text/markdown": "md", "video/quicktime": "mov"}
)
JSON_ONLY = "Answer with JSON only: no other words, no code fence."


class Upload(Struct, frozen=True, kw_only=True):
    """A file for the page: data only, under a name of ours."""

    name: str
    media_type: str
    data: bytes


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


class Job(Struct, frozen=True, kw_only=True):
    """One request. prompt: everything that was said, for a fresh chat; last: the last turn alone.

    before: a digest of the turns before the last, None where the page could not continue from them.
    notes: what cannot be applied, by its name in the request."""

    model: str
    prompt: str
    last: str
    panel: Panel
    uploads: tuple[Upload, ...] = ()
    thoughts: bool = False
    before: str | None = None
    digest: str = ""
    notes: tuple[str, ...] = field(default_factory=tuple)


def model_name(name: str) -> str:
    """AI Studio's own name. Raises `Fault` bad_request for what cannot be one."""
    bare = name.removeprefix("models/").removeprefix(_PREFIX)
    bare = bare[: -len(_SUFFIX)] if bare.endswith(_SUFFIX) else bare
    if not _NAME.match(bare):
        raise bad_request(f'model: "{name[:100]}" is no name of a model of AI Studio.', "model")
    return bare


def read(model: str, body: Mapping[str, Any]) -> Job:
    """Raises `Fault` bad_request that names the JSON path."""
    contents = body.get("contents")
    if not isinstance(contents, list) or not contents:
        raise bad_request("contents: the conversation is empty; send at least one message.", "contents")
    notes: list[str] = []
    turns = [_turn(content, f"contents[{index}]") for index, content in enumerate(contents)]
    uploads = tuple(each for turn in turns for each in turn.uploads)
    if sum(len(each.data) for each in uploads) > MAX_UPLOAD:
        raise bad_request(
            f"contents: files of more than {MAX_UPLOAD >> 20} MiB together cannot be uploaded.", "contents"
        )
    if not uploads and not any(turn.text.strip() for turn in turns):
        raise bad_request("contents: there is nothing to say; send text or a file.", "contents")
    config = body.get("generationConfig")
    config = config if isinstance(config, dict) else {}
    panel = _panel(body, config, notes)
    thinking = config.get("thinkingConfig")
    plain = all(not turn.called and not turn.uploads for turn in turns)
    return Job(
        model=model_name(model),
        prompt=_flat(turns),
        last=turns[-1].text,
        panel=panel,
        uploads=uploads,
        thoughts=isinstance(thinking, dict) and thinking.get("includeThoughts") is True,
        before=digest([(turn.role, turn.text) for turn in turns[:-1]], panel) if plain and len(turns) > 1 else None,
        digest=digest([(turn.role, turn.text) for turn in turns], panel),
        notes=tuple(dict.fromkeys(notes)),
    )


def digest(turns: list[tuple[str, str]], panel: Panel) -> str:
    """Of a conversation and the system instruction over it: by this a page knows whether it can go on with it."""
    return hashlib.sha256(json.dumps([panel.system, turns]).encode("utf-8", "surrogatepass")).hexdigest()


def extended(before: list[tuple[str, str]], text: str, panel: Panel) -> str:
    """The digest once the model has answered `text`."""
    return digest([*before, ("model", text)], panel)


def turns_of(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Role and text of every turn, as `digest` takes them."""
    turns = [_turn(content, f"contents[{index}]") for index, content in enumerate(body["contents"])]
    return [(turn.role, turn.text) for turn in turns]


class _Turn(Struct):
    role: str
    text: str
    uploads: list[Upload]
    called: bool


def _turn(content: Any, where: str) -> _Turn:
    if not isinstance(content, dict) or not isinstance(content.get("parts"), list):
        raise bad_request(f"{where}: must be an object with parts.", where)
    turn = _Turn("model" if content.get("role") == "model" else "user", "", [], False)
    texts: list[str] = []
    for index, part in enumerate(content["parts"]):
        text = _part(part, f"{where}.parts[{index}]", turn)
        if text:
            texts.append(text)
    turn.text = "\n\n".join(texts)
    return turn


def _part(part: Any, where: str, turn: _Turn) -> str:
    """A part as text; files go to the turn's uploads."""
    if not isinstance(part, dict) or part.get("thought") is True:
        return ""
    if isinstance(part.get("text"), str):
        return str(part["text"])
    for key, label in (("functionCall", "Call of the function"), ("functionResponse", "Result of the function")):
        called = part.get(key)
        if isinstance(called, dict):
            turn.called = True
            held = called.get("args" if key == "functionCall" else "response") or {}
            return f"[{label} {called.get('name', 'unknown')}: {json.dumps(held, ensure_ascii=False)}]"
    inline = part.get("inlineData", part.get("inline_data"))
    if isinstance(inline, dict):
        turn.uploads.append(_upload(inline, f"{where}.inlineData", len(turn.uploads) + 1))
        return ""
    if "fileData" in part or "file_data" in part:
        raise bad_request(f"{where}.fileData: the page takes files as data only; send inlineData.", f"{where}.fileData")
    return ""


def _upload(inline: dict[str, Any], where: str, number: int) -> Upload:
    media_type = inline.get("mimeType", inline.get("mime_type"))
    if not isinstance(media_type, str) or not re.match(r"^[a-z]+/[a-z0-9.+-]+$", media_type):
        raise bad_request(f"{where}.mimeType: must be a media type such as image/png.", f"{where}.mimeType")
    try:
        data = base64.b64decode(str(inline.get("data", "")), validate=True)
    except (binascii.Error, ValueError) as error:
        raise bad_request(f"{where}.data: is not base64.", f"{where}.data") from error
    extension = _EXTENSIONS.get(media_type, re.sub(r"[^a-z0-9]", "", media_type.partition("/")[2].partition("+")[0]))
    return Upload(name=f"file-{number}.{extension or 'bin'}", media_type=media_type, data=data)


def _flat(turns: list[_Turn]) -> str:
    """The conversation as one prompt: the page's chat is fresh, so what was said before is told."""
    if len(turns) == 1:
        return turns[0].text
    names = {"user": "User", "model": "Model"}
    past = "\n\n".join(f"{names[turn.role]}:\n{turn.text}" for turn in turns[:-1] if turn.text)
    last = turns[-1]
    if last.role == "model":
        return f"This is the conversation so far:\n\n{past}\n\nModel:\n{last.text}\n\n---\n\nContinue."
    return f"This is the conversation so far:\n\n{past}\n\n---\n\nNow the user says:\n\n{last.text}"


def _panel(body: Mapping[str, Any], config: dict[str, Any], notes: list[str]) -> Panel:
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
    thinking = config.get("thinkingConfig")
    budget, level = _thinking(thinking if isinstance(thinking, dict) else {})
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


def _system(body: Mapping[str, Any]) -> str:
    given = body.get("systemInstruction", body.get("system_instruction"))
    if isinstance(given, str):
        return given
    parts = given.get("parts") if isinstance(given, dict) else None
    texts = [part.get("text") for part in parts or () if isinstance(part, dict)]
    return "\n\n".join(text for text in texts if isinstance(text, str) and text)


def _tools(body: Mapping[str, Any], notes: list[str]) -> tuple[str | None, set[str]]:
    """The declarations as text, and which tools of Google's own are wanted."""
    declared: list[Any] = []
    served: set[str] = set()
    for tool in body.get("tools") or ():
        for name, held in tool.items() if isinstance(tool, dict) else ():
            if name == "functionDeclarations" and isinstance(held, list):
                declared += [_declaration(each) for each in held if isinstance(each, dict)]
            elif name in ("googleSearch", "google_search", "googleSearchRetrieval"):
                served.add("googleSearch")
            elif name in ("urlContext", "codeExecution"):
                served.add(name)
            else:
                notes.append(f"tools.{name}")
    if declared and served:
        notes += [f"tools.{name}" for name in sorted(served)]  # the page allows one or the other
        served = set()
    return (json.dumps(declared, ensure_ascii=False) if declared else None), served


def _declaration(declared: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {key: declared[key] for key in ("name", "description") if key in declared}
    parameters = declared.get("parametersJsonSchema", declared.get("parameters"))
    return {**out, "parameters": parameters} if parameters else out


def _forced(body: Mapping[str, Any]) -> str | None:
    """What the model must be told of a choice that the page has no control for; "" for no functions at all."""
    holder = body.get("toolConfig")
    config = holder.get("functionCallingConfig") if isinstance(holder, dict) else None
    mode = str(config.get("mode", "AUTO")).upper() if isinstance(config, dict) else "AUTO"
    if mode == "NONE":
        return ""
    if mode != "ANY" or not isinstance(config, dict):
        return None
    names = [str(name) for name in config.get("allowedFunctionNames") or ()]
    which = f"one of these functions: {', '.join(names)}" if names else "one of the declared functions"
    return f"You must answer by calling {which}."


def _thinking(config: dict[str, Any]) -> tuple[int | None, str | None]:
    """Budget (None for the page's own choice) and level."""
    budget, level = config.get("thinkingBudget"), config.get("thinkingLevel")
    known = budget if isinstance(budget, int) and not isinstance(budget, bool) and budget >= 0 else None
    return known, (str(level).capitalize() if isinstance(level, str) and level else None)


def _number(config: dict[str, Any], name: str, low: float, high: float) -> float | None:
    value = config.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise bad_request(f"generationConfig.{name}: must be from {low} to {high}.", f"generationConfig.{name}")
    return float(value)


def _whole(config: dict[str, Any], name: str) -> int | None:
    value = config.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise bad_request(f"generationConfig.{name}: must be a whole number above 0.", f"generationConfig.{name}")
    return value
