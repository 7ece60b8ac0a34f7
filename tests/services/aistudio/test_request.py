"""A Gemini request becomes what has to be done on the page."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from router.faults import Fault
from services.aistudio import request
from services.aistudio.panel import JSON_ONLY
from services.aistudio.request import Job


def read(*parts: Any, **more: Any) -> Job:
    return request.read("gemini-2.5-flash", {"contents": [{"role": "user", "parts": list(parts)}], **more})


def config(**given: Any) -> Job:
    return read({"text": "hi"}, generationConfig=given)


@pytest.mark.parametrize(
    "name", ["gemini-2.5-flash", "models/gemini-2.5-flash", "gemini-2.5-flash-aistudio", "ai-studio-gemini-2.5-flash"]
)
def test_every_way_to_name_a_model_means_the_pages_own_name(name: str) -> None:
    assert request.model_name(name) == "gemini-2.5-flash"


@pytest.mark.parametrize("name", ["", "../x", "a b", "A", "x" * 101])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(Fault) as caught:
        request.model_name(name)
    assert caught.value.param == "model"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "contents"),
        ({"contents": []}, "contents"),
        ({"contents": [{"parts": [{"text": "  "}]}]}, "contents"),
        ({"contents": [{"parts": "x"}]}, "contents[0]"),
        ({"contents": [{"parts": [{"fileData": {"fileUri": "file:///etc/passwd"}}]}]}, "contents[0].parts[0].fileData"),
        (
            {"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": "%"}}]}]},
            "contents[0].parts[0].inlineData.data",
        ),
        (
            {"contents": [{"parts": [{"inlineData": {"mimeType": "x/../y", "data": ""}}]}]},
            "contents[0].parts[0].inlineData.mimeType",
        ),
        (
            {"contents": [{"parts": [{"text": "x"}]}], "generationConfig": {"temperature": 3}},
            "generationConfig.temperature",
        ),
        (
            {"contents": [{"parts": [{"text": "x"}]}], "generationConfig": {"maxOutputTokens": "many"}},
            "generationConfig.maxOutputTokens",
        ),
    ],
)
def test_mistakes_name_their_place(body: dict[str, Any], param: str) -> None:
    with pytest.raises(Fault) as caught:
        request.read("gemini-2.5-flash", body)
    assert (caught.value.kind, caught.value.param) == ("bad_request", param)


def test_a_file_goes_as_data_under_a_name_of_ours() -> None:
    job = read({"inlineData": {"mimeType": "application/pdf", "data": base64.b64encode(b"%PDF").decode()}})
    assert [(each.name, each.data) for each in job.uploads] == [("file-1.pdf", b"%PDF")]


def test_thoughts_of_before_are_left_out_and_calls_are_told() -> None:
    contents = [
        {"role": "user", "parts": [{"text": "weather?"}]},
        {
            "role": "model",
            "parts": [{"text": "hm", "thought": True}, {"functionCall": {"name": "look", "args": {"at": "sky"}}}],
        },
        {"role": "user", "parts": [{"functionResponse": {"name": "look", "response": {"output": "blue"}}}]},
    ]
    job = request.read("gemini-2.5-flash", {"contents": contents})
    assert "hm" not in job.prompt
    assert '[Call of the function look: {"at": "sky"}]' in job.prompt
    assert '[Result of the function look: {"output": "blue"}]' in job.prompt
    assert job.before is None


def test_a_conversation_that_ends_with_the_model_is_continued() -> None:
    contents = [{"role": "user", "parts": [{"text": "a"}]}, {"role": "model", "parts": [{"text": "b"}]}]
    assert request.read("gemini-2.5-flash", {"contents": contents}).prompt.endswith("Continue.")


def test_the_digest_of_an_answered_chat_is_the_one_that_the_next_request_looks_for() -> None:
    first = {"contents": [{"role": "user", "parts": [{"text": "a"}]}], "systemInstruction": {"parts": [{"text": "s"}]}}
    more = [{"role": "model", "parts": [{"text": "b"}]}, {"role": "user", "parts": [{"text": "c"}]}]
    one = request.read("gemini-2.5-flash", first)
    two = request.read("gemini-2.5-flash", {**first, "contents": [*first["contents"], *more]})
    assert request.extended(request.turns_of(first), "b", one.panel) == two.before
    assert request.extended(request.turns_of(first), "other", one.panel) != two.before


@pytest.mark.parametrize(
    ("thinking", "expected"),
    [
        ({}, (None, None, None)),
        ({"thinkingBudget": -1}, (None, None, None)),
        ({"thinkingBudget": 0}, (False, None, None)),
        ({"thinkingBudget": 512}, (True, 512, None)),
        ({"thinkingLevel": "HIGH"}, (None, None, "High")),
    ],
)
def test_thinking_is_off_automatic_or_so_much(thinking: dict[str, Any], expected: tuple[Any, ...]) -> None:
    panel = config(thinkingConfig=thinking).panel
    assert (panel.thinking, panel.budget, panel.level) == expected


def test_google_tools_beside_functions_are_told_as_not_applied() -> None:
    job = read({"text": "hi"}, tools=[{"functionDeclarations": [{"name": "f"}]}, {"googleSearch": {}}, {"other": {}}])
    assert json.loads(job.panel.functions or "") == [{"name": "f"}]
    assert job.panel.search is False
    assert job.notes == ("tools.other", "tools.googleSearch")


def test_json_without_a_schema_is_asked_for_in_words() -> None:
    job = config(responseMimeType="application/json")
    assert job.panel.system == JSON_ONLY
    assert job.notes == ("generationConfig.responseMimeType",)


def test_unknown_knobs_are_told() -> None:
    assert config(topK=4, seed=1, candidateCount=2).notes == (
        "generationConfig.topK",
        "generationConfig.seed",
        "generationConfig.candidateCount",
    )


def test_names_in_snake_case_mean_the_same_as_googles_own_sdk_sends_them() -> None:
    data = base64.b64encode(b"x").decode()
    declared = [{"name": "f", "parameters_json_schema": {"type": "object", "properties": {"a_b": {"type": "string"}}}}]
    job = read(
        {"text": "hi"},
        {"inline_data": {"mime_type": "image/png", "data": data}},
        system_instruction={"parts": [{"text": "s"}]},
        generation_config={"max_output_tokens": 5, "thinking_config": {"include_thoughts": True, "thinking_budget": 9}},
        tools=[{"function_declarations": declared}],
        tool_config={"function_calling_config": {"mode": "ANY", "allowed_function_names": ["f"]}},
    )
    assert (job.thoughts, job.panel.budget, job.panel.max_tokens) == (True, 9, 5)
    assert job.panel.system == "s\n\nYou must answer by calling one of these functions: f."
    assert [each.media_type for each in job.uploads] == ["image/png"]
    declaration = json.loads(job.panel.functions or "")[0]
    assert declaration == {"name": "f", "parameters": declared[0]["parameters_json_schema"]}
