from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.faults import Fault
from router.wire.conversation import Opaque
from router.wire.dialect import events_of
from router.wire.events import (
    Cited,
    Ended,
    Failed,
    Finished,
    ForeignProduced,
    Started,
    TextDelta,
    TextEnded,
    ThinkingDelta,
    ThinkingEnded,
    ToolArguments,
    ToolEnded,
    ToolStarted,
    Usage,
    UsageReported,
)
from router.wire.messages import SPEC
from router.wire.sse import Frame, Splitter, typed_frame
from tests.data import recorded
from tests.router.wire.messages.frames import CAPABLE, START, STOP, block, finish, frames, read, read_bytes, text

END = [Finished("end"), Ended()]


def test_text_comes_in_order_between_start_and_end() -> None:
    events = read(START, *text(0, "Hel", "lo"), finish(output_tokens=3), STOP)
    assert events == [
        Started("msg_up", "claude"),
        TextDelta("Hel"),
        TextDelta("lo"),
        TextEnded(),
        UsageReported(Usage(output=3)),
        *END,
    ]


def test_the_reader_knows_the_upstreams_id_and_model() -> None:
    reader = SPEC.stream_reader(CAPABLE)
    assert (reader.response_id, reader.model) == ("", "")
    events_of(reader, frames(START, finish(), STOP))
    assert (reader.response_id, reader.model) == ("msg_up", "claude")


def test_thinking_ends_with_its_signature() -> None:
    deltas = [{"type": "thinking_delta", "thinking": "hm"}, {"type": "signature_delta", "signature": "sig"}]
    events = read(START, *block(0, {"type": "thinking", "thinking": "", "signature": ""}, *deltas), finish(), STOP)
    assert events[1:3] == [ThinkingDelta("hm"), ThinkingEnded(opaque=Opaque("messages", "sig"))]


def test_thinking_with_a_signature_only_is_kept() -> None:
    """display: omitted sends no text; the block must still come back (trap 14)."""
    delta = {"type": "signature_delta", "signature": "sig"}
    events = read(START, *block(0, {"type": "thinking", "thinking": ""}, delta), finish(), STOP)
    assert events[1] == ThinkingEnded(opaque=Opaque("messages", "sig"))


def test_redacted_thinking_is_complete_in_its_start() -> None:
    events = read(START, *block(0, {"type": "redacted_thinking", "data": "xyz"}), finish(), STOP)
    assert events[1] == ThinkingEnded(opaque=Opaque("messages", "xyz"), redacted=True)


def tool(index: int, *pieces: str, call_id: str = "toolu_1", given: Any = None) -> list[dict[str, Any]]:
    content = {"type": "tool_use", "id": call_id, "name": "f", "input": given if given is not None else {}}
    return block(index, content, *({"type": "input_json_delta", "partial_json": piece} for piece in pieces))


def test_a_call_streams_its_arguments() -> None:
    events = read(START, *tool(0, "", '{"a":', "1}"), finish("tool_use"), STOP)
    assert events[1:5] == [
        ToolStarted("toolu_1", "f"),
        ToolArguments("toolu_1", '{"a":'),
        ToolArguments("toolu_1", "1}"),
        ToolEnded("toolu_1"),
    ]
    assert Finished("tools") in events


@pytest.mark.parametrize("pieces", [(), ("",)])
def test_a_call_without_arguments_has_an_empty_object(pieces: tuple[str, ...]) -> None:
    events = read(START, *tool(0, *pieces), finish("tool_use"), STOP)
    assert events[2:4] == [ToolArguments("toolu_1", "{}"), ToolEnded("toolu_1")]


def test_arguments_in_the_start_are_used_once() -> None:
    events = read(START, *tool(0, given={"a": 1}), finish("tool_use"), STOP)
    assert events[2:4] == [ToolArguments("toolu_1", '{"a":1}'), ToolEnded("toolu_1")]
    streamed = read(START, *tool(0, '{"a":2}', given={"a": 1}), finish("tool_use"), STOP)
    assert [e for e in streamed if isinstance(e, ToolArguments)] == [ToolArguments("toolu_1", '{"a":2}')]


def test_calls_with_missing_or_equal_ids_get_different_stable_ones() -> None:
    payloads = [START, *tool(0, call_id=""), *tool(1, call_id="x"), *tool(2, call_id="x"), finish("tool_use"), STOP]
    ids = [e.call_id for e in read(*payloads) if isinstance(e, ToolStarted)]
    assert len(set(ids)) == 3
    assert ids[1] == "x"
    assert ids == [e.call_id for e in read(*payloads) if isinstance(e, ToolStarted)]


def test_interleaved_calls_are_told_apart_by_index() -> None:
    one, two = tool(0, '{"a":1}', call_id="a"), tool(1, '{"b":2}', call_id="b")
    mixed = [one[0], two[0], two[1], one[1], two[2], one[2]]
    events = read(START, *mixed, finish("tool_use"), STOP)
    assert [e for e in events if isinstance(e, ToolArguments)] == [
        ToolArguments("b", '{"b":2}'),
        ToolArguments("a", '{"a":1}'),
    ]
    assert [e.call_id for e in events if isinstance(e, ToolEnded)] == ["b", "a"]


def test_a_call_cut_by_the_length_limit_is_never_complete() -> None:
    payloads = [START, *tool(0, '{"a": "b')[:-1], finish("max_tokens"), STOP]
    events = read(*payloads)
    assert not [e for e in events if isinstance(e, ToolEnded)]
    assert Finished("length") in events


def test_a_block_that_was_not_closed_is_closed_by_the_next_or_the_end() -> None:
    events = read(START, *text(0, "a")[:-1], *tool(1, "{}")[:-1], finish("tool_use"), STOP)
    assert events[2:6] == [
        TextEnded(),
        ToolStarted("toolu_1", "f"),
        ToolArguments("toolu_1", "{}"),
        ToolEnded("toolu_1"),
    ]


def test_server_tool_blocks_come_whole() -> None:
    use = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}}
    found = {"type": "web_search_tool_result", "tool_use_id": "s1", "content": []}
    query = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", '{"query":', '"x"}')]
    events = read(START, *block(0, use, *query), *block(1, found), finish(), STOP)
    assert events[1:3] == [
        ForeignProduced("messages", use | {"input": {"query": "x"}}),
        ForeignProduced("messages", found),
    ]


def test_a_compaction_block_collects_its_text() -> None:
    deltas = [{"type": "compaction_delta", "content": "all that "}, {"type": "compaction_delta", "content": "was"}]
    events = read(START, *block(0, {"type": "compaction", "content": None}, *deltas), finish(), STOP)
    assert events[1] == ForeignProduced("messages", {"type": "compaction", "content": "all that was"})


def test_citations_with_an_address_are_told_after_the_first_text() -> None:
    citation = {"type": "web_search_result_location", "url": "https://x", "title": "X", "cited_text": "q"}
    own = {"type": "char_location", "document_index": 0, "cited_text": "q"}
    deltas: list[dict[str, Any]] = [
        {"type": "citations_delta", "citation": citation},
        {"type": "text_delta", "text": "a"},
        {"type": "citations_delta", "citation": own},
        {"type": "text_delta", "text": "b"},
    ]
    events = read(START, *block(0, {"type": "text", "text": ""}, *deltas), finish(), STOP)
    assert events[1:5] == [TextDelta("a"), Cited("https://x", "X", quote="q"), TextDelta("b"), TextEnded()]


def test_usage_is_cumulative_and_the_last_figure_wins() -> None:
    """Provisional in message_start; message_delta may repeat input and caches, or be the only one (trap 13)."""
    start = {"type": "message_start", "message": START["message"] | {"usage": {"input_tokens": 43, "output_tokens": 1}}}
    late = finish(input_tokens=61, cache_read_input_tokens=10, cache_creation_input_tokens=5, output_tokens=2)
    reports = [e.usage for e in read(start, *text(0, "a"), late, STOP) if isinstance(e, UsageReported)]
    assert reports == [Usage(input=43, output=1), Usage(input=76, cache_read=10, cache_write_5m=5, output=2)]
    kept = [e.usage for e in read(start, finish(output_tokens=9), STOP) if isinstance(e, UsageReported)]
    assert kept[-1] == Usage(input=43, output=9)


def test_usage_splits_cache_writes_and_thinking() -> None:
    usage: dict[str, Any] = {
        "input_tokens": 1,
        "cache_creation_input_tokens": 7,
        "cache_creation": {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 3},
        "output_tokens": 9,
        "output_tokens_details": {"thinking_tokens": 6},
    }
    reports = [e.usage for e in read(START, finish(**usage), STOP) if isinstance(e, UsageReported)]
    assert reports == [Usage(input=8, cache_write_5m=4, cache_write_1h=3, output=9, reasoning=6)]


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("end_turn", "end"),
        ("stop_sequence", "stop_sequence"),
        ("tool_use", "tools"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "window"),
        ("refusal", "filtered"),
        ("pause_turn", "pause"),
        ("something_new", "other"),
    ],
)
def test_every_stop_reason_has_its_meaning(word: str, reason: str) -> None:
    assert [e.reason for e in read(START, finish(word), STOP) if isinstance(e, Finished)] == [reason]


def test_a_refusal_keeps_its_explanation() -> None:
    delta = {"stop_reason": "refusal", "stop_details": {"type": "refusal", "category": "bio", "explanation": "No."}}
    events = read(START, {"type": "message_delta", "delta": delta, "usage": {}}, STOP)
    assert Finished("filtered", detail="No.") in events


def test_pings_unknown_events_and_done_are_ignored() -> None:
    payloads = [START, {"type": "ping"}, {"type": "future", "x": 1}, *text(0, "a"), finish(), STOP]
    data = b"".join(typed_frame(p) for p in payloads) + b": comment\n\ndata: [DONE]\n\n"
    assert read_bytes(data) == read(START, *text(0, "a"), finish(), STOP)


def test_an_unknown_delta_is_ignored() -> None:
    content = block(
        0, {"type": "text", "text": ""}, {"type": "future_delta", "x": 1}, {"type": "text_delta", "text": "a"}
    )
    assert TextDelta("a") in read(START, *content, finish(), STOP)


def test_frames_without_an_event_line_are_read_by_their_type() -> None:
    payloads = [START, *text(0, "a"), finish(), STOP]
    data = b"".join(typed_frame(p).partition(b"\n")[2] for p in payloads)
    assert b"event:" not in data
    assert read_bytes(data) == read(*payloads)


def test_an_error_event_fails_the_answer_and_ends_the_reading() -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    events = read(START, *text(0, "a"), error)
    failed = events[-1]
    assert isinstance(failed, Failed)
    assert (failed.fault.kind, failed.fault.message) == ("overloaded", "Overloaded")


def test_a_close_after_a_stop_reason_is_a_success() -> None:
    assert read(START, *text(0, "a"), finish())[-2:] == END


def test_a_close_before_a_stop_reason_is_a_broken_answer() -> None:
    with pytest.raises(Fault) as caught:
        read(START, *text(0, "a"))
    assert caught.value.kind == "upstream_broken"


def test_a_stop_without_a_reason_is_still_whole() -> None:
    assert read(START, *text(0, "a"), STOP)[-2:] == END
    assert read(START, *tool(0, "{}"), STOP)[-2:] == [Finished("tools"), Ended()]


@pytest.mark.parametrize("data", [b"{", b"[1]", b"\xff"])
def test_a_frame_that_is_no_event_breaks_the_answer(data: bytes) -> None:
    with pytest.raises(Fault) as caught:
        SPEC.stream_reader(CAPABLE).feed(Frame(b"", None, data))
    assert caught.value.kind == "upstream_broken"


def test_a_repeated_start_is_ignored_and_a_second_answer_is_an_error() -> None:
    assert read(START, START, *text(0, "a"), finish(), STOP) == read(START, *text(0, "a"), finish(), STOP)
    other = {"type": "message_start", "message": START["message"] | {"id": "msg_other"}}
    assert read(START, other, *text(0, "a"), finish(), STOP)[-2:] == END
    with pytest.raises(Fault, match="second answer"):
        read(START, *text(0, "a")[:2], other, *text(0, "b"), finish(), STOP)


def test_a_start_may_hold_a_whole_block() -> None:
    content = [{"type": "tool_use", "id": "toolu_9", "name": "f", "input": {"a": 1}}]
    start = {"type": "message_start", "message": START["message"] | {"content": content}}
    assert read(start, finish("tool_use"), STOP)[1:4] == [
        ToolStarted("toolu_9", "f"),
        ToolArguments("toolu_9", '{"a":1}'),
        ToolEnded("toolu_9"),
    ]


def test_text_without_a_block_start_is_not_lost() -> None:
    events = read(START, text(0, "a")[1], finish(), STOP)
    assert events[1:3] == [TextDelta("a"), TextEnded()]


def delta_frame(json_text: bytes) -> bytes:
    return (
        b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
        b'"delta":{"type":"text_delta","text":"' + json_text + b'"}}\n\n'
    )


def test_a_surrogate_pair_cut_in_two_deltas_is_joined() -> None:
    head = typed_frame(START) + typed_frame(text(0)[0])
    tail = b"".join(typed_frame(p) for p in (text(0)[-1], finish(), STOP))
    events = read_bytes(head + delta_frame(b"a\\ud83d") + delta_frame(b"\\ude00b") + tail)
    assert [e.text for e in events if isinstance(e, TextDelta)] == ["a", "\U0001f600b"]
    alone = read_bytes(head + delta_frame(b"\\ud83d") + delta_frame(b"b") + delta_frame(b"\\ud83d") + tail)
    assert "".join(e.text for e in alone if isinstance(e, TextDelta)) == "\ufffdb\ufffd"


@given(st.lists(st.integers(0, 2000), max_size=8))
def test_any_split_of_the_bytes_gives_the_same_events(cuts: list[int]) -> None:
    payloads = [START, *text(0, "Grüße \U0001f600", "\n\ndata: x"), *tool(1, '{"a":', '"é"}'), finish("tool_use"), STOP]
    data = b"".join(typed_frame(payload) for payload in payloads)
    places = [0, *sorted({cut % len(data) for cut in cuts}), len(data)]
    splitter, reader = Splitter(), SPEC.stream_reader(CAPABLE)
    split = [frame for a, b in itertools.pairwise(places) for frame in splitter.feed(data[a:b])]
    assert events_of(reader, split + splitter.close()) == read_bytes(data)


def recorded_bytes(name: str) -> bytes:
    data = recorded(f"anthropic/{name}").read_bytes()
    if name.endswith(".jsonl"):
        return b"".join(b"data: " + line + b"\n\n" for line in data.splitlines())
    return data


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("pai-anthropic_model_thinking_part_stream.sse", "Started ThinkingDelta ThinkingEnded TextDelta TextEnded"),
        ("pai-anthropic_model_thinking_part_redacted_stream.sse", "Started ThinkingEnded TextDelta TextEnded"),
        ("llm-stream_events_tool_calls.sse", "Started ToolStarted ToolArguments ToolEnded"),
        ("vercel-tool-no-args.jsonl", "Started TextDelta TextEnded ToolStarted ToolArguments ToolEnded"),
        (
            "pai-anthropic_code_execution_tool_stream.sse",
            "Started ThinkingDelta ThinkingEnded TextDelta TextEnded ForeignProduced TextDelta TextEnded",
        ),
        (
            "pai-anthropic_mcp_servers_stream.sse",
            "Started ThinkingDelta ThinkingEnded ForeignProduced TextDelta TextEnded",
        ),
        ("sdk-stream-a-toolrefusal.sse", "Started ForeignProduced TextDelta TextEnded"),
        ("vercel-message-delta-input-tokens.jsonl", "Started TextDelta TextEnded"),
        ("sdk-incomplete_partial_json_response.sse", "Started TextDelta TextEnded ToolStarted ToolArguments"),
    ],
)
def test_recorded_streams_give_their_content_in_order(name: str, kinds: str) -> None:
    events = read_bytes(recorded_bytes(name))
    seen: list[str] = []
    for event in events:
        kind = type(event).__name__
        if kind not in ("UsageReported", "Finished", "Ended") and (not seen or seen[-1] != kind):
            seen.append(kind)
    assert " ".join(seen) == kinds
    assert isinstance(events[-2], Finished)
    assert events[-1] == Ended()


def test_the_recorded_usage_of_a_late_message_delta_wins() -> None:
    events = read_bytes(recorded_bytes("vercel-message-delta-input-tokens.jsonl"))
    assert [e.usage for e in events if isinstance(e, UsageReported)][-1] == Usage(input=61, output=2)


def test_the_recorded_spliced_answer_is_an_error() -> None:
    with pytest.raises(Fault, match="second answer"):
        read_bytes(recorded_bytes("vercel-spliced-message-start.jsonl"))


def test_the_recorded_web_search_keeps_its_citations() -> None:
    events = read_bytes(recorded_bytes("pai-anthropic_web_search_tool_stream.sse"))
    cited = [e for e in events if isinstance(e, Cited)]
    assert cited
    assert all(e.url.startswith("https://") and e.title for e in cited)


def test_citations_without_any_text_are_left_out() -> None:
    delta = {"type": "citations_delta", "citation": {"url": "https://x", "title": 1, "cited_text": 2}}
    empty = read(START, *block(0, {"type": "text", "text": ""}, delta), finish(), STOP)
    assert empty[1:2] == [TextEnded()]
    late = block(0, {"type": "text", "text": "a"}, delta)
    assert read(START, *late, finish(), STOP)[1:4] == [TextDelta("a"), Cited("https://x"), TextEnded()]
    fast = block(0, {"type": "text", "text": ""}, {"type": "text_delta", "text": "a"}, delta)
    assert read(START, *fast, finish(), STOP)[1:4] == [TextDelta("a"), Cited("https://x"), TextEnded()]


@pytest.mark.parametrize("value", [None, 5, "", [], {}])
def test_deltas_of_a_wrong_type_say_nothing(value: Any) -> None:
    for kind, key, content in (
        ("text_delta", "text", {"type": "text"}),
        ("thinking_delta", "thinking", {"type": "thinking"}),
        ("input_json_delta", "partial_json", {"type": "tool_use", "id": "t", "name": "f"}),
        ("citations_delta", "citation", {"type": "text"}),
    ):
        with_delta = block(0, content, {"type": kind, key: value})
        assert read(START, *with_delta, finish(), STOP) == read(START, *block(0, content), finish(), STOP)


def test_a_server_tool_block_cut_in_its_input_is_left_out() -> None:
    use = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}}
    cut = block(0, use, {"type": "input_json_delta", "partial_json": '{"query'})[:-1]
    events = read(START, *cut, finish("max_tokens"), STOP)
    assert not [event for event in events if isinstance(event, ForeignProduced)]


def test_a_lone_low_surrogate_joins_nothing_that_was_not_held() -> None:
    head = typed_frame(START) + typed_frame(text(0)[0])
    tail = b"".join(typed_frame(p) for p in (text(0)[-1], finish(), STOP))
    events = read_bytes(head + delta_frame(b"a\\udbff") + delta_frame(b"\\udfff") + tail)
    assert "".join(e.text for e in events if isinstance(e, TextDelta)) == "a\U0010ffff"
