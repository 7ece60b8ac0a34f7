"""Every fault that `test_matrix` makes, and what must come of it."""

from __future__ import annotations

import json

from tests.faults.case import OVERLOADED, PASSING, RESCUED, SILENT, WHOLE, Case, Expected, Make
from tests.faults.cells import Cell
from tests.simulators import Misbehaviour, refusal
from tests.simulators.faulty import Ending, cut, hang, html, refused, status

MIDDLE = 12
"""Events that have gone out when an answer breaks in its middle: some words are among them, in every dialect."""
GAP = 0.004
"""Seconds between events, so that what went before a fault has been handed on when it comes."""


def everywhere(bad: Misbehaviour) -> Make:
    return lambda cell: bad


def streams(bad: Misbehaviour, whole: Misbehaviour | None = None) -> Make:
    """What a stream does, and what an unstreamed answer does."""
    return lambda cell: bad if cell.upstream_streams else whole


def middle(ending: Ending, torn: int = 0) -> Make:
    broken = Misbehaviour(after_events=MIDDLE, torn=torn, ending=ending, gap=GAP)
    return streams(broken, cut(at_byte=150 + torn, ending=ending))


def passed_on(code: int) -> Expected:
    return Expected(*[f"passed on {code}"] * 3)


def moved_on(code: int, told: str = "passed on") -> Expected:
    """Another target is asked; the only one is not asked again."""
    return Expected("failed over", f"{told} {code}", f"{told} {code}")


LONG_WORDS = {
    "openai": "This model's maximum context length is 1000 tokens.",
    "messages": "prompt is too long: 250000 tokens > 200000 maximum",
    "gemini": "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
}


def too_long_words(cell: Cell) -> str:
    return LONG_WORDS.get(cell.upstream, LONG_WORDS["openai"])


def too_long(cell: Cell) -> Misbehaviour:
    told = refusal.of_status(cell.upstream, 400, too_long_words(cell)).body
    if isinstance(told, dict) and cell.upstream in ("chat", "responses"):
        told["error"] |= {"param": "messages", "code": "context_length_exceeded"}
    return Misbehaviour(status=400, body=json.dumps(told).encode())


def error_with_200(cell: Cell) -> Misbehaviour:
    told = refusal.of_status(cell.upstream, 500, "simulated failure").body
    return Misbehaviour(status=200, body=json.dumps(told).encode())


def rejected(cell: Cell) -> Misbehaviour:
    """Servers quote the key that they do not take."""
    return status(401, message=f"Incorrect API key provided: {cell.key}.")


def unless_gemini(make: Make) -> Make:
    """Gemini's events are all alike and not numbered: one that comes twice, or late, is a word like any other."""
    return lambda cell: None if cell.upstream == "gemini" else make(cell)


def drip(cell: Cell) -> Misbehaviour | None:
    return Misbehaviour(drip=1) if cell.situation == "alone" else None


def endless(cell: Cell) -> Misbehaviour | None:
    if not cell.upstream_streams:
        return None
    return Misbehaviour(insert=(MIDDLE, b"data: " + b"x" * (65 * 1024 * 1024)), gap=GAP)


BEFORE = (
    Case(
        name="connection refused",
        where="closed",
        bad=everywhere(hang()),
        streamed=Expected("failed over", "", "error 502", tries=2),
    ),
    Case(
        name="certificate not trusted",
        where="tls",
        bad=everywhere(hang()),
        streamed=Expected("failed over", "", "error 502", tries=2),
    ),
    Case(name="reset before the head", bad=everywhere(refused()), streamed=PASSING),
    Case(name="closed before the head", bad=everywhere(Misbehaviour(before_head=True)), streamed=PASSING),
    Case(
        name="silent closing before the head",
        bad=everywhere(Misbehaviour(before_head=True, ending="half_close")),
        streamed=PASSING,
    ),
    Case(name="no head", silence=True, bad=everywhere(hang()), streamed=SILENT),
    Case(name="slow head", bad=everywhere(Misbehaviour(delay=0.2)), streamed=WHOLE),
    Case(
        name="10,000 headers",
        bad=everywhere(Misbehaviour(headers={f"x-{n}": "y" for n in range(10_000)})),
        streamed=PASSING,
    ),
)
STATUSES = (
    Case(
        name="429, come back in 1 s",
        bad=everywhere(status(429, retry_after="1")),
        streamed=moved_on(429),
        retry_after=1,
    ),
    Case(
        name="429, come back in 1 h",
        bad=everywhere(status(429, retry_after="3600")),
        streamed=moved_on(429),
        retry_after=1800,
    ),
    Case(name="429 without a hint", bad=everywhere(status(429)), streamed=moved_on(429)),
    Case(name="500", bad=everywhere(status(500)), streamed=PASSING),
    Case(name="502 as a page", bad=everywhere(html()), streamed=PASSING),
    Case(name="503", bad=everywhere(status(503)), streamed=OVERLOADED),
    Case(name="503, come back in 1 s", bad=everywhere(status(503, retry_after="1")), streamed=OVERLOADED, gap=1.0),
    Case(name="529", bad=everywhere(status(529)), streamed=OVERLOADED),
    Case(name="401", bad=rejected, streamed=moved_on(502, "error")),
    Case(name="402", bad=everywhere(status(402)), streamed=moved_on(429, "error")),
    Case(name="403", bad=everywhere(status(403)), streamed=moved_on(403)),
    Case(name="404", bad=everywhere(status(404)), streamed=moved_on(404)),
    Case(name="400", bad=everywhere(status(400)), streamed=passed_on(400)),
    Case(name="413", bad=everywhere(status(413)), streamed=passed_on(413)),
    Case(name="422", bad=everywhere(status(422)), streamed=passed_on(422)),
    Case(
        name="prompt too long",
        bad=too_long,
        said=too_long_words,
        streamed=passed_on(400),
        by_upstream={"messages": (moved_on(400), moved_on(400))},  # whose spare has a larger window
    ),
    Case(name="redirect", bad=everywhere(status(302, location="http://127.0.0.1:9/")), streamed=PASSING),
)
HEADS = (
    Case(name="page with 200", bad=everywhere(html(200)), streamed=PASSING),
    Case(name="empty 200", bad=everywhere(Misbehaviour(status=200, body=b"")), streamed=PASSING),
    Case(
        name="empty stream",
        bad=streams(Misbehaviour(status=200, body=b"", content_type="text/event-stream")),
        streamed=PASSING,
    ),
    Case(name="200 with an error", bad=error_with_200, streamed=PASSING),
    Case(
        name="200 with other JSON",
        bad=everywhere(Misbehaviour(status=200, body=b'{"hello": "world"}')),
        streamed=PASSING,
    ),
    Case(name="200 with text", bad=everywhere(Misbehaviour(status=200, body=b"hello")), streamed=PASSING),
    Case(
        name="JSON announced for a stream", bad=streams(Misbehaviour(content_type="application/json")), streamed=PASSING
    ),
    Case(name="text announced", bad=everywhere(Misbehaviour(content_type="text/plain")), streamed=WHOLE),
    Case(name="gzip", bad=everywhere(Misbehaviour(packing="gzip")), streamed=WHOLE),
    Case(name="damaged gzip", bad=everywhere(Misbehaviour(packing="broken")), streamed=PASSING),
    Case(name="gzip bomb", bad=everywhere(Misbehaviour(packing="bomb")), streamed=PASSING, few=True),
    Case(
        name="length announced too long",
        bad=everywhere(Misbehaviour(surplus=100)),
        streamed=WHOLE,
        unstreamed=PASSING,
        folded=WHOLE,
    ),
    Case(
        name="length announced too short",
        bad=streams(Misbehaviour(surplus=-1000, gap=GAP), Misbehaviour(surplus=-150)),
        streamed=RESCUED,
        unstreamed=PASSING,
        by_upstream={"messages": (Expected("rescued", "rescued", ""), PASSING)},  # the rest is too short to be cut
    ),
)
BODIES = (
    Case(name="closed behind the head", bad=streams(cut(events=0), cut(at_byte=1)), streamed=PASSING),
    Case(
        name="silent behind the head",
        silence=True,
        bad=streams(cut(events=0, ending="stall"), cut(at_byte=1, ending="stall")),
        streamed=SILENT,
    ),
    Case(
        name="error as the first event",
        bad=streams(cut(events=0, ending="error")),
        streamed=PASSING,
        by_upstream={"messages": (OVERLOADED, OVERLOADED), "gemini": (OVERLOADED, OVERLOADED)},
    ),
    Case(name="first event torn", bad=streams(Misbehaviour(garble=0)), streamed=PASSING),
    Case(
        name="closed behind the first event",
        bad=streams(cut(events=1)),
        streamed=PASSING,
        by_upstream={"gemini": (RESCUED, PASSING)},  # which has words in it
    ),
    Case(name="closed in the middle", bad=middle("cut"), streamed=RESCUED, unstreamed=PASSING),
    Case(name="closed inside an event", bad=middle("cut", torn=40), streamed=RESCUED, unstreamed=PASSING),
    Case(name="reset in the middle", bad=middle("reset"), streamed=RESCUED, unstreamed=PASSING),
    Case(name="half closed in the middle", bad=middle("half_close"), streamed=RESCUED, unstreamed=PASSING),
    Case(name="silent in the middle", silence=True, bad=middle("stall"), streamed=RESCUED, unstreamed=SILENT),
    Case(
        name="silent inside an event", silence=True, bad=middle("stall", torn=40), streamed=RESCUED, unstreamed=SILENT
    ),
    Case(
        name="chunk that is no HTTP",
        bad=streams(Misbehaviour(after_events=MIDDLE, ending="malformed", gap=GAP)),
        streamed=RESCUED,
        unstreamed=PASSING,
    ),
    Case(
        name="error in the middle",
        bad=streams(Misbehaviour(after_events=MIDDLE, ending="error", gap=GAP)),
        streamed=RESCUED,
        unstreamed=PASSING,
        by_upstream={"messages": (RESCUED, OVERLOADED), "gemini": (RESCUED, OVERLOADED)},
    ),
    Case(
        name="event torn in the middle",
        bad=streams(Misbehaviour(garble=MIDDLE, gap=GAP)),
        streamed=RESCUED,
        unstreamed=PASSING,
    ),
    Case(
        name="no UTF-8 in the middle",
        bad=streams(Misbehaviour(spoil=MIDDLE, gap=GAP)),
        streamed=RESCUED,
        unstreamed=PASSING,
    ),
    Case(name="line of 65 MB", bad=endless, streamed=RESCUED, unstreamed=PASSING, few=True),
    Case(
        name="no last event",
        bad=streams(Misbehaviour(drop_end=True, gap=GAP)),
        streamed=WHOLE,
        by_upstream={"responses": (RESCUED, PASSING), "gemini": (RESCUED, PASSING)},
    ),
    Case(name="first event twice", bad=unless_gemini(streams(Misbehaviour(duplicate=0))), streamed=WHOLE, loose=True),
    Case(name="last event twice", bad=streams(Misbehaviour(duplicate=-1)), streamed=WHOLE, loose=True),
    Case(
        name="second event before the first",
        bad=unless_gemini(streams(Misbehaviour(swap=0))),
        streamed=WHOLE,
        by_upstream={"messages": (PASSING, PASSING)},
        loose=True,
    ),
    Case(name="byte by byte", bad=drip, streamed=WHOLE),
)
CASES = (*BEFORE, *STATUSES, *HEADS, *BODIES)
