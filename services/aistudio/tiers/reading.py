"""Reading one answer: events of the page in, pieces out, and which way they were read. Pure but for the time given in.

The network is believed first. Where the page shows text and nothing has come over the network, or what came cannot be
read, the document takes over; where the document tells nothing either, the finished text is read once at the end.
"""

from __future__ import annotations

import json
from typing import Any

from router.faults import Fault
from services.aistudio import notices
from services.aistudio.notices import Notice
from services.aistudio.pieces import Call, Finish, Piece, Text, Thought
from services.aistudio.settings import Tier
from services.aistudio.tiers.growth import Growth
from services.aistudio.tiers.stream_network import NetworkReader, Unreadable

_MOST_ERROR = 64 << 10


class Reading:
    """The state of one answer.

    tier: how it is read now. over: it is complete. grows_since: when the page first showed text that the network did
    not bring. wants_text: the page must be asked to report its text. wants_final: the finished text must be read.
    whole: nobody waits for pieces, so that the document's text is read at the end, where its Markdown is exact."""

    def __init__(self, run: str, tier: Tier, *, wire_wait: float, whole: bool = False) -> None:
        self.run = run
        self.tier: Tier = "final" if whole and tier == "dom" else tier
        self._whole = whole
        self.over = False
        self.began = False
        self.ended = False  # the page has stopped generating
        self.wants_text = self.tier == "dom"
        self.wants_final = False
        self.grows_since: float | None = None
        self._wire_wait = wire_wait
        self._wire = NetworkReader()
        self._wired = False
        self._wire_over = False
        self._status = 200
        self._error = b""
        self._trouble: Fault | None = None
        self._slots: dict[str, tuple[Growth, list[str]]] = {"thought": (Growth(), []), "answer": (Growth(), [])}

    @property
    def heard(self) -> bool:
        """Whether the network has brought anything."""
        return self._wired

    def take(self, event: dict[str, Any], now: float) -> list[Piece]:
        """The pieces of one event. Raises `Fault` where the answer has failed."""
        if event.get("run") not in (None, self.run):
            return []
        handler = getattr(self, f"_on_{event['kind']}", None)
        pieces: list[Piece] = handler(event, now) if handler is not None else []
        self.began = self.began or any(isinstance(piece, Text | Thought | Call) for piece in pieces)
        return pieces

    def late(self, now: float) -> bool:
        """Whether the network has been silent for too long while the page shows text: then the document takes over."""
        waited = self.tier == "network" and self.grows_since is not None and not self._wired
        if waited and self.grows_since is not None and now - self.grows_since >= self._wire_wait:
            if self.ended:
                self._to_final()
            else:
                self._to_document()
            return True
        return False

    def deadline(self) -> float | None:
        """When `late` is worth asking."""
        if self.tier != "network" or self.grows_since is None or self._wired:
            return None
        return self.grows_since + self._wire_wait

    def final(self, read: dict[str, Any] | None) -> list[Piece]:
        """The finished answer, read once. Raises `Fault` where there is none."""
        self.over = True
        if read is not None and not read["finished"] and self._trouble is None:
            raise Fault("upstream_broken", "AI Studio's page ended without the mark of a finished answer.")
        if self._trouble is not None:
            raise self._trouble
        if read is None or not (read["text"] or read["calls"] or read["thought"]):
            raise Fault("upstream_broken", "AI Studio's page ended without an answer.")
        pieces: list[Piece] = [Thought(read["thought"])] if read["thought"] else []
        pieces += [Text(read["text"])] if read["text"] else []
        return [*pieces, *_calls(read["calls"])]

    def _to_document(self) -> None:
        self.tier = "final" if self._whole else "dom"
        self.wants_text = not self._whole

    # the network

    def _on_wire(self, event: dict[str, Any], now: float) -> list[Piece]:
        if self.tier != "network":
            return []
        if "status" in event:
            self._status = int(event["status"])
        if "data" in event:
            return self._data(event["data"])
        if event.get("end"):
            self._wire_over = True
            return self._wire_ended()
        if event.get("failed"):
            raise self._trouble or Fault("upstream_broken", "The AI Studio page's own connection broke off.")
        return []

    def _data(self, data: bytes | str) -> list[Piece]:
        data = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
        if self._status >= 400:
            self._error += data[: _MOST_ERROR - len(self._error)]
            return []
        try:
            pieces = self._wire.feed(data)
        except Unreadable:
            if self.began:
                raise Fault("upstream_broken", "AI Studio's stream cannot be read any further.") from None
            self._to_document()
            return []
        self._wired = self._wired or bool(pieces)
        return pieces

    def _wire_ended(self) -> list[Piece]:
        if self._status >= 400:
            raise self._refused()
        if not self._wired:
            if self.ended:
                self._to_final()
            return []
        if not self._wire.whole:
            raise self._trouble or Fault("upstream_broken", "AI Studio's stream ended in the middle.")
        if self.began:
            self.over = True
        elif self.ended:
            raise self._trouble or Fault("upstream_broken", "AI Studio answered without content.")
        return []

    def _refused(self) -> Fault:
        words = words_of(self._error)
        told = notices.fault(Notice(place="wire", words=words, status=self._status))
        return told or Fault("upstream_broken", f"AI Studio answered with status {self._status}.")

    # the document

    def _on_grows(self, event: dict[str, Any], now: float) -> list[Piece]:
        self.grows_since = now
        return []

    def _on_text(self, event: dict[str, Any], now: float) -> list[Piece]:
        if self.tier != "dom":
            return []
        growth, blocks = self._slots[event["slot"]]
        first, offset, more = event["from"], event["offset"], event["blocks"]
        if offset and more:
            more = [blocks[first][:offset] + more[0], *more[1:]]
        blocks[first:] = more
        text = growth.see(blocks)
        return [_piece(event["slot"], text)] if text else []

    def _on_done(self, event: dict[str, Any], now: float) -> list[Piece]:
        self.ended = True
        if self.tier == "network":
            if self._wire_over and self._wired:
                return self._wire_ended()
            if not self._wired:
                self._await_wire(now)
            return []
        if self.tier == "final":
            self.wants_final = True
            return []
        return self._document_done(event)

    def _await_wire(self, now: float) -> None:
        """The page has ended before its network answer was seen: a short one may still be on its way."""
        if self._trouble is not None:
            raise self._trouble
        if self._wire_over and self._status < 400:
            self._to_final()
        self.grows_since = now

    def _to_final(self) -> None:
        self.tier = "final"
        self.wants_final = True

    def _document_done(self, event: dict[str, Any]) -> list[Piece]:
        if self._trouble is not None:
            raise self._trouble
        pieces: list[Piece] = []
        for slot, (growth, blocks) in self._slots.items():
            if rest := growth.see(blocks, over=True):
                pieces.append(_piece(slot, rest))
            if growth.rewritten and slot == "answer":
                raise Fault("upstream_broken", "AI Studio's page rewrote its answer after a part had been passed on.")
        pieces += _calls(event["calls"])
        if not pieces and not self.began:
            self._to_final()
            return []
        if not event["finished"]:
            raise Fault("upstream_broken", "AI Studio's page ended without the mark of a finished answer.")
        self.over = True
        return [*pieces, Finish("STOP")]

    # what is in the way

    def _on_notice(self, event: dict[str, Any], now: float) -> list[Piece]:
        found = notices.fault(Notice(place=event["place"], words=event["words"], level=event["level"]))
        if found is None:
            return []
        if self._trouble is None or found.kind != "upstream_broken":
            self._trouble = found
        if not self.began and not (self.tier == "network" and self._status >= 400):
            raise self._trouble
        return []

    def _on_gone(self, event: dict[str, Any], now: float) -> list[Piece]:
        raise Fault("upstream_broken", f"The browser lost the AI Studio page: {event['why']}.", code="page_gone")


def words_of(body: bytes) -> str:
    """The words of an error of the page's own call: ``[8,"words"]``, ``{"error":{"message"}}``, or a short text."""
    text = body.decode("utf-8", "replace").strip().removeprefix(")]}'").strip()
    try:
        held = json.loads(text)
    except ValueError:
        return "" if text.startswith("<") else text[: notices.MAX_WORDS]
    while isinstance(held, list) and len(held) == 1 and isinstance(held[0], list):
        held = held[0]
    if isinstance(held, list):
        return next((each for each in held if isinstance(each, str)), "")
    error = held.get("error") if isinstance(held, dict) else None
    return str(error.get("message", "")) if isinstance(error, dict) else ""


def _piece(slot: str, text: str) -> Piece:
    return Thought(text) if slot == "thought" else Text(text)


def _calls(cards: list[dict[str, str]]) -> list[Piece]:
    calls: list[Piece] = []
    for card in cards:
        try:
            held = json.loads(card["arguments"] or "{}")
        except ValueError as error:
            raise Fault("upstream_broken", "A function call on AI Studio's page has no readable arguments.") from error
        calls.append(Call(card["name"], held if isinstance(held, dict) else {"value": held}))
    return calls
