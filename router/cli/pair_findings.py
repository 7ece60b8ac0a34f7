"""What `doctor` finds by translating: a call with a tool, its result and sampling, and its answer, streamed and whole,
between every pair of dialects, by the very code that translates calls. Nothing is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from router.cli.finding import Finding
from router.cli.talk import Place
from router.wire.capabilities import Capabilities
from router.wire.conversation import Conversation, Dialect, Sampling, Text, Tool, ToolCall, ToolResult, Turn
from router.wire.dialect import ReplyContext, events_of
from router.wire.dialects import DIALECTS
from router.wire.events import (
    Answer,
    Ended,
    Event,
    Finished,
    Started,
    TextDelta,
    ToolArguments,
    ToolEnded,
    ToolStarted,
    Usage,
    UsageReported,
)
from router.wire.fold import fold
from router.wire.sse import Splitter

_ALL = Capabilities()
ASKED = Conversation(
    dialect="chat",
    model="model",
    system=(Text("Be brief."),),
    turns=(
        Turn("user", (Text("What is the weather in Ghent?"),)),
        Turn("assistant", (Text("I ask."), ToolCall("call_0", "weather", '{"city":"Ghent"}'))),
        Turn("user", (ToolResult("call_0", (Text("Rain."),), name="weather"),)),
        Turn("assistant", (Text("It rains."),)),
        Turn("user", (Text("And now?"),)),
    ),
    tools=(
        Tool(
            kind="function",
            name="weather",
            description="Tells it.",
            schema={"type": "object", "properties": {"city": {"type": "string"}}},
        ),
    ),
    sampling=Sampling(temperature=0.5, top_p=0.9),
    max_tokens=100,
    stream=True,
    include_usage=True,
)
ANSWERED: tuple[Event, ...] = (
    Started("id", "model"),
    TextDelta("I look it up."),
    ToolStarted("call_1", "weather"),
    ToolArguments("call_1", '{"city":"Ghent"}'),
    ToolEnded("call_1"),
    Finished("tools"),
    UsageReported(Usage(input=20, output=9)),
    Ended(),
)


def pairs(place: Place, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Whether calls and answers keep their meaning between the dialects of clients and of providers."""
    wrong = False
    for client in DIALECTS:
        for upstream in DIALECTS:
            problem = problem_of(client, upstream)
            if problem is not None:
                wrong = True
                what = f"a client that speaks {client} and a provider that speaks {upstream}: {problem}"
                why = "Calls between these two lose something."
                yield Finding("error", "translation", what, why, "Install again: git status, then make up")
    if not wrong:
        yield Finding(
            "ok",
            "translation",
            f"works in this version between all {len(DIALECTS) ** 2} pairs of dialects, streamed and whole",
        )


def problem_of(client: Dialect, upstream: Dialect) -> str | None:
    """What is lost between a client and a provider; None for nothing."""
    try:
        asked = _asked(_asked(ASKED, client), upstream)
        streamed = fold(_answered(_answered(ANSWERED, upstream), client))
        whole = fold(_whole(_whole(ANSWERED, upstream), client))
    except Exception as error:  # whatever goes wrong is what is to be told
        return f"{type(error).__name__}: {error}"
    told = _of_call(asked) or _of_answer(streamed)
    if told is not None:
        return told
    unstreamed = _of_answer(whole)
    return None if unstreamed is None else f"{unstreamed}, unstreamed"


def _of_call(asked: Conversation) -> str | None:
    """What a call has lost."""
    system = [part.text for part in asked.system if isinstance(part, Text)]
    if (system, _parts(asked, Text)) != (["Be brief."], _parts(ASKED, Text)):
        return "the words of the call are not what they were"
    if [(tool.name, tool.schema) for tool in asked.tools] != [(tool.name, tool.schema) for tool in ASKED.tools]:
        return "the tool of the call is not what it was"
    if (_parts(asked, ToolCall), _parts(asked, ToolResult)) != (_parts(ASKED, ToolCall), _parts(ASKED, ToolResult)):
        return "the use of the tool in the call is not what it was"
    knobs = (asked.sampling.temperature, asked.sampling.top_p, asked.max_tokens)
    return None if knobs == (0.5, 0.9, 100) else "the sampling of the call is not what it was"


def _parts(conversation: Conversation, kind: type[Text | ToolCall | ToolResult]) -> list[tuple[str, ...]]:
    """The parts of one kind: who said them, and what. Ids of calls are left out, as not every dialect has them."""
    said = ((turn.role, part) for turn in conversation.turns for part in turn.parts)
    return [(role, *_said(part)) for role, part in said if isinstance(part, kind)]


def _said(part: Text | ToolCall | ToolResult) -> tuple[str, ...]:
    if isinstance(part, ToolCall):
        return part.name, part.arguments
    if isinstance(part, ToolResult):
        return tuple(each.text for each in part.content if isinstance(each, Text))
    return (part.text,)


def _of_answer(folded: Answer) -> str | None:
    """What an answer has lost."""
    (choice,) = folded.choices
    said = "".join(part.text for part in choice.parts if isinstance(part, Text))
    calls = [(part.name, part.arguments) for part in choice.parts if isinstance(part, ToolCall)]
    if (said, calls, choice.reason) != ("I look it up.", [("weather", '{"city":"Ghent"}')], "tools"):
        return "the answer is not what it was"
    used = folded.usage
    if used is None or (used.input, used.output) != (20, 9):
        return "the tokens of the answer are not what they were"
    return None if folded.complete else "the answer has no end"


def _asked(conversation: Conversation, dialect: Dialect) -> Conversation:
    """A call written and read in one dialect."""
    spec = DIALECTS[dialect]
    said = {"model": "model", "stream": True} if dialect == "gemini" else {}
    return spec.read_request(spec.write_request(replace(conversation, dialect=dialect), _ALL).body, **said)


def _answered(events: tuple[Event, ...] | list[Event], dialect: Dialect) -> list[Event]:
    """An answer written and read as a stream of one dialect."""
    spec = DIALECTS[dialect]
    context = ReplyContext(response_id=f"{spec.id_prefix}1", model="model", created=1, request=ASKED)
    writer, splitter = spec.stream_writer(context), Splitter()
    data = b"".join(frame for event in events for frame in writer.feed(event))
    return events_of(spec.stream_reader(_ALL), [*splitter.feed(data), *splitter.close()])


def _whole(events: tuple[Event, ...] | list[Event], dialect: Dialect) -> list[Event]:
    """An answer written and read as an unstreamed one of one dialect."""
    spec = DIALECTS[dialect]
    context = ReplyContext(response_id=f"{spec.id_prefix}1", model="model", created=1, request=ASKED)
    return spec.read_reply(spec.write_reply(fold(events), context), _ALL)
