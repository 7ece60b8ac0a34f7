"""A conversation as the one text that the agent is given. Pure.

The agent takes a text and nothing else: system text and history stand in it between tags, and whatever only tunes is
left out with a note. It has no function calling: tools that must be called are refused, others are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from router.faults import bad_request
from router.models.media import placed
from router.models.prepare import prepare
from router.wire.capabilities import Capabilities
from router.wire.conversation import Conversation, Image, JsonObject, Url
from router.wire.dialects import DIALECTS
from router.wire.notes import Notes
from router.wire.written import Note, Undo

TUNING = (
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "top_k",
    "presence_penalty",
    "frequency_penalty",
    "seed",
    "logit_bias",
    "reasoning_effort",
    "verbosity",
    "prediction",
    "web_search_options",
)
"""Keys of Chat that the agent cannot be told; others (user, metadata, cache keys) change nothing of the answer."""


class Prompt(Struct, frozen=True, kw_only=True):
    """What the agent is given, and what came of saying it that way. images: addresses."""

    text: str
    images: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    undo: Undo = Undo()


def write(conversation: Conversation, capabilities: Capabilities) -> Prompt:
    """The prompt. Raises `Fault` bad_request, with the place in the caller's body, for what the agent is not given."""
    notes = Notes()
    _refuse_media(conversation, capabilities)
    conversation = _without_tools(conversation, capabilities, notes)
    written = prepare(conversation, capabilities, DIALECTS["chat"])
    for key in TUNING:
        if written.body.get(key) is not None:
            notes.dropped(key)
    notes.extend(written.notes)
    messages: list[JsonObject] = written.body["messages"]
    images = tuple(_images(messages))
    return Prompt(text=_text(messages, notes), images=images, notes=notes.taken(), undo=written.undo)


def _without_tools(conversation: Conversation, capabilities: Capabilities, notes: Notes) -> Conversation:
    if not conversation.tools or capabilities.tools:
        return conversation
    choice = conversation.tool_choice
    if choice is not None and (choice.mode in ("any", "tool") or choice.required):
        text = f"tool_choice: '{conversation.model}' at cto.new is an agent that calls no tools of yours."
        raise bad_request(f"{text} Do not force one, or choose another model.", "tool_choice")
    notes.dropped("tools")
    return replace(conversation, tools=(), tool_choice=None, parallel_tool_calls=None)


def _text(messages: Sequence[JsonObject], notes: Notes) -> str:
    """System text, what was said before the last answer, and plainly at the end what is asked now."""
    spoken = [message for message in messages if message["role"] != "system"]
    system = "\n\n".join(_plain(message) for message in messages if message["role"] == "system")
    answers = [place for place, message in enumerate(spoken) if message["role"] == "assistant"]
    begin = answers[-1] + 1 if answers else 0
    before, now = spoken[:begin], spoken[begin:]
    parts: list[str] = []
    if system:
        notes.emulated("system")
        parts.append(_tagged("system", system))
    if before:
        notes.emulated("history")
        parts.append(_tagged("conversation", "\n".join(map(_turn, before))))
    parts += [_plain(message) if message["role"] == "user" else _turn(message) for message in now]
    return "\n\n".join(part for part in parts if part)


def _turn(message: JsonObject) -> str:
    if message["role"] == "tool":
        return _tagged("tool_result", _plain(message), f' call="{message.get("tool_call_id", "")}"')
    return _tagged(message["role"], "\n".join(filter(None, (_plain(message), *_calls(message)))))


def _calls(message: JsonObject) -> Iterator[str]:
    for call in message.get("tool_calls") or ():
        told = call.get(call["type"], {})
        arguments = told.get("arguments", told.get("input", ""))
        yield _tagged("tool_call", arguments, f' name="{told.get("name", "")}" call="{call.get("id", "")}"')


def _tagged(tag: str, text: str, attributes: str = "") -> str:
    return f"<{tag}{attributes}>\n{text}\n</{tag}>"


def _plain(message: JsonObject) -> str:
    content = message.get("content")
    if isinstance(content, list):
        return "\n".join(part["text"] for part in content if part.get("type") == "text")
    return content if isinstance(content, str) else ""


def _images(messages: Sequence[JsonObject]) -> Iterator[str]:
    for message in messages:
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            if part.get("type") == "image_url":
                yield str(part["image_url"]["url"])


def _refuse_media(conversation: Conversation, capabilities: Capabilities) -> None:
    """It answers in text. Of images it is told addresses: how its page uploads them is not known well enough."""
    if not set(conversation.modalities) <= {"text"}:
        raise bad_request("modalities: cto.new answers in text only. Ask for text.", "modalities")
    for part, where in placed(conversation):
        if capabilities.images and isinstance(part, Image) and not isinstance(part.source, Url):
            text = "cto.new takes the addresses of images only. Send a URL, or describe the image in words."
            raise bad_request(f"{where}: {text}", where)
