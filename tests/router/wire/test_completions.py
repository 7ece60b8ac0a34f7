"""The legacy completions endpoint."""

from __future__ import annotations

import json
from typing import Any

import pytest

from router.faults import Fault
from router.wire.completions import CompletionsStreamWriter, legacy_logprobs, read_request, write_reply
from router.wire.conversation import Text, Turn
from router.wire.dialect import ReplyContext
from router.wire.events import (
    Ended,
    Event,
    Failed,
    Finished,
    Started,
    TextDelta,
    ThinkingDelta,
    ThinkingEnded,
    Usage,
    UsageReported,
)
from router.wire.fold import fold

LOGPROBS = {"content": [{"token": "Hi", "logprob": -0.5, "top_logprobs": [{"token": "Ho", "logprob": -1.0}]}]}


def context(**keys: Any) -> ReplyContext:
    request = read_request({"model": "m", "prompt": "Say: ", **keys})
    return ReplyContext(response_id="cmpl-1", model="m", created=7, request=request)


def written(*events: Event, **keys: Any) -> list[Any]:
    writer = CompletionsStreamWriter(context(**keys))
    frames = [frame for event in events for frame in writer.feed(event)]
    return ["[DONE]" if frame == b"data: [DONE]\n\n" else json.loads(frame[6:]) for frame in frames]


def test_a_prompt_is_one_user_turn() -> None:
    for prompt in ("Say: ", ["Say: "]):
        conversation = read_request(
            {"model": "m", "prompt": prompt, "max_tokens": 5, "stop": "\n", "temperature": 0, "logprobs": 2, "n": 2}
        )
        assert conversation.turns == (Turn("user", (Text("Say: "),)),)
        assert (conversation.max_tokens, conversation.stop, conversation.sampling.temperature) == (5, ("\n",), 0)
        assert (conversation.logprobs, conversation.n, conversation.dialect) == (2, 2, "chat")


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"prompt": None}, "prompt"),
        ({"prompt": ["a", "b"]}, "prompt"),
        ({"prompt": [1, 2]}, "prompt"),
        ({"prompt": 5}, "prompt"),
        ({"suffix": "end"}, "suffix"),
        ({"best_of": 3}, "best_of"),
        ({"stop": ["a", 1]}, "stop[1]"),
        ({"model": None}, "model"),
        ({"max_tokens": 0}, "max_tokens"),
    ],
)
def test_what_chat_models_cannot_do_is_refused_with_the_path(wrong: dict[str, Any], path: str) -> None:
    with pytest.raises(Fault) as caught:
        read_request({"model": "m", "prompt": "a", **wrong})
    assert (caught.value.kind, caught.value.param) == ("bad_request", path)


def test_harmless_values_of_the_same_keys_pass() -> None:
    conversation = read_request({"model": "m", "prompt": "a", "suffix": "", "best_of": 2, "n": 2, "echo": False})
    assert (conversation.n, conversation.extra) == (2, {})


def test_a_whole_answer() -> None:
    events = [
        Started(),
        ThinkingDelta("x"),
        ThinkingEnded(),
        TextDelta("Hi"),
        UsageReported(Usage(input=1, output=2)),
        Finished("length"),
        Ended(),
    ]
    reply = write_reply(fold(events), context(echo=True))
    assert (reply["object"], reply["id"], reply["created"], reply["model"]) == ("text_completion", "cmpl-1", 7, "m")
    assert reply["choices"] == [{"text": "Say: Hi", "index": 0, "logprobs": None, "finish_reason": "length"}]
    assert reply["usage"]["total_tokens"] == 3


def test_log_probabilities_in_the_legacy_shape() -> None:
    reply = write_reply(fold([TextDelta("Hi", logprobs=LOGPROBS), Finished("end"), Ended()]), context())
    assert reply["choices"][0]["logprobs"] == {
        "tokens": ["Hi"],
        "token_logprobs": [-0.5],
        "top_logprobs": [{"Ho": -1.0}],
        "text_offset": [0],
    }


def test_a_stream() -> None:
    chunks = written(
        Started(),
        ThinkingDelta("x"),
        TextDelta("Hi"),
        TextDelta("!", logprobs=LOGPROBS),
        UsageReported(Usage(input=1, output=2)),
        Finished("end"),
        Ended(),
        echo=True,
        stream_options={"include_usage": True},
    )
    assert [chunk["choices"][0]["text"] for chunk in chunks[:4]] == ["Say: ", "Hi", "!", ""]
    assert chunks[2]["choices"][0]["logprobs"]["text_offset"] == [7]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[:4]] == [None, None, None, "stop"]
    assert all(chunk["object"] == "text_completion" and chunk["usage"] is None for chunk in chunks[:4])
    assert (chunks[4]["choices"], chunks[4]["usage"]["total_tokens"], chunks[5]) == ([], 3, "[DONE]")


def test_every_choice_is_finished_once_and_nothing_follows() -> None:
    chunks = written(
        Started(),
        TextDelta("a"),
        TextDelta("b", 1),
        Finished("length", choice=1),
        TextDelta("late", 1),
        Ended(),
        TextDelta("later"),
    )
    finishes = [(c["choices"][0]["index"], c["choices"][0]["finish_reason"]) for c in chunks[:-1]]
    assert finishes == [(0, None), (1, None), (1, "length"), (0, "stop")]
    assert chunks[-1] == "[DONE]"
    assert written(Ended())[0]["choices"][0]["finish_reason"] == "stop"


def test_a_failure_is_an_error_without_done() -> None:
    chunks = written(Started(), TextDelta("a"), Failed(Fault("timeout", "silence")), Ended())
    assert chunks[-1]["error"]["message"] == "silence"


def test_legacy_log_probabilities_stand_where_their_tokens_begin() -> None:
    content: list[Any] = [
        {"token": "ab", "logprob": -0.1, "top_logprobs": [{"token": "ab", "logprob": -0.1}, {"token": "x"}]},
        {"logprob": -0.5},
        "odd",
        {"token": "c", "logprob": -0.2, "top_logprobs": None},
    ]
    assert legacy_logprobs({"content": content}, 3) == {
        "tokens": ["ab", "", "c"],
        "token_logprobs": [-0.1, -0.5, -0.2],
        "top_logprobs": [{"ab": -0.1, "x": None}, {}, {}],
        "text_offset": [3, 5, 5],
    }
    assert legacy_logprobs({"content": None}, 0) == {
        "tokens": [],
        "token_logprobs": [],
        "top_logprobs": [],
        "text_offset": [],
    }
    assert legacy_logprobs(None, 0) is None
