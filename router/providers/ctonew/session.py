"""The socket of one chat, frame by frame, as neutral events. Pure.

Frames are JSON: ``history`` and ``label`` say nothing of the answer; ``state`` tells whether the agent works; each
``update`` holds, as a JSON string, a piece of what it says: ``{id, type: "chat" | "thinking", chat: {content}}``. Words
that are no JSON (``ping``, ``pong``) keep the connection alive.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from router.faults import Fault
from router.providers.ctonew.faults import told_fault
from router.wire import codec
from router.wire.events import Ended, Event, Failed, Finished, TextDelta, TextEnded, ThinkingDelta, ThinkingEnded

_SPOKEN = ("chat", "thinking")


def reply_to(frame: str) -> str | None:
    """What must be answered to keep the connection alive; None for nearly every frame."""
    return "pong" if frame == "ping" else None


class Joined:
    """One message out of contents of which each is what is new, or all of it so far: told apart by what it begins with.

    A second content that equals the first may be either ("ha", "ha"): what follows tells, and the end, where a whole
    message is said once more, counts it as the same.
    """

    def __init__(self) -> None:
        self.contents = 0
        self._text = ""
        self._repeats = 0

    def add(self, content: str) -> str:
        """What `content` adds."""
        if self.contents == 1 and content == self._text:
            self._repeats += 1
            return ""
        if content.startswith(self._text):
            new = content[len(self._text) :]
        else:
            new = self._text * self._repeats + content
        self._repeats = 0
        self.contents += 1
        self._text += new
        return new


class Session:
    """Fed with frames. ended: the answer is complete, or the provider gave it up. begun: some of it was there.
    unanswered: it was given up before the agent said anything."""

    def __init__(self) -> None:
        self.ended = False
        self.begun = False
        self.unanswered = False
        self._working = False
        self._messages: dict[tuple[str, str], Joined] = {}
        self._current: tuple[str, str] | None = None

    def feed(self, frame: str) -> list[Event]:
        """The events of one frame, after the end none. Raises `Fault` upstream_broken for one that cannot be read: it
        may have held a part of the answer."""
        if self.ended or not frame.lstrip().startswith("{"):
            return []
        said = _object(frame)
        kind = said.get("type")
        if kind == "update":
            return self._update(said.get("buffer"))
        if kind == "state":
            state = said.get("state")
            return self._state(state if isinstance(state, dict) else said)
        if kind == "error":
            return self._failed(told_fault(said))
        return []

    def _update(self, buffer: Any) -> list[Event]:
        events: list[Event] = []
        for piece in _pieces(buffer):
            kind = piece.get("type")
            if piece.get("role") == "user":
                continue
            if kind == "error":
                return [*events, *self._failed(told_fault(piece))]
            self.begun = True
            if kind in _SPOKEN and (content := _content(piece, kind)):
                events += self._said((kind, str(piece.get("id", ""))), content)
        return events

    def _said(self, message: tuple[str, str], content: str) -> Iterator[Event]:
        new = self._messages.setdefault(message, Joined()).add(content)
        if not new:
            return
        if self._current is not None and self._current != message:
            yield from self._closed(self._current, message)
        self._current = message
        yield TextDelta(new) if message[0] == "chat" else ThinkingDelta(new)

    def _closed(self, old: tuple[str, str], new: tuple[str, str]) -> Iterator[Event]:
        """The end of a message. One that came in a single content may be a piece whose id nobody keeps."""
        if old[0] != new[0] or self._messages[old].contents > 1:
            yield TextEnded() if old[0] == "chat" else ThinkingEnded()

    def _state(self, state: dict[str, Any]) -> list[Event]:
        """The state of a socket that was only just opened is idle, and says nothing."""
        if state.get("inProgress") is not False:
            self._working = True
            return []
        if not self.begun and not self._working:
            return []
        if state.get("cancelled") is True:
            return self._failed(Fault("upstream_broken", "cto.new says that the task was cancelled."))
        if not self.begun:
            self.unanswered = True
            return self._failed(Fault("upstream_broken", "cto.new ended the task without an answer."))
        self.ended = True
        thinking = self._current is not None and self._current[0] == "thinking"
        return [*([ThinkingEnded()] if thinking else []), Finished("end"), Ended()]

    def _failed(self, fault: Fault) -> list[Event]:
        self.ended = True
        return [Failed(fault)]


def _pieces(buffer: Any) -> Iterator[dict[str, Any]]:
    """What a buffer holds: a JSON text, one to a line, or (unseen so far) the object itself."""
    if isinstance(buffer, dict):
        yield buffer
    elif isinstance(buffer, str):
        for line in buffer.split("\n"):  # a line break inside JSON text is escaped
            if line.strip():
                yield _object(line)


def _content(piece: dict[str, Any], kind: str) -> str:
    inner = piece.get("chat", piece.get(kind))
    content = inner.get("content") if isinstance(inner, dict) else None
    return content if isinstance(content, str) else ""


def _object(text: str) -> dict[str, Any]:
    try:
        value = codec.loads(text)
    except codec.Malformed as error:
        raise Fault("upstream_broken", f"cto.new sent a frame that cannot be read: {error}.") from error
    return value if isinstance(value, dict) else {}
