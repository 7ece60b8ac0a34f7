"""An open SSE response as frames and their events, up to the end of the answer: what both lanes read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TypeAlias

from router.faults import Fault
from router.net.message import Response
from router.providers.observed import Observed
from router.wire import sse
from router.wire.dialect import StreamReader
from router.wire.events import Ended, Event

AFTER_FINISH = 2.0
"""Seconds to wait for usage when the stream falls silent after the last finish reason: a success without ``[DONE]``."""
DRAIN = 0.2
"""Seconds to wait for the end of the body behind the end of the stream, so that the connection can be used again."""

Unwrap: TypeAlias = Callable[[bytes], bytes]
"""Takes one JSON payload out of the envelope of a protocol."""


class HttpEvents:
    """The events of an SSE response, and after the frames the verdict of the reader on how it ended."""

    def __init__(
        self,
        response: Response,
        reader: StreamReader,
        observed: Observed,
        stall: float,
        unwrap: Unwrap | None = None,
    ) -> None:
        self._response = response
        self._reader = reader
        self._observed = observed
        self._stall = stall
        self._unwrap = unwrap

    async def __aiter__(self) -> AsyncIterator[list[Event]]:
        async for _, events in framed(self._response, self._reader, self._observed, self._stall, self._unwrap):
            if events:
                yield events

    async def close(self) -> None:
        await let_go(self._response, self._observed)


async def framed(
    response: Response,
    reader: StreamReader,
    observed: Observed,
    stall: float,
    unwrap: Unwrap | None = None,
    end_mark: bytes = b"",
) -> AsyncIterator[tuple[list[sse.Frame], list[Event]]]:
    """Each read's whole frames with their events, until the end of the answer. Raises `Fault` where it never comes.

    stall: seconds that a begun answer may consist of keep-alives, which give no events; the client's time not counted.
    unwrap: what the data of each frame stands in; the frames that come out have it no more. end_mark: the last frame of
    an answer that came whole but for this.
    """
    splitter = sse.Splitter()
    content = response.chunks()
    try:
        with response.stall(stall) as watch:
            async for chunk in content:
                arrived = splitter.feed(chunk)
                if not arrived:
                    continue
                if unwrap is not None:
                    arrived = [_bare(frame, unwrap) for frame in arrived]
                events = _read(reader, arrived)
                waited = 0.0 if events else watch.waited()
                watch.pause()
                yield arrived, events
                if observed.ended:
                    return
                if observed.committed:
                    watch.resume(waited)
                if observed.finished:
                    response.patience(AFTER_FINISH if _whole(observed, reader) else None)
    except Fault:
        if not _whole(observed, reader):
            raise
        frames: list[sse.Frame] = []  # the answer was whole; what is lost is usage, or the end's mark
    else:
        begun = splitter.close()  # one that was cut before its first letter is none, and the next would become its rest
        last = [frame for frame in begun if frame.data or (frame.data is None and frame.event is None)]
        frames = [_ended(frame) if unwrap is None else _bare(frame, unwrap) for frame in last]
    try:
        events = _read(reader, frames)
    except Fault:
        if not _whole(observed, reader):
            raise
        frames, events = [], []  # a whole answer again, and its last event is cut
    if closing := reader.close():
        frames.append(sse.Frame(end_mark, None, None))
    yield frames, events + closing


def _ended(frame: sse.Frame) -> sse.Frame:
    """A last event with the blank line that its provider left out, without which it is none for a client."""
    if frame.data is None:
        return frame
    line = b"\r\n" if b"\r\n" in frame.raw else b"\n"
    return sse.Frame(frame.raw.rstrip(b"\r\n") + line * 2, frame.event, frame.data)


def _bare(frame: sse.Frame, unwrap: Unwrap) -> sse.Frame:
    """A frame with what its envelope held, which is Gemini's: its clients want CRLF."""
    data = frame.data
    inner = data if data is None else unwrap(data)
    if data is None or inner is None or inner is data:
        return frame
    return sse.Frame(b"data: " + inner + b"\r\n\r\n", frame.event, inner)


def _whole(observed: Observed, reader: StreamReader) -> bool:
    """Every answer that has begun is finished. With `n` a quick one says nothing about a slow one."""
    return 0 < observed.finished >= reader.choices


def _read(reader: StreamReader, frames: list[sse.Frame]) -> list[Event]:
    """The events of frames that arrived together. What stands behind the end is no part of the answer, as little as
    what arrives later, and is taken out of `frames`."""
    if len(frames) == 1:
        return reader.feed(frames[0])
    events: list[Event] = []
    for at, frame in enumerate(frames):
        events += reader.feed(frame)
        if events and type(events[-1]) is Ended:
            del frames[at + 1 :]
            break
    return events


async def let_go(response: Response, observed: Observed) -> None:
    """Close a response; one that has ended is given a moment for its last bytes, so that its connection lives on."""
    try:
        if observed.ended and not response.arrived:
            async with asyncio.timeout(DRAIN):
                async for _ in response.chunks():
                    pass
    except (Fault, TimeoutError):
        pass
    finally:
        response.close()
