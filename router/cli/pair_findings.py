"""What `doctor` finds by translating: a call with a tool and its answer, between every pair of dialects, by the very
code that translates calls. Nothing is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from router.cli.finding import Finding
from router.cli.talk import Place
from router.wire.capabilities import Capabilities
from router.wire.conversation import Conversation, Dialect, Text, Tool, ToolCall, Turn
from router.wire.dialect import ReplyContext, events_of
from router.wire.dialects import DIALECTS
from router.wire.events import (
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
    turns=(Turn("user", (Text("What is the weather in Ghent?"),)),),
    tools=(
        Tool(
            kind="function",
            name="weather",
            description="Tells it.",
            schema={"type": "object", "properties": {"city": {"type": "string"}}},
        ),
    ),
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
        yield Finding("ok", "translation", f"works between all {len(DIALECTS) ** 2} pairs of dialects")


def problem_of(client: Dialect, upstream: Dialect) -> str | None:
    """What is lost between a client and a provider; None for nothing."""
    try:
        asked = _asked(_asked(ASKED, client), upstream)
        answered = _answered(_answered(ANSWERED, upstream), client)
        folded = fold(answered)
    except Exception as error:  # whatever goes wrong is what is to be told
        return f"{type(error).__name__}: {error}"
    texts = [part.text for turn in asked.turns for part in turn.parts if isinstance(part, Text)]
    system = [part.text for part in asked.system if isinstance(part, Text)]
    if (system, texts) != (["Be brief."], ["What is the weather in Ghent?"]):
        return "the words of the call are not what they were"
    if [(tool.name, tool.schema) for tool in asked.tools] != [(tool.name, tool.schema) for tool in ASKED.tools]:
        return "the tool of the call is not what it was"
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
