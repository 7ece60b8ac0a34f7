"""Calls that a client makes for itself and that need no model: recognised by their whole shape, answered here. Pure.

One kind is known: Claude Code asks for a title of each session, with a schema that has one text called ``title`` and
with no tools. Whoever looks like it but is another client is not taken for it.
"""

from __future__ import annotations

import re

from router.call import Call
from router.wire import codec
from router.wire.conversation import Json, JsonObject

_CLIENT = "claude-cli/"
_SESSION = re.compile(r"<session>(.*?)</session>", re.DOTALL)
_MOST_WORDS, _MOST_CHARACTERS = 6, 60
UNTITLED = "New session"


def title_of(call: Call) -> str | None:
    """The answer to a call for a title, as its schema wants it; None for every other call."""
    if call.dialect != "messages" or not call.caller.client.startswith(_CLIENT):
        return None
    if b'"json_schema"' not in call.body or b'"title"' not in call.body:
        return None
    body = codec.loads(call.body)
    text = _asked(body) if isinstance(body, dict) else None
    return None if text is None else codec.dumps_text({"title": _title(text)})


def _asked(body: JsonObject) -> str | None:
    """What the only message says, of a body that asks for nothing but a title."""
    messages = body.get("messages")
    if body.get("tools") != [] or not isinstance(messages, list) or len(messages) != 1:
        return None
    config = body.get("output_config")
    form = config.get("format") if isinstance(config, dict) else None
    schema = form.get("schema") if isinstance(form, dict) and form.get("type") == "json_schema" else None
    if not isinstance(schema, dict) or schema.get("properties") != {"title": {"type": "string"}}:
        return None
    return _text(messages[0])


def _text(message: Json) -> str | None:
    if not isinstance(message, dict) or message.get("role") != "user":
        return None
    content = message.get("content")
    if isinstance(content, str):
        return content
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        return None
    texts = [part.get("text") for part in content]
    return "\n".join(texts) if all(isinstance(text, str) for text in texts) else None


def _title(text: str) -> str:
    """The first words that the person wrote."""
    found = _SESSION.search(text)
    line = next((line for line in (found[1] if found is not None else text).splitlines() if line.strip()), "")
    title = ""
    for word in line.split()[:_MOST_WORDS]:
        if title and len(title) + 1 + len(word) > _MOST_CHARACTERS:
            break
        title = f"{title} {word}".strip()
    return title[:_MOST_CHARACTERS] or UNTITLED
