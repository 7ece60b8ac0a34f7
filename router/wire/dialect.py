"""What every dialect package provides, and the one table of them.

A dialect package (``wire/chat``, ``wire/responses``, ``wire/messages``, ``wire/gemini``) has the same modules with the
same names; its ``__init__`` builds one `DialectSpec` named ``SPEC`` from them. Nothing else of a package is imported
from outside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from msgspec import Struct

from router.faults import Fault
from router.wire.capabilities import Capabilities
from router.wire.conversation import Conversation, Dialect, JsonObject
from router.wire.events import Answer, Event
from router.wire.sse import Frame
from router.wire.written import Written


class ReplyContext(Struct, frozen=True, kw_only=True):
    """What a writer of answers needs to know. Ids and time come from outside: writers make nothing up.

    response_id: with the dialect's own prefix, the same in every event. model: the name to show. created: Unix seconds.
    request: the caller's request as read, for echo fields and for what was asked (usage chunk, tool kinds).
    thinking_output: how Chat clients see thinking (`reasoning_content`, `tags`, `none`).
    """

    response_id: str
    model: str
    created: int
    request: Conversation
    thinking_output: str = "reasoning_content"
    obfuscation: str | None = None


class StreamReader(Protocol):
    """Upstream frames to neutral events; one per response. The same object watches the raw lane.

    response_id, model: as the upstream names them, "" until known. sequence: last `sequence_number`, 0 if none.
    created_at: Unix seconds as the upstream says, 0 until known and where a dialect has none. place: a number that
    tells how far the answer has come, for `DialectSpec.take_over`; 0 where a dialect numbers nothing.
    """

    response_id: str
    model: str
    sequence: int
    created_at: int

    @property
    def place(self) -> int: ...

    @property
    def choices(self) -> int:
        """How many answers (`n`) have begun; 1 where a dialect has only one. Each of them gives its own `Finished`."""
        ...

    def feed(self, frame: Frame) -> list[Event]:
        """Events of one frame. A frame that is not what the dialect sends raises `Fault` upstream_broken; unknown event
        types and unknown keys are ignored. An error inside the stream gives `Failed`."""
        ...

    def close(self) -> list[Event]:
        """The upstream closed the connection. `Ended` (and what is still owed before it) where the dialect tolerates an
        end without its marker; nothing if `Ended` was already given; else raises `Fault` upstream_broken."""
        ...


class StreamWriter(Protocol):
    """Neutral events to payloads; one per response. Keeps the order and exactly-once rules of its dialect."""

    def feed(self, event: Event) -> list[bytes]:
        """Whole SSE frames for one event, often none or one; each is written to the client by itself."""
        ...

    def fail(self, fault: Fault) -> list[bytes]:
        """The in-band error that this dialect's clients understand, one bytes object per write. Nothing may follow."""
        ...


class DialectSpec(Struct, frozen=True, kw_only=True):
    """One dialect. All functions are pure.

    read_request(body, model=None, stream=None): the request; model and stream from the path where the dialect puts them
        there (Gemini). Raises `Fault` bad_request with the JSON path in `param` and in the message.
    write_request(conversation, capabilities): the body; raises `Fault` bad_request for what cannot be expressed.
    stream_reader(capabilities), stream_writer(context): see the protocols.
    read_reply(body): an unstreamed upstream answer as events, `Ended` last.
    write_reply(answer, context): an unstreamed answer.
    read_fault(status, headers, body): an upstream error answer of any shape (HTML, empty, text) as one Fault; headers
        have lower-case names. Rate-limit hints become `retry_after`.
    render_fault(fault, request_id): status, extra headers and body for this dialect's clients.
    stream_failure(fault, reader): `StreamWriter.fail` for the raw lane, continuing what `reader` has seen.
    rename_model(data, shown): one frame's or one unstreamed body's JSON with the answer's model name replaced by
        `shown`, everything else as it was.
    heartbeat: bytes that keep a waiting client's connection alive, b"" where the dialect tolerates none.
    id_prefix: of response ids.
    end_mark: the frame that must end a stream, for one that was whole without it; b"" where none must, or where it
        says what only the provider knows.
    take_over(writer, reader, place): for a writer that was fed with all that `reader` gave while it stood at `place`:
        make it go on under the ids and numbers that the upstream used. False where the two do not stand at the same
        place. May be left out where a dialect has nothing of the kind.
    glance(body, capabilities): what a record needs of an unstreamed answer, without reading all of it; None where
        `read_reply` must. May be left out.
    """

    name: Dialect
    read_request: Callable[..., Conversation]
    write_request: Callable[[Conversation, Capabilities], Written]
    stream_reader: Callable[[Capabilities], StreamReader]
    stream_writer: Callable[[ReplyContext], StreamWriter]
    read_reply: Callable[[JsonObject, Capabilities], list[Event]]
    write_reply: Callable[[Answer, ReplyContext], JsonObject]
    read_fault: Callable[[int, Mapping[str, str], bytes], Fault]
    render_fault: Callable[[Fault, str], tuple[int, dict[str, str], JsonObject]]
    stream_failure: Callable[[Fault, StreamReader], list[bytes]]
    rename_model: Callable[[bytes, str], bytes]
    heartbeat: bytes
    id_prefix: str
    end_mark: bytes = b""
    glance: Callable[[bytes, Capabilities], list[Event] | None] | None = None
    take_over: Callable[..., bool] | None = None


def events_of(reader: StreamReader, frames: Iterable[Frame]) -> list[Event]:
    """All events of a complete stream; for tests and folds."""
    events: list[Event] = []
    for frame in frames:
        events.extend(reader.feed(frame))
    events.extend(reader.close())
    return events
