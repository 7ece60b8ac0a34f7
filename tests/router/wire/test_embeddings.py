"""Embeddings between OpenAI's and Gemini's forms."""

from __future__ import annotations

import base64
import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.faults import Fault
from router.wire import embeddings
from router.wire.embeddings import EmbeddingAnswer, EmbeddingRequest
from tests.data import capture

REQUEST = EmbeddingRequest(model="m", inputs=("a", "bcd"))


def test_captured_requests() -> None:
    openai = embeddings.read_openai(capture("openai-py/15-embeddings.json")["body"])
    assert openai == EmbeddingRequest(model="text-embedding-3-small", inputs=("a", "b"), encoding="base64")
    body = capture("genai-py/09-embed.json")["body"]
    assert embeddings.read_gemini_batch(body, "gemini-embedding-001").inputs == ("a", "b")


@pytest.mark.parametrize(
    ("value", "inputs"),
    [("a", ("a",)), (["a", "b"], ("a", "b")), ([1, 2], ((1, 2),)), ([[1], [2, 3]], ((1,), (2, 3))), ("", ("",))],
)
def test_inputs_of_every_shape(value: Any, inputs: Any) -> None:
    request = embeddings.read_openai({"model": "m", "input": value})
    assert request.inputs == inputs
    assert embeddings.read_openai(embeddings.write_openai(request).body).inputs == inputs


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": [True]}, "input[0]"),
        ({"input": ["a", 5]}, "input[1]"),
        ({"input": ["a"] * 2049}, "input"),
        ({"encoding_format": "hex"}, "encoding_format"),
        ({"dimensions": 0}, "dimensions"),
        ({"model": None}, "model"),
    ],
)
def test_mistakes_name_their_path(wrong: dict[str, Any], path: str) -> None:
    with pytest.raises(Fault) as caught:
        embeddings.read_openai({"model": "m", "input": "a", **wrong})
    assert (caught.value.kind, caught.value.param) == ("bad_request", path)


def test_openai_to_gemini() -> None:
    request = embeddings.read_openai({"model": "gem", "input": ["a", "b"], "dimensions": 2, "user": "u"})
    written = embeddings.write_gemini(request)
    assert written.body == {
        "requests": [
            {"model": "models/gem", "content": {"parts": [{"text": text}]}, "outputDimensionality": 2} for text in "ab"
        ]
    }
    assert [note.what for note in written.notes] == ["user"]
    assert embeddings.read_gemini_batch(written.body, "gem").inputs == ("a", "b")


def test_token_ids_to_gemini_are_refused() -> None:
    with pytest.raises(Fault) as caught:
        embeddings.write_gemini(EmbeddingRequest(model="m", inputs=((1, 2),)))
    assert caught.value.param == "input"


def test_gemini_to_openai() -> None:
    body = {
        "content": {"parts": [{"text": "a"}, {"text": "b"}]},
        "task_type": "RETRIEVAL_QUERY",
        "outputDimensionality": 3,
    }
    request = embeddings.read_gemini(body, "m")
    assert request == EmbeddingRequest(model="m", inputs=("ab",), dimensions=3, task_type="RETRIEVAL_QUERY")
    written = embeddings.write_openai(request)
    assert written.body == {"model": "m", "input": ["ab"], "encoding_format": "float", "dimensions": 3}
    assert [note.what for note in written.notes] == ["task_type"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "requests"),
        ({"requests": []}, "requests"),
        ({"requests": [{}]}, "requests[0].content"),
        ({"requests": [{"content": {"parts": [{"inlineData": {}}]}}]}, "requests[0].content.parts[0]"),
        (
            {"requests": [{"content": {"parts": []}}, {"content": {"parts": []}, "outputDimensionality": 5}]},
            "requests[1]",
        ),
    ],
)
def test_mistakes_in_gemini_batches_name_their_path(body: dict[str, Any], path: str) -> None:
    with pytest.raises(Fault) as caught:
        embeddings.read_gemini_batch(body, "m")
    assert caught.value.param == path


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=20))
def test_base64_is_little_endian_float32(values: list[float]) -> None:
    text = embeddings.encode(values)
    assert base64.b64decode(text) == b"".join(struct.pack("<f", value) for value in values)
    assert list(embeddings.decode(text)) == values


def test_openai_answers_in_either_encoding_and_any_order() -> None:
    body = {
        "data": [
            {"index": 1, "embedding": embeddings.encode([0.5])},
            {"index": 0, "embedding": [1, 2.0]},
        ],
        "usage": {"prompt_tokens": 0},
    }
    assert embeddings.read_openai_reply(body) == EmbeddingAnswer(((1.0, 2.0), (0.5,)), 0)


@pytest.mark.parametrize(
    "body", [{}, {"data": None}, {"data": [{}]}, {"data": [{"embedding": "!"}]}, {"data": [{"embedding": "AAA="}]}]
)
def test_broken_answers_are_the_providers_fault(body: dict[str, Any]) -> None:
    with pytest.raises(Fault) as caught:
        embeddings.read_openai_reply(body)
    assert caught.value.kind == "upstream_broken"
    with pytest.raises(Fault):
        embeddings.read_gemini_reply(body, REQUEST)


def test_gemini_answers_are_normalised_where_a_size_was_asked_for() -> None:
    body = {"embeddings": [{"values": [3, 4]}, {"values": [0, 0]}]}
    assert embeddings.read_gemini_reply(body, REQUEST).vectors == ((3.0, 4.0), (0.0, 0.0))
    reduced = EmbeddingRequest(model="m", inputs=("a", "b"), dimensions=2)
    first, second = embeddings.read_gemini_reply(body, reduced).vectors
    assert math.isclose(math.hypot(*first), 1.0)
    assert second == (0.0, 0.0)
    assert embeddings.read_gemini_reply({"embedding": {"values": [1]}}, REQUEST).vectors == ((1.0,),)


def test_answers_are_written_as_asked() -> None:
    answer = EmbeddingAnswer(((0.5, 1.0), (2.0, 3.0)), 4)
    reply = embeddings.write_openai_reply(answer, REQUEST, "shown")
    assert reply["data"][1] == {"object": "embedding", "index": 1, "embedding": [2.0, 3.0]}
    assert (reply["object"], reply["model"], reply["usage"]) == (
        "list",
        "shown",
        {"prompt_tokens": 4, "total_tokens": 4},
    )
    packed = embeddings.write_openai_reply(
        answer, EmbeddingRequest(model="m", inputs=("a", "b"), encoding="base64"), "m"
    )
    assert packed["data"][0]["embedding"] == embeddings.encode([0.5, 1.0])
    assert embeddings.write_gemini_reply(answer) == {"embedding": {"values": [0.5, 1.0]}}
    assert embeddings.write_gemini_batch_reply(answer)["embeddings"][1] == {"values": [2.0, 3.0]}


def test_uncounted_tokens_are_estimated_never_zero() -> None:
    assert embeddings.input_tokens(REQUEST, EmbeddingAnswer(())) == 2
    assert embeddings.input_tokens(EmbeddingRequest(model="m", inputs=((1, 2, 3),)), EmbeddingAnswer(())) == 3
    assert embeddings.input_tokens(REQUEST, EmbeddingAnswer((), 0)) == 0
