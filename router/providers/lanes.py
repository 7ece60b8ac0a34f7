"""The two lanes: an open upstream response in, bytes for the client out.

Both give `Batch`es and can say how a failure looks in the client's dialect. The raw lane forwards whole frames and
reads them beside; the typed lane reads them into events and writes the other dialect. A cut is an error in both.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from typing import Protocol, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from router.faults import Fault
from router.net.message import Response
from router.providers.frames import Unwrap, framed, let_go
from router.providers.observed import Observed
from router.wire import codec, sse
from router.wire.capabilities import Capabilities
from router.wire.conversation import Dialect
from router.wire.delivered import Delivered
from router.wire.dialect import DialectSpec, ReplyContext, StreamWriter
from router.wire.events import Event, Started, TextEnded, ThinkingEnded, ToolStarted
from router.wire.fold import fold
from router.wire.opaque import stamped
from router.wire.undo import Undoer
from router.wire.written import Undo

MAX_REPLY = 256 * 1024 * 1024


class Batch(Struct, frozen=True):
    """Bytes for the client that belong together. content: they hold content or the end of the answer."""

    data: bytes
    content: bool


class Lane(Protocol):
    """One open answer."""

    observed: Observed

    def batches(self) -> AsyncIterator[Batch]:
        """The answer; ends when it is complete. Raises `Fault` for everything else."""
        ...

    def failure(self, fault: Fault) -> list[bytes]:
        """The in-band error for a client that has got a part of this answer; one bytes object per write."""
        ...

    @property
    def delivered(self) -> Delivered | None:
        """What the client has got; None where nobody can go on, or nobody wanted to know."""
        ...

    def behind(self, context: ReplyContext) -> Writes | None:
        """What writes the events of another attempt behind what went out already; None where that cannot be done. From
        then on `failure` follows its writing."""
        ...

    async def close(self) -> None:
        """Let go of the upstream: at once when it is not complete."""
        ...


Writes: TypeAlias = Callable[[list[Event]], bytes]


class EventSource(Protocol):
    """Neutral events of one answer, in the lists in which they arrive."""

    def __aiter__(self) -> AsyncIterator[list[Event]]: ...

    async def close(self) -> None: ...


class RawStream:
    """Same dialect in and out, streamed.

    shown: the model name for the client. stall, unwrap: as for `framed`. drop: says which frames the client did not ask
    for. delivered: where what went out is kept.
    """

    def __init__(
        self,
        response: Response,
        spec: DialectSpec,
        capabilities: Capabilities,
        observed: Observed,
        *,
        shown: str,
        stall: float,
        drop: Callable[[sse.Frame], bool] | None = None,
        unwrap: Unwrap | None = None,
        delivered: Delivered | None = None,
    ) -> None:
        self.observed = observed
        self.delivered = delivered
        self._place = 0
        self._writer: StreamWriter | None = None
        self._unwrap = unwrap
        self._response = response
        self._spec = spec
        self._reader = spec.stream_reader(capabilities)
        self._shown = shown
        self._drop = drop
        self._stall = stall
        self._pattern: tuple[str, re.Pattern[bytes]] | None = None
        self._shown_json = b""

    async def batches(self) -> AsyncIterator[Batch]:
        observed, drop = self.observed, self._drop
        end_mark = self._spec.end_mark
        async for frames, events in framed(self._response, self._reader, observed, self._stall, self._unwrap, end_mark):
            content = observed.note(events)
            if drop is not None:
                frames = [frame for frame in frames if not drop(frame)]
            if self._reader.model != self._shown:
                data = b"".join([self._renamed(frame) for frame in frames])
            else:
                data = frames[0].raw if len(frames) == 1 else b"".join([frame.raw for frame in frames])
            yield Batch(data, content)
            if self.delivered is not None:
                self.delivered.note(events)
                self._place = self._reader.place

    def _renamed(self, frame: sse.Frame) -> bytes:
        if frame.data is None or b'"model' not in frame.data:
            return frame.raw
        if self._pattern is None or self._pattern[0] != self._reader.model:
            self._pattern = (self._reader.model, _model_pattern(self._spec.name, self._reader.model))
            self._shown_json = codec.dumps(self._shown)
        pattern = self._pattern[1]
        found = pattern.findall(frame.raw)
        if not found:
            return frame.raw
        if len(found) == 1:  # quotes inside JSON text are escaped, so this is a key and not somebody's words
            return pattern.sub(lambda match: match.group(1) + self._shown_json, frame.raw)
        return frame.raw.replace(frame.data, self._spec.rename_model(frame.data, self._shown), 1)

    def failure(self, fault: Fault) -> list[bytes]:
        if self._writer is not None:
            return self._writer.fail(fault)
        return self._spec.stream_failure(fault, self._reader)

    def behind(self, context: ReplyContext) -> Writes | None:
        """Our own writer, brought to where the provider's frames broke off."""
        if self.delivered is None:
            return None
        if self._writer is None:
            reader, spec = self._reader, self._spec
            names = {"response_id": reader.response_id or context.response_id, "model": self._shown}
            writer = spec.stream_writer(replace(context, **names, created=reader.created_at or context.created))
            for event in (Started(reader.response_id, reader.model), *self.delivered.events()):
                writer.feed(event)
            if spec.take_over is not None and not spec.take_over(writer, reader, self._place):
                return None
            self._writer = writer
        return _writing(self._writer, self.delivered)

    async def close(self) -> None:
        await let_go(self._response, self.observed)


def _writing(writer: StreamWriter, delivered: Delivered) -> Writes:
    def write(events: list[Event]) -> bytes:
        delivered.note(events)
        return b"".join([frame for event in events for frame in writer.feed(event)])

    return write


class RawReply:
    """Same dialect in and out, unstreamed: the body as it came, but for the model's name. unwrap: as for `framed`."""

    delivered = None

    def __init__(
        self,
        response: Response,
        spec: DialectSpec,
        capabilities: Capabilities,
        observed: Observed,
        *,
        shown: str,
        unwrap: Unwrap | None = None,
    ) -> None:
        self.observed = observed
        self._unwrap = unwrap
        self._response = response
        self._spec = spec
        self._capabilities = capabilities
        self._shown = shown

    async def batches(self) -> AsyncIterator[Batch]:
        body = await self._response.read(MAX_REPLY)
        if self._unwrap is not None:
            body = self._unwrap(body)
        self.observed.note(self._events(body))
        if self.observed.served_model != self._shown:
            body = self._spec.rename_model(body, self._shown)
        self.observed.ended = self.observed.committed = True
        yield Batch(body, True)

    def _events(self, body: bytes) -> list[Event]:
        glance = self._spec.glance
        seen = glance(body, self._capabilities) if glance is not None else None
        if seen is not None:
            return seen
        try:
            payload = codec.loads(body)
        except codec.Malformed as error:
            raise Fault("upstream_broken", f"The provider's answer is not JSON: {error}.") from error
        if not isinstance(payload, dict):
            raise Fault("upstream_broken", "The provider's answer is not a JSON object.")
        return self._spec.read_reply(payload, self._capabilities)

    def failure(self, fault: Fault) -> list[bytes]:
        return []

    def behind(self, context: ReplyContext) -> Writes | None:
        return None

    async def close(self) -> None:
        self._response.close()


class Typed:
    """Another dialect out than in (or the demo's own events): read, undone, written."""

    def __init__(
        self,
        source: EventSource,
        spec: DialectSpec,
        context: ReplyContext,
        observed: Observed,
        *,
        undo: Undo,
        family: str,
        delivered: Delivered | None = None,
    ) -> None:
        self.observed = observed
        self.delivered = delivered
        self._source = source
        self._spec = spec
        self._context = context
        self._undoer = None if undo.nothing else Undoer(undo)
        self._family = family
        self._writer = spec.stream_writer(context)

    async def events(self) -> AsyncIterator[tuple[list[Event], bool]]:
        """The events as the caller must see them, and whether there was content among them."""
        async for events in self._source:
            content = self.observed.note(events)
            if self._undoer is not None:
                events = [out for event in events for out in self._undoer.feed(event)]
            yield [_stamped(event, self._family) for event in events], content

    async def batches(self) -> AsyncIterator[Batch]:
        feed = self._writer.feed
        async for events, content in self.events():
            pieces: list[bytes] = []
            for event in events:
                pieces += feed(event)
            if pieces or content:
                yield Batch(pieces[0] if len(pieces) == 1 else b"".join(pieces), content)
            if self.delivered is not None:
                self.delivered.note(events)

    def failure(self, fault: Fault) -> list[bytes]:
        return self._writer.fail(fault)

    def behind(self, context: ReplyContext) -> Writes | None:
        return None if self.delivered is None else _writing(self._writer, self.delivered)

    async def close(self) -> None:
        await self._source.close()


class TypedReply(Typed):
    """The same, folded into one unstreamed answer."""

    async def batches(self) -> AsyncIterator[Batch]:
        collected: list[Event] = []
        async for events, _ in self.events():
            collected += events
        answer = fold(collected)
        if not answer.complete:
            raise Fault("upstream_broken", "The provider's answer ended before it was complete.")
        yield Batch(codec.dumps(self._spec.write_reply(answer, self._context)), True)

    def failure(self, fault: Fault) -> list[bytes]:
        return []


def _model_pattern(dialect: Dialect, model: str) -> re.Pattern[bytes]:
    key = rb"modelVersion" if dialect == "gemini" else rb"model"
    return re.compile(rb'("' + key + rb'"\s*:\s*)' + re.escape(codec.dumps(model)))


def _stamped(event: Event, family: str) -> Event:
    kind = type(event)
    if kind is ToolStarted or kind is ThinkingEnded or kind is TextEnded:
        opaque = event.opaque  # type: ignore[union-attr]
        if opaque is not None and opaque.model is None and family:
            return replace(event, opaque=stamped(opaque, family))
    return event
