"""Text that the gateway itself must cut: at stop sequences that the target does not know, and around a code fence.

Both look at the text of one answer as a whole and hold back the shortest end that may still turn out to belong to a
match, so that any split into deltas gives the same text.
"""

from __future__ import annotations

import re

import msgspec

from router.wire.conversation import JsonObject
from router.wire.events import (
    Cited,
    Ended,
    Event,
    Failed,
    Finished,
    Started,
    TextDelta,
    ToolArguments,
    ToolEnded,
    UsageReported,
)

_ALWAYS = (Started, UsageReported, Failed, Ended)
_OPENING = re.compile(r"\s*```[A-Za-z0-9_+-]*[ \t]*(?:\r?\n|(?=[{\[]))")
_MAYBE_OPENING = re.compile(r"\s*(?:`{0,2}|```[A-Za-z0-9_+-]*[ \t]*\r?)")
_CLOSING = re.compile(r"\r?\n[ \t]*```")
_CLOSING_AT_ONCE = re.compile(r"[ \t]*```")
_LAST_CLOSING = re.compile(r"\s*```\s*$")
_TAIL = re.compile(r"[\s`]*$")


class StopCutter:
    """Cuts each answer where the first stop sequence is complete; what follows is dropped, usage is kept."""

    def __init__(self, stops: tuple[str, ...]) -> None:
        self._stops = tuple(stop for stop in stops if stop)
        self._held: dict[int, str] = {}
        self._later: dict[int, list[Event]] = {}
        self._cut: dict[int, str] = {}

    def feed(self, event: Event) -> list[Event]:
        if isinstance(event, _ALWAYS):
            return [event] if not isinstance(event, Failed | Ended) else [*self._all(), event]
        choice = event.choice
        if choice in self._cut:
            return self._after(event)
        if isinstance(event, TextDelta):
            return self._text(event)
        if isinstance(event, Cited) and self._held.get(choice):
            self._later.setdefault(choice, []).append(event)  # behind the text that it is about
            return []
        if isinstance(event, ToolArguments | ToolEnded):
            return [event]  # of a call that runs beside the text
        return [*self._flushed(choice), event]

    def _after(self, event: Event) -> list[Event]:
        if isinstance(event, Finished):
            return [Finished("stop_sequence", self._cut[event.choice], choice=event.choice)]
        return []

    def _text(self, event: TextDelta) -> list[Event]:
        text = self._held.pop(event.choice, "") + event.text
        found = _first_complete(text, self._stops)
        if found is not None:
            start, stop = found
            self._cut[event.choice] = stop
            return [*_delta(text[:start], event.choice, event.logprobs), *self._later.pop(event.choice, [])]
        keep = _possible_start(text, self._stops)
        if keep:
            self._held[event.choice] = text[-keep:]
            text = text[:-keep]
        deltas = _delta(text, event.choice, event.logprobs)
        return [*deltas, *self._later.pop(event.choice, [])] if deltas else []

    def _flushed(self, choice: int) -> list[Event]:
        return [*_delta(self._held.pop(choice, ""), choice), *self._later.pop(choice, [])]

    def _all(self) -> list[Event]:
        return [out for choice in list(self._held) for out in self._flushed(choice)]


def _delta(text: str, choice: int, logprobs: JsonObject | None = None) -> list[Event]:
    return [TextDelta(text, choice, logprobs)] if text else []


def _first_complete(text: str, stops: tuple[str, ...]) -> tuple[int, str] | None:
    """Where the stop begins that is complete first; of those that end at one place, the longest. As a provider does
    that looks after every token, and so the same for every split."""
    best: tuple[int, int, str] | None = None
    for stop in stops:
        at = text.find(stop)
        if at >= 0 and (best is None or (at + len(stop), at) < best[:2]):
            best = (at + len(stop), at, stop)
    return (best[1], best[2]) if best is not None else None


def _possible_start(text: str, stops: tuple[str, ...]) -> int:
    """Length of the longest end of `text` that is the beginning of a stop."""
    for length in range(min(len(text), max(map(len, stops), default=1) - 1), 0, -1):
        end = text[-length:]
        if any(stop.startswith(end) for stop in stops):
            return length
    return 0


class _Fence:
    """One answer's text: before a fence, inside it, or without one."""

    __slots__ = ("at_start", "held", "state")

    def __init__(self) -> None:
        self.state = "before"  # before | inside | outside | closed
        self.held = ""
        self.at_start = False

    def feed(self, text: str) -> str:
        self.held += text
        if self.state == "before":
            opening = _OPENING.match(self.held)
            if opening is not None:
                self.state, self.held, self.at_start = "inside", self.held[opening.end() :], True
            elif _MAYBE_OPENING.fullmatch(self.held) is None:
                self.state = "outside"
        if self.state == "inside":
            return self._inside()
        return self._all() if self.state == "outside" else ""

    def _inside(self) -> str:
        closing = _CLOSING_AT_ONCE.match(self.held) if self.at_start else None
        closing = closing or _CLOSING.search(self.held)
        if closing is not None:
            text, self.state, self.held = self.held[: closing.start()], "closed", ""
            return text
        tail = _TAIL.search(self.held)
        cut = tail.start() if tail is not None else len(self.held)
        text, self.held = self.held[:cut], self.held[cut:]
        self.at_start = self.at_start and not text
        return text

    def close(self) -> str:
        """The text has ended: what is still held, without a fence at its very end."""
        held = _LAST_CLOSING.sub("", self.held) if self.state == "inside" else self.held
        self.held = ""
        return held if self.state != "closed" else ""

    def _all(self) -> str:
        text, self.held = self.held, ""
        return text


class Unfencer:
    """Takes one Markdown code fence from around the text of each answer, and what follows the fence."""

    def __init__(self) -> None:
        self._fences: dict[int, _Fence] = {}

    def feed(self, event: Event) -> list[Event]:
        if isinstance(event, TextDelta):
            text = self._fences.setdefault(event.choice, _Fence()).feed(event.text)
            return [msgspec.structs.replace(event, text=text)] if text else []
        if isinstance(event, Failed | Ended):
            return [*(out for choice in list(self._fences) for out in self._closed(choice)), event]
        if isinstance(event, (*_ALWAYS, Cited, ToolArguments, ToolEnded)):
            return [event]
        return [*self._closed(event.choice), event]

    def _closed(self, choice: int) -> list[Event]:
        fence = self._fences.get(choice)
        return _delta(fence.close(), choice) if fence is not None else []
