"""Calls that a client makes for itself and that need no model: recognised by their whole shape, answered here. Pure.

All kinds are Claude Code's: a title of the session, whether a message begins a new topic, a probe of the quota, a count
of tokens by way of an answer, and the warm-up of a helper. Whoever looks like it but is another client is not taken for
it, and what asks for anything more goes to a model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

from msgspec import Struct

from router.call import Call
from router.wire import codec
from router.wire.conversation import Json, JsonObject

Kind: TypeAlias = Literal["titles", "topics", "quota_probes", "count_probes", "warmups"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""As the settings call them."""
_CLIENT = "claude-cli/"
_SESSION = re.compile(r"<session>(.*?)</session>", re.DOTALL)
_MOST_WORDS, _MOST_CHARACTERS = 6, 60
_TOPIC_WORDS = 3
UNTITLED = "New session"


class Housekept(Struct, frozen=True):
    """An answer. cut: it ends at the call's `max_tokens`. counted: the caller reads its tokens off it."""

    kind: Kind
    text: str
    cut: bool = False
    counted: bool = False


def answer_to(call: Call, kinds: Iterable[Kind]) -> Housekept | None:
    """What to answer; None for every call that is of none of `kinds`."""
    if call.dialect != "messages" or not call.caller.client.startswith(_CLIENT):
        return None
    wanted = [kind for kind in kinds if all(mark in call.body for mark in _MARKS[kind])]
    if not wanted:
        return None
    body = codec.loads(call.body)
    if not isinstance(body, dict):
        return None
    return next((found for kind in wanted if (found := _ANSWERS[kind](body)) is not None), None)


def _titled(body: JsonObject) -> Housekept | None:
    text = _asked(body)
    return None if text is None else Housekept("titles", codec.dumps_text({"title": _title(text)}))


def _topic(body: JsonObject) -> Housekept | None:
    """Asked by older versions, which put the first letter of the answer into its mouth."""
    messages = body.get("messages")
    if body.get("tools") or not isinstance(messages, list) or not 1 <= len(messages) <= 2:
        return None
    told = _texts(body.get("system"))
    text = _text(messages[0])
    if told is None or "isNewTopic" not in told or "title" not in told or text is None:
        return None
    answer = codec.dumps_text({"isNewTopic": True, "title": _title(text, _TOPIC_WORDS)})
    if len(messages) == 2:
        last = messages[1]
        if not isinstance(last, dict) or last.get("role") != "assistant" or _texts(last.get("content")) != "{":
            return None
        answer = answer.removeprefix("{")
    return Housekept("topics", answer)


def _quota(body: JsonObject) -> Housekept | None:
    """Only the head of the answer is looked at, and whether there is one."""
    one = body.get("max_tokens") == 1 and not body.get("tools") and _only(body) == "quota"
    return Housekept("quota_probes", "#", cut=True) if one else None


def _count(body: JsonObject) -> Housekept | None:
    one = body.get("max_tokens") == 1 and _only(body) == "count"
    return Housekept("count_probes", "#", cut=True, counted=True) if one else None


def _warmup(body: JsonObject) -> Housekept | None:
    """Only a cache at the provider gains by it."""
    return Housekept("warmups", "Ready.") if _only(body) == "Warmup" else None


_ANSWERS: Mapping[Kind, Callable[[JsonObject], Housekept | None]] = MappingProxyType(
    {"titles": _titled, "topics": _topic, "quota_probes": _quota, "count_probes": _count, "warmups": _warmup}
)
_MARKS: Mapping[Kind, tuple[bytes, ...]] = MappingProxyType(
    {
        "titles": (b'"json_schema"', b'"title"'),
        "topics": (b"isNewTopic",),
        "quota_probes": (b'"quota"',),
        "count_probes": (b'"count"',),
        "warmups": (b'"Warmup"',),
    }
)
"""What stands in the body of every such call, so that others need not be read."""


def _only(body: JsonObject) -> str | None:
    """The text of the only message, None where there are others or it is more than a text."""
    messages = body.get("messages")
    return _text(messages[0]) if isinstance(messages, list) and len(messages) == 1 else None


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
    return _texts(message.get("content"))


def _texts(content: Json) -> str | None:
    """A text, or several as one; None for anything else."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        return None
    texts = [part.get("text") for part in content]
    return "\n".join(texts) if all(isinstance(text, str) for text in texts) else None


def _title(text: str, most: int = _MOST_WORDS) -> str:
    """The first words that the person wrote."""
    found = _SESSION.search(text)
    line = next((line for line in (found[1] if found is not None else text).splitlines() if line.strip()), "")
    title = ""
    for word in line.split()[:most]:
        if title and len(title) + 1 + len(word) > _MOST_CHARACTERS:
            break
        title = f"{title} {word}".strip()
    return title[:_MOST_CHARACTERS] or UNTITLED
