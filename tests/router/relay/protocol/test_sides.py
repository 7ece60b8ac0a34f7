"""Both sides together: whatever the order and the sizes, every answer arrives whole, once, and within its credit."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from router.relay.protocol import router_news, service_side
from router.relay.protocol.frames import Frame
from router.relay.protocol.messages import Terms
from tests.router.relay.protocol.sides import SENT, Wire, over, request

TEXTS = st.lists(st.text(max_size=12), max_size=8)
TERMS = st.builds(
    Terms,
    chunks=st.integers(1, 4),
    bytes=st.integers(1, 24),
    chunk_bytes=st.integers(4, 16),
    message_bytes=st.just(10**6),
)


class Play:
    """Several answers at once; each step is one frame, one chunk or one read, in any order."""

    def __init__(self, terms: Terms, answers: list[list[str]]) -> None:
        self.terms = terms
        self.wire = Wire(terms)
        self.calls = [self.wire.open(f"body {at}") for at in range(len(answers))]
        self.left = {call: list(texts) for call, texts in zip(self.calls, answers, strict=True)}
        self.cut: dict[str, list[str]] = {}
        self.asked: dict[str, str] = {}
        self.got: dict[str, bytes] = defaultdict(bytes)
        self.unread: dict[str, list[int]] = defaultdict(list)
        self.ended: list[str] = []

    def steps(self) -> list[str]:
        """What can happen now."""
        found = []
        if self.wire.to_service:
            found.append("serve")
        if self.wire.to_router:
            found.append("route")
        found += [f"chunk {call}" for call in self.cut if self._ready(call)]
        found += [f"read {call}" for call, sizes in self.unread.items() if sizes]
        return found

    def _ready(self, call: str) -> bool:
        return self.wire.service.is_open(call) and (self.wire.service.may_send(call) or not self._more(call))

    def _more(self, call: str) -> bool:
        while not self.cut[call] and self.left[call]:
            self.cut[call] = self.wire.service.cut(call, self.left[call].pop(0))
        return bool(self.cut[call])

    def do(self, step: str) -> None:
        word, _, call = step.partition(" ")
        getattr(self, word)(call)

    def serve(self, _: str) -> None:
        for news in self.wire.serve():
            if isinstance(news, service_side.Asked):
                self.asked[news.id] = news.request.body
                self.wire.start(news.id)
                self.cut[news.id] = []

    def route(self, _: str) -> None:
        for news in self.wire.route():
            assert not isinstance(news, router_news.Failed), news
            if isinstance(news, router_news.Arrived):
                self.got[news.id] += news.data
                self.unread[news.id].append(news.size)
                waiting = self.unread[news.id]
                assert len(waiting) <= self.terms.chunks
                assert sum(waiting) < self.terms.bytes + self.terms.chunk_bytes
            elif isinstance(news, router_news.Ended):
                self.ended.append(news.id)

    def chunk(self, call: str) -> None:
        if self._more(call):
            self.wire.to_router.append(self.wire.service.chunk(call, self.cut[call].pop(0)))
        else:
            self.wire.to_router.append(self.wire.service.end(call))
            del self.cut[call]

    def read(self, call: str) -> None:
        self.wire.to_service += self.wire.router.taken(call, self.unread[call].pop(0))


@settings(max_examples=settings.default.max_examples * 2, deadline=None)
@given(TERMS, st.lists(TEXTS, min_size=1, max_size=4), st.data())
def test_answers_arrive_whole_once_and_within_their_credit(
    terms: Terms, answers: list[list[str]], data: st.DataObject
) -> None:
    play = Play(terms, answers)
    while steps := play.steps():
        play.do(data.draw(st.sampled_from(steps)))
    assert sorted(play.ended) == sorted(play.calls)
    for at, (call, texts) in enumerate(zip(play.calls, answers, strict=True)):
        assert play.asked[call] == f"body {at}"
        assert play.got[call] == "".join(texts).encode("utf-8")
    assert play.wire.router.open_calls == play.wire.service.open_calls == 0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.text(min_size=1, max_size=40), st.integers(1, 9000)), min_size=2, max_size=3), st.data())
def test_bodies_of_any_size_arrive_whole_however_their_chunks_mix(
    bodies: list[tuple[str, int]], data: st.DataObject
) -> None:
    wire = Wire()
    sent: dict[str, str] = {}
    waiting: dict[str, list[Frame]] = {}
    for text, times in bodies:
        call, frames = wire.router.open(request(text * times), SENT)
        sent[call], waiting[call] = text * times, frames
    got: dict[str, str] = {}
    while open_ones := [call for call, frames in waiting.items() if frames]:
        call = data.draw(st.sampled_from(open_ones))
        for news in wire.service.receive(over(waiting[call].pop(0))):
            assert isinstance(news, service_side.Asked)
            got[news.id] = news.request.body
    assert got == sent


@settings(max_examples=50, deadline=None)
@given(TERMS, st.lists(TEXTS, min_size=2, max_size=4), st.data())
def test_what_is_cancelled_ends_on_both_sides_and_disturbs_no_other(
    terms: Terms, answers: list[list[str]], data: st.DataObject
) -> None:
    play = Play(terms, answers)
    gone = play.calls[0]
    cancelled = False
    while (steps := play.steps()) or not cancelled:
        step = data.draw(st.sampled_from([*steps, *([] if cancelled else ["cancel"])]))
        if step == "cancel":
            cancelled = True
            play.wire.to_service += play.wire.router.cancel(gone)
        else:
            play.do(step)
    assert play.wire.router.open_calls == play.wire.service.open_calls == 0
    for call, texts in zip(play.calls[1:], answers[1:], strict=True):
        assert play.got[call] == "".join(texts).encode("utf-8")


def test_frames_survive_json() -> None:
    wire = Wire()
    wire.open("ü🎉" * 100_000)
    assert len(wire.to_service) > 1
    assert all(over(frame) == frame for frame in wire.to_service)
