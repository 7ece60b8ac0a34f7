"""What the page's server writes, as the package reads it: frames that begin with their length in UTF-16 units."""

from __future__ import annotations

import json
from typing import Any

PREFIX = ")]}'\n\n"


def frame(parts: list[Any]) -> str:
    """One frame: its length counts the line breaks around the JSON."""
    text = f"\n{json.dumps(parts, ensure_ascii=False)}\n"
    return f"{len(text.encode('utf-16-le')) // 2}{text}"


def answer(
    ids: tuple[str, str, str],
    text: str,
    *,
    thoughts: str = "",
    done: bool = False,
    context: str | None = None,
    made: list[tuple[str, str]] | None = None,
    found: list[tuple[str, str]] | None = None,
) -> list[Any]:
    """A snapshot of the answer. made, found: pictures as (address, description)."""
    cid, rid, rcid = ids
    candidate: list[Any] = [None] * 38
    candidate[0], candidate[1], candidate[8] = rcid, [text], [2 if done else 1]
    candidate[37] = [[thoughts]] if thoughts else None
    rich: list[Any] = [None] * 8
    rich[1] = [[[[url], None, None, None, alt]] for url, alt in found or ()] or None
    if made:
        rich[7] = [[[[None, None, None, [None, None, alt, url]], [f"id-{n}"]] for n, (url, alt) in enumerate(made)]]
    candidate[12] = rich
    inner: list[Any] = [None] * 28
    inner[1], inner[4], inner[25] = [cid, rid], [candidate], context
    return ["wrb.fr", None, json.dumps(inner, ensure_ascii=False)]


def error(code: int) -> list[Any]:
    """An error in the stream."""
    return ["wrb.fr", None, None, None, None, [8, None, [["type.googleapis.com/BardErrorInfo", [code]]]]]


def result(rpc: str, body: Any) -> list[Any]:
    """The answer to one call of a batch."""
    return ["wrb.fr", rpc, json.dumps(body), None, None, None, "generic"]


def status(code: int, models: list[tuple[str, str, str, int]]) -> list[Any]:
    """What the page says of an account. models: id, kind, name, number."""
    body: list[Any] = [None] * 18
    body[14], body[16], body[17] = code, [], []
    body[15] = [_model(*each) for each in models]
    return body


def _model(model_id: str, kind: str, name: str, number: int) -> list[Any]:
    found: list[Any] = [None] * 18
    found[0], found[1], found[11], found[12], found[17] = model_id, kind, name, f"{name} of the stand-in", number
    return found
