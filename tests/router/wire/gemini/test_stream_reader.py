from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.faults import Fault
from router.wire.codec import loads
from router.wire.conversation import Foreign, Inline, Opaque, Text, Thinking, ToolCall, Url
from router.wire.events import (
    Cited,
    Ended,
    Failed,
    Finished,
    ForeignProduced,
    MediaProduced,
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
from router.wire.fold import fold
from router.wire.gemini import SPEC
from router.wire.sse import parse
from tests.data import recorded
from tests.router.wire.gemini.frames import CAPABILITIES, as_bytes, frame, read, read_bytes

SIGNED = Opaque("gemini", "c2ln", model="gemini-3")
THOUGHTFUL = as_bytes(
    frame({"text": "hm 🤔", "thought": True}),
    frame({"text": "Grüße "}),
    frame({"text": "World"}, {"functionCall": {"name": "f", "args": {"b": 1, "a": "é"}}, "thoughtSignature": "c2ln"}),
    {
        **frame(finish="STOP"),
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4, "thoughtsTokenCount": 5},
    },
)


def test_a_text_stream():
    assert read(frame({"text": "Hi"}), frame({"text": "!"}, finish="STOP")) == [
        Started("r1", "gemini-3-pro"),
        TextDelta("Hi"),
        TextDelta("!"),
        TextEnded(),
        Finished("end"),
        Ended(),
    ]


@given(st.sets(st.integers(1, len(THOUGHTFUL) - 1), max_size=6))
def test_any_split_of_the_bytes_gives_the_same_events(cuts):
    assert read_bytes(THOUGHTFUL, tuple(cuts)) == read_bytes(THOUGHTFUL)


def test_thinking_text_call_and_usage_fold_to_one_answer():
    answer = fold(read_bytes(THOUGHTFUL))
    choice = answer.choices[0]
    assert choice.parts[:2] == (Thinking("hm 🤔"), Text("Grüße World"))
    call = choice.parts[2]
    assert isinstance(call, ToolCall)
    assert (call.name, call.arguments, call.opaque) == ("f", '{"b":1,"a":"é"}', SIGNED)
    assert choice.reason == "tools"
    assert answer.usage == Usage(input=3, output=9, reasoning=5)
    assert answer.complete


def test_a_call_comes_whole_and_without_arguments_is_an_empty_object():
    events = read(frame({"functionCall": {"id": "x1", "name": "f"}}, finish="STOP"))
    assert events[1:4] == [ToolStarted("x1", "f"), ToolArguments("x1", "{}"), ToolEnded("x1")]
    assert events[4] == Finished("tools")


def test_missing_ids_are_made_up_the_same_way_each_time_and_differ():
    call = {"functionCall": {"name": "f", "args": {}}}
    payload = frame(call, call, finish="STOP")
    ids = [event.call_id for event in read(payload) if isinstance(event, ToolStarted)]
    assert len(set(ids)) == 2
    assert ids == [event.call_id for event in read(payload) if isinstance(event, ToolStarted)]


def test_streamed_arguments_of_vertex_are_put_together():
    events = read(
        frame({"functionCall": {"name": "f", "willContinue": True}, "thoughtSignature": "c2ln"}),
        frame({"functionCall": {"partialArgs": [{"jsonPath": "$.city", "stringValue": "Bos", "willContinue": True}],
                                "willContinue": True}}),
        frame({"functionCall": {"partialArgs": [{"jsonPath": "$.city", "stringValue": "ton"},
                                                {"jsonPath": "$.tags[1].n", "numberValue": 2},
                                                {"jsonPath": "$['odd.key']", "boolValue": False},
                                                {"jsonPath": "$.none", "nullValue": "NULL_VALUE"},
                                                {"jsonPath": "nonsense", "stringValue": "x"}], "willContinue": True}}),
        frame({"functionCall": {}}, finish="STOP"),
    )  # fmt: skip
    started = next(event for event in events if isinstance(event, ToolStarted))
    assert started.opaque == SIGNED
    arguments = "".join(event.text for event in events if isinstance(event, ToolArguments))
    assert json.loads(arguments) == {"city": "Boston", "tags": [None, {"n": 2}], "odd.key": False, "none": None}
    assert Finished("tools") in events


def test_a_call_cut_off_by_the_limit_is_no_tool_stop_and_never_ends():
    events = read(
        frame({"functionCall": {"name": "f", "willContinue": True}}),
        frame({"functionCall": {"partialArgs": [{"jsonPath": "$.a", "stringValue": "x"}], "willContinue": True}},
              finish="MAX_TOKENS"),
    )  # fmt: skip
    assert Finished("length") in events
    assert not any(isinstance(event, ToolEnded) for event in events)
    assert any(isinstance(event, ToolArguments) and event.text == '{"a":"x"}' for event in events)


def test_a_signature_on_a_last_empty_text_is_kept():
    events = read(frame({"text": "Hi"}), frame({"text": "", "thoughtSignature": "c2ln"}, finish="STOP"))
    assert events[1:3] == [TextDelta("Hi"), TextEnded(opaque=SIGNED)]
    assert fold(events).choices[0].parts == (Text("Hi", opaque=SIGNED),)


def test_text_after_a_signed_part_is_not_joined_to_it():
    events = read(frame({"text": "a", "thoughtSignature": "c2ln"}, {"text": "b"}, finish="STOP"))
    assert fold(events).choices[0].parts == (Text("a", opaque=SIGNED), Text("b"))


def test_a_signature_on_a_thought():
    events = read(
        frame({"text": "t", "thought": True, "thoughtSignature": "c2ln"}), frame({"text": "x"}, finish="STOP")
    )
    assert events[1:4] == [ThinkingDelta("t"), ThinkingEnded(SIGNED), TextDelta("x")]


def test_a_character_cut_between_two_frames_is_joined():
    raw = as_bytes(frame({"text": "a\ud83d"}), frame({"text": "\ude00b"}), frame({"text": "\ud83d"}, finish="STOP"))
    events = read_bytes(raw)
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["a", "😀b", "\ud83d"]


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        ("STOP", "end"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "filtered"),
        ("IMAGE_SAFETY", "filtered"),
        ("PROHIBITED_CONTENT", "filtered"),
        ("MALFORMED_FUNCTION_CALL", "broken_call"),
        ("UNEXPECTED_TOOL_CALL", "broken_call"),
        ("MISSING_THOUGHT_SIGNATURE", "broken_call"),
        ("SOME_NEW_CALL", "broken_call"),
        ("OTHER", "other"),
        ("WEIRD", "other"),
    ],
)
def test_finish_reasons(wire, reason):
    finished = next(event for event in read(frame({"text": "x"}, finish=wire)) if isinstance(event, Finished))
    assert finished.reason == reason


def test_a_blocked_prompt_is_filtered_and_not_an_empty_success():
    events = read({"promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": "no"}, "responseId": "r"})
    assert events == [Started("r", ""), Finished("filtered", detail="no"), Ended()]


def test_usage_is_cumulative_and_absence_does_not_reset_it():
    events = read(
        {**frame({"text": "a"}), "usageMetadata": {"promptTokenCount": 7, "toolUsePromptTokenCount": 100}},
        {**frame({"text": "b"}), "usageMetadata": {"trafficType": "ON_DEMAND"}},
        {**frame({"text": "c"}), "usageMetadata": {"promptTokenCount": 7, "toolUsePromptTokenCount": 100,
                                                    "candidatesTokenCount": "3", "cachedContentTokenCount": 2}},
        frame(finish="STOP"),
    )  # fmt: skip
    reported = [event.usage for event in events if isinstance(event, UsageReported)]
    assert reported == [Usage(input=107), Usage(input=107, output=3, cache_read=2)]


def test_grounding_offsets_are_bytes_on_the_wire_and_characters_here():
    metadata = {
        "groundingChunks": [{"web": {"uri": "https://a", "title": "A"}}, {"web": {"uri": "https://b", "title": "B"}}],
        "groundingSupports": [
            {"segment": {"startIndex": 7, "endIndex": 12, "text": "World"}, "groundingChunkIndices": [0]},
            {"segment": {"endIndex": 99}, "groundingChunkIndices": [0, 7]},
        ],
    }
    events = read(frame({"text": "Größe World"}), frame(finish="STOP", groundingMetadata=metadata))
    cited = [event for event in events if isinstance(event, Cited)]
    assert cited[0] == Cited("https://a", "A", 5, 10, "World")
    assert cited[1] == Cited("https://a", "A", 0, None)
    assert cited[2] == Cited("https://b", "B")


def test_repeated_grounding_cites_once():
    metadata = {"groundingChunks": [{"web": {"uri": "https://a", "title": "A"}}]}
    events = read(frame({"text": "x"}, groundingMetadata=metadata), frame(finish="STOP", groundingMetadata=metadata))
    assert [event for event in events if isinstance(event, Cited)] == [Cited("https://a", "A")]


def test_pictures_and_code_come_out():
    code = {"executableCode": {"language": "PYTHON", "code": "1"}}
    events = read(frame({"inlineData": {"mimeType": "image/png", "data": "AA=="}}, code, finish="STOP"))
    assert events[1] == MediaProduced("image", Inline("image/png", "AA=="))
    assert events[2] == ForeignProduced("gemini", code)
    assert isinstance(fold(events).choices[0].parts[1], Foreign)


def test_several_candidates_are_told_apart():
    events = read(
        frame({"text": "a"}, index=0), frame({"text": "b"}, index=1, finish="STOP"), frame(index=0, finish="STOP")
    )
    assert [choice.parts for choice in fold(events).choices] == [(Text("a"),), (Text("b"),)]


@pytest.mark.parametrize("raw", [
    b'data: {"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}\r\n\r\n',
    b'{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}\n',
    b'data: [{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}]\r\n\r\n',
])  # fmt: skip
def test_an_error_in_the_stream_fails_it_in_every_form(raw):
    events = read_bytes(as_bytes(frame({"text": "a"})) + raw)
    assert isinstance(events[-1], Failed)
    assert (events[-1].fault.kind, events[-1].fault.message) == ("overloaded", "busy")


def test_a_close_without_a_reason_is_broken():
    with pytest.raises(Fault) as caught:
        read(frame({"text": "half"}))
    assert caught.value.kind == "upstream_broken"


def test_a_close_without_anything_is_broken():
    with pytest.raises(Fault, match="before the answer was finished"):
        read_bytes(b"")


def test_one_of_two_candidates_unfinished_is_broken():
    with pytest.raises(Fault, match="before the answer was finished"):
        read(frame({"text": "a"}, index=0, finish="STOP"), frame({"text": "b"}, index=1))


@pytest.mark.parametrize("raw", [b"data: {oops\r\n\r\n", b"data: 3\r\n\r\n"])
def test_a_malformed_frame_is_broken(raw):
    with pytest.raises(Fault) as caught:
        read_bytes(raw)
    assert caught.value.kind == "upstream_broken"


def test_odd_frames_do_not_disturb():
    odd = [
        b": comment\n\n", b"data: \n\n", b"data: [DONE]\n\n", b'data: {"candidates": "no"}\n\n',
        b'data: {"candidates":[3,{"content":{"parts":["x",{"new":1},{"text":3}]}},{"content":null}]}\n\n',
    ]  # fmt: skip
    events = read_bytes(b"".join(odd) + as_bytes(frame({"text": "ok"}, finish="STOP")))
    assert [event for event in events if isinstance(event, TextDelta)] == [TextDelta("ok")]


def test_close_twice_ends_once():
    reader = SPEC.stream_reader(CAPABILITIES)
    reader.feed(parse(as_bytes(frame({"text": "x"}, finish="STOP"))))
    assert reader.close() == [Ended()]
    assert reader.close() == []


@pytest.mark.parametrize("name", [
    "pai-google_model_stream.sse",
    "pai-google_model_thinking_part_iter.sse",
    "pai-google_model_web_search_tool_stream-0.sse",
    "pai-google_streaming_tool_call_thought_signature-0.sse",
])  # fmt: skip
def test_recorded_streams_fold_to_complete_answers(name):
    answer = fold(read_bytes(recorded(f"gemini/{name}").read_bytes()))
    assert answer.complete
    assert answer.usage is not None
    assert answer.usage.output > 0
    assert answer.choices[0].reason in ("end", "tools")
    assert answer.choices[0].parts


def test_recorded_partial_arguments():
    lines = recorded("gemini/vercel-google-stream-tool-call-arguments.jsonl").read_text().splitlines()
    answer = fold(read(*(json.loads(line) for line in lines)))
    calls = [part for part in answer.choices[0].parts if isinstance(part, ToolCall)]
    assert [(call.name, loads(call.arguments)) for call in calls] == [
        ("getWeather", {"location": "Boston"}),
        ("getWeather", {"location": "San Francisco"}),
    ]
    assert calls[0].opaque is not None
    assert calls[1].opaque is None
    assert answer.choices[0].reason == "tools"
    assert answer.usage == Usage(input=26, output=155, reasoning=132)


def test_recorded_web_search_cites_within_the_text():
    answer = fold(read_bytes(recorded("gemini/pai-google_model_web_search_tool_stream-0.sse").read_bytes()))
    choice = answer.choices[0]
    text = "".join(part.text for part in choice.parts if isinstance(part, Text))
    placed = [cited for _, cited in choice.citations if cited.start is not None and cited.end is not None]
    assert placed
    assert all(text[cited.start : cited.end] == cited.quote for cited in placed)


def test_the_reason_for_an_odd_end_is_told_in_the_providers_words_if_it_has_any():
    def finished(reason, **more):
        return next(event for event in read(frame({"text": "a"}, finish=reason, **more)) if isinstance(event, Finished))

    assert finished("SAFETY", finishMessage="blocked by policy") == Finished("filtered", detail="blocked by policy")
    assert finished("SAFETY") == Finished("filtered")
    assert finished("MALFORMED_FUNCTION_CALL") == Finished("broken_call", detail="MALFORMED_FUNCTION_CALL")
    assert finished("OTHER") == Finished("other", detail="OTHER")
    assert finished("STOP") == Finished("end")


def test_an_empty_signature_is_none():
    events = read(frame({"text": "a", "thoughtSignature": ""}, {"thoughtSignature": ""}, finish="STOP"))
    assert [type(event).__name__ for event in events] == ["Started", "TextDelta", "TextEnded", "Finished", "Ended"]


def test_media_come_with_bytes_or_with_an_address():
    events = read(
        frame(
            {"inlineData": {"mimeType": "audio/wav", "data": "AA=="}},
            {"inlineData": {"data": "AA=="}},
            {"fileData": {"mimeType": "image/webp", "fileUri": "https://x.test/a"}},
            {"fileData": {"fileUri": "https://x.test/b"}},
            {"inlineData": {"mimeType": "image/png", "data": "BB=="}, "thought": True},
            finish="STOP",
        )
    )
    assert [event for event in events if isinstance(event, MediaProduced)] == [
        MediaProduced("audio", Inline("audio/wav", "AA==")),
        MediaProduced("image", Inline("image/png", "AA==")),
        MediaProduced("image", Url("https://x.test/a", "image/webp")),
        MediaProduced("image", Url("https://x.test/b")),
    ]


def test_citations_beside_the_signature_that_ends_the_text_belong_to_that_text():
    metadata = {"groundingChunks": [{"web": {"uri": "https://a", "title": "A"}}]}
    last = frame({"text": "", "thoughtSignature": "c2ln"}, finish="STOP", groundingMetadata=metadata)
    events = read(frame({"text": "x"}), last)
    assert [type(event) for event in events[1:5]] == [TextDelta, Cited, TextEnded, Finished]
