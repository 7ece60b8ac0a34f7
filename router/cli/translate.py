"""One request or answer through the gateway's own translation, without a gateway. Pure: values in, values out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace

from router.call import Call, Caller
from router.faults import Fault, bad_request
from router.models.prepare import prepare
from router.providers.config import Kind
from router.providers.executor import rules_of
from router.providers.protocol import fitted, fitted_bytes
from router.providers.raw_body import RawBody, raw_body
from router.routing import suffix
from router.routing.plan import Candidate, Plan
from router.wire import codec, sse
from router.wire.capabilities import Capabilities
from router.wire.conversation import Conversation, Dialect, JsonObject, Reasoning
from router.wire.dialect import DialectSpec, ReplyContext
from router.wire.dialects import DIALECTS
from router.wire.events import Event, Failed, TextEnded, ThinkingEnded, ToolStarted
from router.wire.fold import fold
from router.wire.notes import refuse_if_strict
from router.wire.opaque import stamped
from router.wire.undo import Undoer
from router.wire.written import Note, Undo

NAMES: Mapping[str, Dialect] = MappingProxyType(
    {
        "chat": "chat",
        "openai": "chat",
        "responses": "responses",
        "messages": "messages",
        "anthropic": "messages",
        "gemini": "gemini",
        "google": "gemini",
    }
)
KINDS: Mapping[Dialect, Kind] = MappingProxyType(
    {"chat": "openai", "responses": "openai", "messages": "anthropic", "gemini": "gemini"}
)
"""The provider whose facts count where none is named."""
PATHS: Mapping[Dialect, str] = MappingProxyType(
    {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}
)


class Asked(Struct, frozen=True, kw_only=True):
    """What the gateway sees of a request at first. shown: the model as the caller wrote it, model: without its suffix,
    wish: what that suffix asks for."""

    dialect: Dialect
    shown: str
    model: str
    stream: bool
    wish: Reasoning | None


class Request(Struct, frozen=True, kw_only=True):
    """What goes to the provider. path: of its API. undo: what the answer must be freed from."""

    body: bytes
    path: str
    lane: str
    notes: tuple[Note, ...]
    undo: Undo


def addressed(body: bytes, dialect: Dialect, model: str | None, stream: bool) -> Asked:
    """Model and stream of a request. model: instead of the one in the body; Gemini has it in its path and needs it.
    Raises `Fault` bad_request."""
    payload = _object(body, "The request")
    if dialect != "gemini":
        model = payload.get("model") if model is None else model
        stream = payload.get("stream") is True
    if not isinstance(model, str) or not model:
        where = (
            "Gemini's requests have the model in their path" if dialect == "gemini" else "The request names no model"
        )
        raise bad_request(f"{where}: add --model NAME.", "model")
    bare, wish = suffix.split(model, exact=lambda name: False, resolves=lambda name: True)
    return Asked(dialect=dialect, shown=model, model=bare, stream=stream, wish=wish)


def understood(body: bytes, asked: Asked) -> Conversation:
    """The request as the typed lane reads it. Raises `Fault` bad_request with the JSON path."""
    payload, read = _object(body, "The request"), DIALECTS[asked.dialect].read_request
    if asked.dialect == "gemini":
        conversation = read(payload, model=asked.model, stream=asked.stream)
    else:
        conversation = read({**payload, "model": asked.model})
    if asked.wish is None:
        return conversation
    said = conversation.reasoning  # how much to think, not whether to show it
    return replace(conversation, reasoning=replace(asked.wish, show=said.show, summary=said.summary))


def request(
    body: bytes, asked: Asked, target: Dialect, capabilities: Capabilities, kind: Kind, strict: bool
) -> Request:
    """As it would be sent to a provider of this kind: the caller's own bytes where they can go as they are. Raises
    `Fault` bad_request."""
    rules = rules_of(kind)
    raw = _raw(body, asked, target, capabilities) if asked.stream or not rules.streams_only else None
    if raw is not None:
        sent, notes = fitted_bytes(raw.body, rules)
        lane, streamed, undo = "raw", asked.stream, Undo()
    else:
        conversation = replace(understood(body, asked), stream=True)  # an unstreamed answer is the fold of a stream
        written = fitted(prepare(conversation, capabilities, DIALECTS[target]), rules)
        sent, notes, undo = codec.dumps(written.body), written.notes, written.undo
        lane, streamed = "translated", True
    refuse_if_strict(notes, strict=strict)
    return Request(body=sent, path=_path(target, asked.model, streamed), lane=lane, notes=notes, undo=undo)


class Answer:
    """A provider's answer on its way back. reader: its dialect; writer: the caller's."""

    def __init__(
        self, reader: DialectSpec, writer: DialectSpec, context: ReplyContext, capabilities: Capabilities, undo: Undo
    ) -> None:
        self._reader, self._writer, self._context, self._capabilities = reader, writer, context, capabilities
        self._undoer = Undoer(undo)

    def streamed(self, data: bytes) -> tuple[bytes, Fault | None]:
        """The caller's stream, and what ended it early: that stands at its end in the dialect's own way too."""
        writer, out = self._writer.stream_writer(self._context), bytearray()
        try:
            for events in self._events(data):
                for event in self._undone(events):
                    out += b"".join(writer.feed(event))
        except Fault as fault:
            out += b"".join(writer.fail(fault))
            return bytes(out), fault
        return bytes(out), None

    def whole(self, data: bytes) -> bytes:
        """One unstreamed answer. Raises `Fault` where there is none."""
        answer = fold([out for events in self._events(data) for out in self._undone(events)])
        if not answer.complete:
            raise Fault("upstream_broken", "The provider's answer ended before it was complete.")
        return codec.dumps(self._writer.write_reply(answer, self._context))

    def _events(self, data: bytes) -> Iterator[list[Event]]:
        """One list per frame, so that what came before a fault is written."""
        if data.lstrip()[:1] == b"{":
            yield _sound(self._reader.read_reply(_object(data, "The answer"), self._capabilities))
            return
        splitter, reader = sse.Splitter(), self._reader.stream_reader(self._capabilities)
        for frame in (*splitter.feed(data), *splitter.close()):
            yield _sound(reader.feed(frame))
        yield _sound(reader.close())

    def _undone(self, events: list[Event]) -> list[Event]:
        return [_stamped(out, self._capabilities.family) for event in events for out in self._undoer.feed(event)]


def is_error(data: bytes) -> bool:
    """Whether an unstreamed answer is the envelope of an error, in any dialect."""
    try:
        payload = codec.loads(data)
    except codec.Malformed:
        return False
    return isinstance(payload, dict) and bool(payload.get("error")) and not payload.get("output")


def _sound(events: list[Event]) -> list[Event]:
    for event in events:
        if isinstance(event, Failed):
            raise event.fault
    return events


def _stamped(event: Event, family: str) -> Event:
    if isinstance(event, (ToolStarted, ThinkingEnded, TextEnded)) and family:
        opaque = event.opaque
        if opaque is not None and opaque.model is None:
            return replace(event, opaque=stamped(opaque, family))
    return event


def _raw(body: bytes, asked: Asked, target: Dialect, capabilities: Capabilities) -> RawBody | None:
    """What the raw lane would send, None where it cannot."""
    if asked.dialect != target or (target == "messages" and b'"thread"' in body):
        return None
    caller = Caller(key_id="", key_name="")
    call = Call(id="", dialect=target, asked=asked.shown, stream=asked.stream, body=body, caller=caller)
    candidate = Candidate(
        provider="", model=asked.model, dialect=target, lane="raw", rank=0, why="", capabilities=capabilities
    )
    return raw_body(call, Plan(asked=asked.shown, candidates=(candidate,), reasoning=asked.wish), candidate)


def _path(target: Dialect, model: str, stream: bool) -> str:
    if target == "gemini":
        return f"/v1beta/models/{model}:{'streamGenerateContent?alt=sse' if stream else 'generateContent'}"
    return PATHS[target]


def _object(data: bytes, what: str) -> JsonObject:
    try:
        payload = codec.loads(data)
    except codec.Malformed as error:
        raise bad_request(f"{what} is not valid JSON: {error}.") from error
    if not isinstance(payload, dict):
        raise bad_request(f"{what} must be a JSON object.")
    return payload
