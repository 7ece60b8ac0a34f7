"""One description of the models, three shapes of list."""

from __future__ import annotations

from typing import Any

import pytest

from router.faults import Fault
from router.wire import model_lists
from router.wire.model_lists import ModelInfo

MODELS = [
    ModelInfo(
        id="gpt-x", display_name="GPT X", owned_by="openai", created=1_700_000_000, context_window=1000, max_output=100
    ),
    ModelInfo(id="demo/think", demo=True, thinking=True),
    ModelInfo(id="embed", embeddings=True),
]


def test_openais_shape() -> None:
    reply = model_lists.openai_list(MODELS)
    assert reply["object"] == "list"
    assert reply["data"][0] == {
        "id": "gpt-x",
        "object": "model",
        "created": 1_700_000_000,
        "owned_by": "openai",
        "name": "GPT X",
        "context_length": 1000,
        "context_window": 1000,
        "max_output_tokens": 100,
    }
    assert reply["data"][1]["demo"] is True
    assert reply["data"][2] == {"id": "embed", "object": "model", "created": 0, "owned_by": "switchyard"}


def test_anthropics_shape() -> None:
    entry = model_lists.anthropic_model(MODELS[0])
    assert (entry["type"], entry["id"], entry["display_name"]) == ("model", "gpt-x", "GPT X")
    assert (entry["created_at"], entry["max_input_tokens"], entry["max_tokens"]) == ("2023-11-14T22:13:20Z", 1000, 100)
    assert model_lists.anthropic_model(MODELS[1])["capabilities"]["thinking"] == {"supported": True}


def test_a_demo_says_so_in_every_shape() -> None:
    demo = ModelInfo(id="x/echo", demo=True)
    assert model_lists.openai_model(demo)["name"] == "x/echo (demo)"
    assert model_lists.anthropic_model(demo)["display_name"] == "x/echo (demo)"
    assert model_lists.gemini_model(demo)["displayName"] == "x/echo (demo)"


def _ids(reply: dict[str, Any]) -> list[str]:
    return [entry["id"] for entry in reply["data"]]


def test_anthropics_pages_walk_forward_and_back() -> None:
    models = [ModelInfo(id=f"m{number}") for number in range(45)]
    first = model_lists.anthropic_list(models)
    assert (len(first["data"]), first["has_more"], first["first_id"], first["last_id"]) == (20, True, "m0", "m19")
    last = model_lists.anthropic_list(models, limit="1000", after_id="m19")
    assert (_ids(last)[0], len(last["data"]), last["has_more"]) == ("m20", 25, False)
    back = model_lists.anthropic_list(models, limit="5", before_id="m20")
    assert (_ids(back), back["has_more"]) == (["m15", "m16", "m17", "m18", "m19"], True)
    assert model_lists.anthropic_list(models, limit="5", before_id="m3")["has_more"] is False
    empty = model_lists.anthropic_list([])
    assert empty == {"data": [], "has_more": False, "first_id": None, "last_id": None}


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "1001"}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"after_id": "none"}, "after_id"),
        ({"before_id": "none"}, "before_id"),
        ({"after_id": "gpt-x", "before_id": "embed"}, "after_id"),
    ],
)
def test_wrong_pages_name_their_parameter(query: dict[str, str], path: str) -> None:
    with pytest.raises(Fault) as caught:
        model_lists.anthropic_list(MODELS, **query)
    assert (caught.value.kind, caught.value.param) == ("bad_request", path)


def test_geminis_shape_and_pages() -> None:
    first = model_lists.gemini_list(MODELS, page_size="2")
    assert [entry["name"] for entry in first["models"]] == ["models/gpt-x", "models/demo/think"]
    assert first["models"][0]["inputTokenLimit"] == 1000
    assert first["models"][0]["outputTokenLimit"] == 100
    assert first["models"][1]["thinking"] is True
    assert first["models"][0]["supportedGenerationMethods"] == [
        "generateContent",
        "streamGenerateContent",
        "countTokens",
    ]
    second = model_lists.gemini_list(MODELS, page_size="2", page_token=first["nextPageToken"])
    assert [entry["name"] for entry in second["models"]] == ["models/embed"]
    assert second["models"][0]["supportedGenerationMethods"] == ["embedContent", "batchEmbedContents"]
    assert "nextPageToken" not in second
    assert len(model_lists.gemini_list(MODELS, page_size="0")["models"]) == 3
    with pytest.raises(Fault) as caught:
        model_lists.gemini_list(MODELS, page_token="abc")
    assert caught.value.param == "pageToken"


def test_a_missing_model_is_named() -> None:
    fault = model_lists.missing("nope")
    assert (fault.kind, "nope" in fault.message) == ("not_found", True)
