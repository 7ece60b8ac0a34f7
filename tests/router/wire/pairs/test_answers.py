"""Answers of every upstream dialect to clients of every dialect."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.faults import Fault
from router.wire.capabilities import Capabilities
from router.wire.conversation import Dialect
from router.wire.dialects import DIALECTS
from router.wire.events import (
    Ended,
    Event,
    Failed,
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
from tests.router.wire.pairs.answering import (
    carried,
    context,
    events_in,
    frames_of,
    obeys,
    payloads,
    read_back,
    reader_of,
    said,
)
from tests.router.wire.pairs.targets import CLIENTS
from tests.router.wire.strategies import event_streams
from tests.simulators.deliver import error_frame

SAYS_WHY = {
    "chat": re.compile(rb'"finish_reason":"'),
    "messages": re.compile(rb'"stop_reason":"'),
    "gemini": re.compile(rb'"finishReason":"'),
    "responses": re.compile(rb"^event: response.(completed|incomplete)$", re.MULTILINE),
}
PAIRS = list(itertools.product(CLIENTS, CLIENTS))
EACH_PAIR = pytest.mark.parametrize(("upstream", "client"), PAIRS, ids=[f"{u}-to-{c}" for u, c in PAIRS])
EACH_DIALECT = pytest.mark.parametrize("dialect", CLIENTS)
FEW = settings(max_examples=settings.default.max_examples // 4, deadline=None, suppress_health_check=list(HealthCheck))
STREAMS = st.tuples(st.booleans(), st.booleans()).flatmap(
    lambda kind: event_streams(interleave=kind[0], ordered=kind[1], refusals=True)
)


@EACH_PAIR
@FEW
@given(events=STREAMS)
def test_an_answer_says_the_same_to_every_client(upstream: Dialect, client: Dialect, events: list[Event]) -> None:
    data = b"".join(frames_of(events, upstream))
    frames = carried(data, upstream, client)
    obeys(frames, client)
    assert said(read_back(frames, client), upstream, client) == said(fold(events), upstream, client)


@EACH_PAIR
@FEW
@given(events=STREAMS)
def test_an_unstreamed_answer_is_the_folded_stream(upstream: Dialect, client: Dialect, events: list[Event]) -> None:
    data = b"".join(frames_of(events, upstream))
    read = events_in(data, upstream)
    reply = DIALECTS[client].write_reply(fold(read), context(dialect=client))
    whole = fold(DIALECTS[client].read_reply(reply, Capabilities()))
    assert said(whole, client) == said(read_back(frames_of(read, client), client), client)


@EACH_DIALECT
@FEW
@given(events=STREAMS, data=st.data())
def test_any_split_of_the_bytes_gives_the_same_events(
    dialect: Dialect, events: list[Event], data: st.DataObject
) -> None:
    sent = b"".join(frames_of(events, dialect))
    cuts = data.draw(st.sets(st.integers(0, len(sent)), max_size=12))
    assert events_in(sent, dialect, cuts) == events_in(sent, dialect)


@EACH_DIALECT
@FEW
@given(events=STREAMS)
def test_a_stream_that_was_cut_never_ends_as_if_it_had_finished(dialect: Dialect, events: list[Event]) -> None:
    """A close is a success only where the wire itself had already said why the model stopped."""
    splitter = Splitter()
    frames = splitter.feed(b"".join(frames_of(events, dialect)))
    for length in range(len(frames)):
        reader = reader_of(dialect)
        told = [event for frame in frames[:length] for event in reader.feed(frame)]
        try:
            told += reader.close()
        except Fault as fault:
            assert fault.kind == "upstream_broken"
            assert not any(isinstance(event, Ended) for event in told)
        else:
            assert isinstance(told[-1], Ended)
            assert SAYS_WHY[dialect].search(b"".join(frame.raw for frame in frames[:length]))


@EACH_PAIR
@FEW
@given(events=STREAMS)
def test_an_error_in_the_middle_reaches_the_client_as_an_error(
    upstream: Dialect, client: Dialect, events: list[Event]
) -> None:
    splitter = Splitter()
    frames = splitter.feed(b"".join(frames_of(events, upstream)))
    middle = max(1, len(frames) // 2 - 1)
    broken = b"".join(frame.raw for frame in frames[:middle]) + error_frame(upstream, "boom")
    read = events_in(broken, upstream)
    assert isinstance(read[-1], Failed)
    assert "boom" in read[-1].fault.message
    assert not any(isinstance(event, Finished | Ended) for event in read)
    sent = frames_of(read, client)
    again = events_in(b"".join(sent), client)
    assert isinstance(again[-1], Failed)
    assert "boom" in again[-1].fault.message
    assert not any(isinstance(event, Finished | Ended) for event in again)
    assert b"[DONE]" not in b"".join(sent)
    assert frames_of([*read, TextDelta("late"), Ended()], client) == sent


CUT_CALL = (
    Started("up_1", "m"),
    TextDelta("Let me see."),
    ToolStarted("call_1", "f"),
    ToolArguments("call_1", '{"a": "unfin'),
    UsageReported(Usage(input=9, output=4)),
    Finished("length"),
    Ended(),
)


@EACH_PAIR
def test_a_call_cut_by_the_limit_stays_a_length_stop_for_every_client(upstream: Dialect, client: Dialect) -> None:
    frames = carried(b"".join(frames_of(CUT_CALL, upstream)), upstream, client)
    obeys(frames, client)
    assert read_back(frames, client).choices[0].reason == "length"


@EACH_PAIR
@pytest.mark.parametrize("arguments", ["", "{}"])
def test_a_call_without_arguments_is_an_empty_object(upstream: Dialect, client: Dialect, arguments: str) -> None:
    events: list[Event] = [Started("up_1", "m"), ToolStarted("call_1", "now")]
    events += [ToolArguments("call_1", arguments)] if arguments else []
    events += [ToolEnded("call_1"), Finished("tools"), Ended()]
    frames = carried(b"".join(frames_of(events, upstream)), upstream, client)
    answer = said(read_back(frames, client), client)
    assert (answer["calls"], answer["reason"]) == ([("call_1", "now", {})], "tools")


@EACH_PAIR
def test_usage_adds_up_in_every_dialect(upstream: Dialect, client: Dialect) -> None:
    usage = Usage(input=100, cache_read=40, cache_write_5m=10, output=30, reasoning=20)
    events = (Started("up_1", "m"), TextDelta("x"), UsageReported(usage), Finished("end"), Ended())
    last = payloads(carried(b"".join(frames_of(events, upstream)), upstream, client))
    written = 0 if upstream == "gemini" else 10
    if client == "messages":
        counts = last[-2]["usage"]
        assert (counts["input_tokens"], counts["cache_read_input_tokens"]) == (60 - written, 40)
        assert (counts["cache_creation_input_tokens"], counts["output_tokens"]) == (written, 30)
    elif client == "gemini":
        counts = last[-1]["usageMetadata"]
        assert (counts["promptTokenCount"], counts["candidatesTokenCount"]) == (100, 10)
        assert (counts["thoughtsTokenCount"], counts["totalTokenCount"]) == (20, 130)
    elif client == "chat":
        counts = last[-1]["usage"]
        assert (counts["prompt_tokens"], counts["completion_tokens"], counts["total_tokens"]) == (100, 30, 130)
        assert counts["prompt_tokens_details"]["cached_tokens"] == 40
        assert counts["completion_tokens_details"]["reasoning_tokens"] == 20
    else:
        counts = last[-1]["response"]["usage"]
        assert (counts["input_tokens"], counts["output_tokens"], counts["total_tokens"]) == (100, 30, 130)
        assert counts["input_tokens_details"] == {"cached_tokens": 40, "cache_write_tokens": written}
        assert counts["output_tokens_details"]["reasoning_tokens"] == 20
