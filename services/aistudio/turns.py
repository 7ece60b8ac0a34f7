"""What was said, turn by turn, as text and files for the page. Pure.

Names are read in camelCase and in snake_case: google-genai sends both in one request.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from router.faults import bad_request
from router.wire.gemini.fields import message

MAX_UPLOAD = 30 << 20
"""Bytes of all files of one request; they go through the browser's control channel."""

_EXTENSIONS: Mapping[str, str] = MappingProxyType(
    {"image/jpeg": "jpg", "text/plain": "txt", "audio/mpeg": "mp3", "text/markdown": "md", "video/quicktime": "mov"}
)


class Upload(Struct, frozen=True, kw_only=True):
    """A file for the page: data only, under a name of ours."""

    name: str
    media_type: str
    data: bytes


class Turn(Struct):
    """called: whether a function was called in it, or answered."""

    role: str
    text: str
    uploads: list[Upload]
    called: bool


def turns(contents: Any) -> list[Turn]:
    """Every turn. Raises `Fault` bad_request that names the JSON path."""
    if not isinstance(contents, list) or not contents:
        raise bad_request("contents: the conversation is empty; send at least one message.", "contents")
    found = [_turn(content, f"contents[{index}]") for index, content in enumerate(contents)]
    uploads = [each for turn in found for each in turn.uploads]
    if sum(len(each.data) for each in uploads) > MAX_UPLOAD:
        text = f"contents: files of more than {MAX_UPLOAD >> 20} MiB together cannot be uploaded."
        raise bad_request(text, "contents")
    if not uploads and not any(turn.text.strip() for turn in found):
        raise bad_request("contents: there is nothing to say; send text or a file.", "contents")
    return found


def flat(turns: list[Turn]) -> str:
    """The conversation as one prompt: the page's chat is fresh, so what was said before is told."""
    if len(turns) == 1:
        return turns[0].text
    names = {"user": "User", "model": "Model"}
    past = "\n\n".join(f"{names[turn.role]}:\n{turn.text}" for turn in turns[:-1] if turn.text)
    last = turns[-1]
    if last.role == "model":
        return f"This is the conversation so far:\n\n{past}\n\nModel:\n{last.text}\n\n---\n\nContinue."
    return f"This is the conversation so far:\n\n{past}\n\n---\n\nNow the user says:\n\n{last.text}"


def _turn(content: Any, where: str) -> Turn:
    if not isinstance(content, dict) or not isinstance(content.get("parts"), list):
        raise bad_request(f"{where}: must be an object with parts.", where)
    turn = Turn("model" if content.get("role") == "model" else "user", "", [], False)
    texts: list[str] = []
    for index, part in enumerate(content["parts"]):
        text = _part(part, f"{where}.parts[{index}]", turn)
        if text:
            texts.append(text)
    turn.text = "\n\n".join(texts)
    return turn


def _part(part: Any, where: str, turn: Turn) -> str:
    """A part as text; files go to the turn's uploads."""
    if not isinstance(part, dict) or part.get("thought") is True:
        return ""
    if isinstance(part.get("text"), str):
        return str(part["text"])
    part = message(part, where)
    for key, label in (("functionCall", "Call of the function"), ("functionResponse", "Result of the function")):
        called = part.get(key)
        if isinstance(called, dict):
            turn.called = True
            held = called.get("args" if key == "functionCall" else "response") or {}
            return f"[{label} {called.get('name', 'unknown')}: {json.dumps(held, ensure_ascii=False)}]"
    if isinstance(part.get("inlineData"), dict):
        inline = message(part["inlineData"], f"{where}.inlineData")
        turn.uploads.append(_upload(inline, f"{where}.inlineData", len(turn.uploads) + 1))
        return ""
    if "fileData" in part:
        raise bad_request(f"{where}.fileData: the page takes files as data only; send inlineData.", f"{where}.fileData")
    return ""


def _upload(inline: dict[str, Any], where: str, number: int) -> Upload:
    media_type = inline.get("mimeType")
    if not isinstance(media_type, str) or not re.match(r"^[a-z]+/[a-z0-9.+-]+$", media_type):
        raise bad_request(f"{where}.mimeType: must be a media type such as image/png.", f"{where}.mimeType")
    try:
        data = base64.b64decode(str(inline.get("data", "")), validate=True)
    except (binascii.Error, ValueError) as error:
        raise bad_request(f"{where}.data: is not base64.", f"{where}.data") from error
    extension = _EXTENSIONS.get(media_type, re.sub(r"[^a-z0-9]", "", media_type.partition("/")[2].partition("+")[0]))
    return Upload(name=f"file-{number}.{extension or 'bin'}", media_type=media_type, data=data)
