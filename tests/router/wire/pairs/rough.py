"""Conversations as agents really hold them: long names, long ids, strays, system text in the middle, thoughts."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from router.wire.conversation import (
    Conversation,
    Dialect,
    Document,
    Image,
    Inline,
    Opaque,
    OutputFormat,
    Part,
    Reasoning,
    Sampling,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from router.wire.opaque import wrap
from tests.router.wire.strategies import PNG, arguments, words

PDF = "JVBERi0xLjQKJSVFT0YK"
LONG = "mcp__a_server_with_a_long_name__a_tool_whose_name_is_also_very_long_indeed"
NAMES = ("look_up", LONG, LONG[:-1] + "x", "files.read", "fs/write file", "1st", "naïve", "a" * 64)
IDS = ("call_1", "toolu_01AbC", "call_" + "x" * 85, "call_abc|fc_" + "9" * 78, "call abc:1", "fc-9")
SCHEMAS: tuple[dict[str, Any], ...] = (
    {"type": "object", "properties": {}},
    {
        "type": "object",
        "properties": {"format": {"type": "string"}, "$ref": {"type": "integer"}},
        "required": ["format"],
    },
    {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {"a": {"type": ["string", "null"]}, "b": {"enum": [1, 2]}},
        "additionalProperties": False,
    },
    {
        "type": "object",
        "properties": {"node": {"$ref": "#/$defs/node"}},
        "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
    },
)
UNSAID = {"type": "object", "properties": {"list": {"type": "array"}}}  # of what? OpenAI refuses that


def signature(dialect: Dialect) -> str:
    """Bytes of somebody else's, as a client of `dialect` sends them back: with our prefix."""
    owner: Dialect = "gemini" if dialect != "gemini" else "messages"
    return wrap(Opaque(dialect=owner, data="c2lnbmVkIGJ5IHNvbWVib2R5IGVsc2U=", model="another family"))


@st.composite
def _turns(draw: st.DrawFn, dialect: Dialect, names: list[str]) -> tuple[Turn, ...]:
    turns: list[Turn] = []
    for _ in range(draw(st.integers(0, 3))):
        turns.append(_user(draw))
        if dialect != "gemini" and draw(st.integers(0, 3)) == 0:
            turns.append(Turn("system", (Text(draw(words())),)))
        calls = _calls(draw, names)
        parts: list[Part] = []
        if dialect in ("responses", "messages") and draw(st.integers(0, 3)) == 0:
            parts.append(Thinking(draw(words()), opaque=Opaque(dialect, signature(dialect))))
        if draw(st.booleans()) or not calls:
            parts.append(Text(draw(st.sampled_from(["Let me see.", " \n", "A", draw(words())]))))
        turns.append(Turn("assistant", (*parts, *calls)))
        turns += _results(draw, dialect, calls)
    turns.append(_user(draw))
    if turns and draw(st.integers(0, 7)) == 0:
        turns.append(Turn("assistant", (Text("Well"),)))
    return tuple(turns)


def _user(draw: st.DrawFn) -> Turn:
    parts: list[Part] = [Text(draw(words()))]
    if draw(st.integers(0, 4)) == 0:
        parts.append(Image(Inline("image/png", PNG)))
    if draw(st.integers(0, 6)) == 0:
        parts.append(Document(Inline("application/pdf", PDF), filename="a.pdf"))
    return Turn("user", tuple(parts))


def _calls(draw: st.DrawFn, names: list[str]) -> list[ToolCall]:
    if not names:
        return []
    ids = draw(st.lists(st.sampled_from(IDS), max_size=3, unique=True))
    return [ToolCall(call_id, draw(st.sampled_from(names)), draw(arguments())) for call_id in ids]


def _results(draw: st.DrawFn, dialect: Dialect, calls: list[ToolCall]) -> list[Turn]:
    """Mostly every call's result, sometimes one too few, one too many, or in another order."""
    answered = list(draw(st.permutations(calls)))
    fault = draw(st.integers(0, 5))
    if answered and fault == 0:
        answered.pop()
    results = [ToolResult(call.call_id, _output(draw, dialect), _failed(draw, dialect), call.name) for call in answered]
    if fault == 1:
        results.append(ToolResult("call_of_nobody", (Text("late"),), name="look_up"))
    return [Turn("user", tuple(results))] if results else []


def _failed(draw: st.DrawFn, dialect: Dialect) -> bool | None:
    return draw(st.sampled_from([None, True, False])) if dialect in ("messages", "gemini") else None


def _output(draw: st.DrawFn, dialect: Dialect) -> tuple[Part, ...]:
    parts: tuple[Part, ...] = (Text(draw(st.sampled_from(['{"a": 1}', "done", "7", draw(words())]))),)
    if dialect != "chat" and draw(st.integers(0, 4)) == 0:
        parts += (Image(Inline("image/png", PNG)),)
    return parts


@st.composite
def requests(draw: st.DrawFn, dialect: Dialect) -> Conversation:
    """What a client of `dialect` may send."""
    names = draw(st.lists(st.sampled_from(NAMES), max_size=4, unique=True))
    schemas = st.sampled_from([*SCHEMAS, *([UNSAID] if dialect in ("messages", "gemini") else [])])
    tools = tuple(Tool(name, draw(st.none() | words()), draw(schemas)) for name in names)
    choices = [None, ToolChoice("auto"), ToolChoice("none"), *([ToolChoice("any")] if names else [])]
    choices += [ToolChoice("tool", (name,)) for name in names[:1]]
    formats = [None, None, OutputFormat("schema", SCHEMAS[2], "shape")]
    formats += [OutputFormat("json")] if dialect != "messages" else []
    number = st.sampled_from([None, 0.0, 0.7, 1.0])
    output = draw(st.sampled_from(formats))
    system = tuple(Text(draw(words())) for _ in range(draw(st.integers(0, 1))))
    if output is not None and output.kind == "json" and dialect != "gemini":
        system = (*system, Text("Answer in JSON."))  # the rule of their own API, which these clients obey
    return Conversation(
        dialect=dialect,
        model="m",
        system=system,
        turns=draw(_turns(dialect, names)),
        tools=tools,
        tool_choice=draw(st.sampled_from(choices)) if names else None,
        parallel_tool_calls=draw(st.sampled_from([None, False])) if dialect != "gemini" else None,
        output=output,
        sampling=Sampling(
            temperature=draw(number),
            top_p=draw(number) if dialect != "messages" else None,
            seed=draw(st.sampled_from([None, 7])) if dialect in ("chat", "gemini") else None,
        ),
        reasoning=Reasoning(effort=draw(st.sampled_from([None, None, "low", "high"]))),
        max_tokens=draw(st.sampled_from([None, 16, 2_000, 500_000])),
        stop=tuple(draw(st.lists(st.sampled_from(["END", "\n\n", "STOP", "a", "b", "c"]), max_size=6, unique=True)))
        if dialect != "responses"
        else (),
        stream=True,
    )
