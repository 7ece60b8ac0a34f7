"""Making pictures at OpenAI, Gemini and Imagen."""

from __future__ import annotations

from typing import Any

import pytest

from router.faults import Fault
from router.wire import images
from router.wire.images import ImageAnswer, ImageRequest, MadeImage

PROMPT = {"model": "m", "prompt": "a dog"}


def test_openai_to_openai_keeps_everything() -> None:
    body = {
        **PROMPT,
        "n": 2,
        "size": "1024x1536",
        "response_format": "b64_json",
        "quality": "high",
        "user": "u",
        "vendor": 0,
    }
    assert images.write_openai(images.read_openai(body)).body == body


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"prompt": None}, "prompt"),
        ({"model": None}, "model"),
        ({"n": 0}, "n"),
        ({"n": 11}, "n"),
        ({"size": "big"}, "size"),
        ({"size": "0x5"}, "size"),
        ({"response_format": "gif"}, "response_format"),
        ({"stream": 1}, "stream"),
    ],
)
def test_mistakes_name_their_path(wrong: dict[str, Any], path: str) -> None:
    with pytest.raises(Fault) as caught:
        images.read_openai({**PROMPT, **wrong})
    assert (caught.value.kind, caught.value.param) == ("bad_request", path)


def test_gemini_gets_one_call_per_picture() -> None:
    request = images.read_openai({**PROMPT, "n": 3, "size": "1792x1024", "quality": "high"})
    calls = images.write_gemini(request)
    assert len(calls) == 3
    assert calls[0].body == {
        "contents": [{"role": "user", "parts": [{"text": "a dog"}]}],
        "generationConfig": {"responseModalities": ["TEXT", "IMAGE"], "imageConfig": {"aspectRatio": "16:9"}},
    }
    assert [(note.action, note.what) for note in calls[0].notes] == [("dropped", "quality"), ("changed", "size")]
    plain = images.write_gemini(images.read_openai({**PROMPT, "size": "auto"}))[0].body
    assert "imageConfig" not in plain["generationConfig"]


@pytest.mark.parametrize(("size", "word"), [((1024, 1024), None), ((2048, 1024), "2K"), ((4096, 4096), "4K")])
def test_large_sizes_are_named(size: tuple[int, int], word: str | None) -> None:
    request = ImageRequest(model="m", prompt="p", size=size)
    config = images.write_gemini(request)[0].body["generationConfig"]["imageConfig"]
    assert config.get("imageSize") == word


@pytest.mark.parametrize(
    ("size", "ratio"),
    [((1024, 1024), "1:1"), ((1024, 1536), "2:3"), ((1536, 1024), "3:2"), ((100, 10), "21:9"), ((9, 16), "9:16")],
)
def test_the_nearest_ratio(size: tuple[int, int], ratio: str) -> None:
    assert images.aspect_ratio(size, images.GEMINI_RATIOS) == ratio


@pytest.mark.parametrize(("count", "counts"), [(1, [1]), (4, [4]), (10, [4, 4, 2])])
def test_imagen_makes_four_per_call(count: int, counts: list[int]) -> None:
    calls = images.write_imagen(ImageRequest(model="m", prompt="p", n=count, size=(768, 1024), output_format="jpeg"))
    assert [call.body["parameters"]["sampleCount"] for call in calls] == counts
    assert calls[0].body["parameters"]["aspectRatio"] == "3:4"
    assert calls[0].body["parameters"]["outputOptions"] == {"mimeType": "image/jpeg"}
    assert calls[0].body["instances"] == [{"prompt": "p"}]


def test_streams_are_refused_where_there_are_none() -> None:
    request = images.read_openai({**PROMPT, "stream": True})
    assert images.write_openai(request).body["stream"] is True
    for writer in (images.write_gemini, images.write_imagen):
        with pytest.raises(Fault) as caught:
            writer(request)
        assert caught.value.param == "stream"


def test_answers_of_all_three_are_read() -> None:
    openai = images.read_openai_reply(
        {"data": [{"b64_json": "AA", "revised_prompt": "r"}, {"url": "https://a.test"}], "usage": {"total_tokens": 3}}
    )
    assert openai == ImageAnswer(
        (MadeImage("AA", revised_prompt="r"), MadeImage(None, "https://a.test")), {"total_tokens": 3}
    )
    gemini = images.read_gemini_reply(
        {
            "candidates": [{"content": {"parts": [
                {"inlineData": {"mimeType": "image/png", "data": "draft"}, "thought": True},
                {"text": "Here"},
                {"inlineData": {"mimeType": "image/jpeg", "data": "AA"}},
            ]}}],
            "usageMetadata": {"promptTokenCount": 2, "candidatesTokenCount": 5, "thoughtsTokenCount": 1},
        }
    )  # fmt: skip
    assert gemini.images == (MadeImage("AA", media_type="image/jpeg"),)
    assert gemini.usage == {"input_tokens": 2, "output_tokens": 6, "total_tokens": 8}
    imagen = images.read_imagen_reply(
        {"predictions": [{"bytesBase64Encoded": "AA", "mimeType": "image/png"}, {"raiFilteredReason": "x"}]}
    )
    assert imagen.images == (MadeImage("AA"),)


def test_an_answer_without_pictures_says_why() -> None:
    cases: list[tuple[Any, dict[str, Any], str]] = [
        (images.read_gemini_reply, {"candidates": [{"content": {"parts": [{"text": "I will not"}]}}]}, "I will not"),
        (images.read_gemini_reply, {"promptFeedback": {"blockReason": "SAFETY"}}, "SAFETY"),
        (images.read_imagen_reply, {"predictions": [{"raiFilteredReason": "unsafe"}]}, "unsafe"),
    ]
    for reader, body, why in cases:
        with pytest.raises(Fault) as caught:
            reader(body)
        assert (caught.value.kind, why in caught.value.message) == ("bad_request", True)
    for reader in (images.read_openai_reply, images.read_gemini_reply, images.read_imagen_reply):
        with pytest.raises(Fault) as caught:
            reader({})
        assert caught.value.kind == "upstream_broken"


def test_answers_of_several_calls_are_joined() -> None:
    one = ImageAnswer((MadeImage("AA"),), {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3})
    assert images.joined([one, one]).usage == {"input_tokens": 2, "output_tokens": 4, "total_tokens": 6}
    assert [image.data for image in images.joined([one, one]).images] == ["AA", "AA"]
    assert images.joined([ImageAnswer((MadeImage("AA"),))]).usage is None


def test_a_url_without_a_store_is_a_data_url() -> None:
    answer = ImageAnswer(
        (MadeImage("AA", media_type="image/webp", revised_prompt="r"), MadeImage(None, "https://a.test")),
        {"total_tokens": 1},
    )
    request = images.read_openai({**PROMPT, "response_format": "url"})
    assert images.write_openai_reply(answer, request, 7) == {
        "created": 7,
        "data": [{"url": "data:image/webp;base64,AA", "revised_prompt": "r"}, {"url": "https://a.test"}],
        "usage": {"total_tokens": 1},
    }
    assert images.write_openai_reply(answer, images.read_openai(PROMPT), 7)["data"][0]["b64_json"] == "AA"
