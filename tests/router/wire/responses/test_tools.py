"""Tools of Responses callers and targets, declaration by declaration."""

from __future__ import annotations

from typing import Any

import pytest

from router.faults import Fault
from router.wire.capabilities import Capabilities
from router.wire.conversation import Tool, ToolChoice
from router.wire.events import Ended, Finished, Started
from router.wire.responses import SPEC
from router.wire.written import Note
from tests.router.wire.responses.builders import context, conversation, read, write, written

GRAMMAR = {"type": "grammar", "syntax": "lark", "definition": "start: /x/"}


def tool(declared: Any, **body: Any) -> Tool:
    [found] = read({"tools": [declared], **body}).tools
    return found


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        (
            {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True},
            Tool("f", "d", {"type": "object"}, True),
        ),
        (
            {"type": "function", "name": "f", "parameters": None, "x": 1},
            Tool("f", extra={"responses": {"rest": {"x": 1}}}),
        ),
        ({"type": "function", "function": {"name": "f", "description": "d"}}, Tool("f", "d")),
        (
            {"type": "custom", "name": "p", "description": "d", "format": GRAMMAR, "x": 1},
            Tool("p", "d", kind="custom", extra={"responses": {"format": GRAMMAR, "rest": {"x": 1}}}),
        ),
        ({"type": "custom", "name": "p"}, Tool("p", kind="custom")),
    ],
)
def test_functions_and_free_text_tools(declared: Any, expected: Tool) -> None:
    assert tool(declared) == expected


def test_a_web_search_has_neutral_settings() -> None:
    declared = {
        "type": "web_search_preview",
        "filters": {"allowed_domains": ["a.test"], "blocked_domains": ["b.test"]},
        "user_location": {"type": "approximate", "city": "Bern", "region": None},
        "search_context_size": "low",
    }
    found = tool(declared)
    assert (found.name, found.kind, found.optional) == ("web_search", "web_search", False)
    assert found.settings == {
        "allowed_domains": ["a.test"],
        "blocked_domains": ["b.test"],
        "user_location": {"city": "Bern"},
        "context_size": "low",
    }
    assert found.extra == {"responses": {"raw": declared}}
    assert tool({"type": "web_search"}).settings == {}


@pytest.mark.parametrize("kind", ["tool_search", "local_shell", "image_generation"])
def test_tools_that_are_listed_by_habit_may_be_left_out_unless_forced(kind: str) -> None:
    found = tool({"type": kind})
    assert (found.name, found.kind, found.optional) == (kind, "foreign", True)
    assert tool({"type": kind}, tool_choice={"type": kind}).optional is False
    allowed = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": kind}]}
    assert tool({"type": kind}, tool_choice=allowed).optional is False
    assert tool({"type": kind}, tool_choice="required").optional is True


def test_other_provider_tools_are_wanted() -> None:
    assert tool({"type": "web_search", "external_web_access": False}).optional is True
    found = tool({"type": "code_interpreter", "container": {"type": "auto"}})
    assert (found.name, found.kind, found.optional) == ("code_interpreter", "code", False)
    found = tool({"type": "mcp", "name": "docs"})
    assert (found.name, found.kind, found.optional) == ("docs", "foreign", False)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", ToolChoice("auto")),
        ("none", ToolChoice("none")),
        ("required", ToolChoice("any")),
        ({"type": "function", "name": "f"}, ToolChoice("tool", ("f",))),
        (
            {"type": "custom", "name": "f"},
            ToolChoice("tool", ("f",), extra={"responses": {"raw": {"type": "custom", "name": "f"}}}),
        ),
    ],
)
def test_choices_that_other_dialects_know(choice: Any, expected: ToolChoice) -> None:
    assert read({"tool_choice": choice}).tool_choice == expected


def test_choices_of_provider_tools_and_of_several() -> None:
    assert read({"tool_choice": None}).tool_choice is None
    search = {"type": "web_search_preview"}
    assert read({"tool_choice": search}).tool_choice == ToolChoice(
        "tool", ("web_search",), extra={"responses": {"raw": search}}
    )
    several = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}, {"type": "x"}]}
    assert read({"tool_choice": several}).tool_choice == ToolChoice(
        "allowed", ("f", "x"), required=True, extra={"responses": {"raw": several}}
    )


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"tools": {}}, "tools"),
    ({"tools": ["f"]}, "tools[0]"),
    ({"tools": [{}]}, "tools[0].type"),
    ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
    *(
        ({"tools": [{"type": "function", "name": "f", key: 5}]}, f"tools[0].{key}")
        for key in ("description", "parameters", "strict")
    ),
    ({"tools": [{"type": "custom"}]}, "tools[0].name"),
    ({"tools": [{"type": "custom", "name": "p", "format": "lark"}]}, "tools[0].format"),
    ({"tools": [{"type": "custom", "name": "p", "description": 5}]}, "tools[0].description"),
    ({"tools": [{"type": "namespace"}]}, "tools[0].name"),
    ({"tools": [{"type": "namespace", "name": "n", "tools": {}}]}, "tools[0].tools"),
    ({"tools": [{"type": "namespace", "name": "n", "tools": ["x"]}]}, "tools[0].tools[0]"),
    ({"tools": [{"type": "web_search", "filters": 5}]}, "tools[0].filters"),
    ({"tools": [{"type": "web_search", "user_location": 5}]}, "tools[0].user_location"),
    ({"tools": [{"type": "web_search", "search_context_size": 5}]}, "tools[0].search_context_size"),
    ({"input": [{"type": "additional_tools", "tools": {}}]}, "input[0].tools"),
    ({"input": [{"type": "additional_tools", "tools": ["x"]}]}, "input[0].tools[0]"),
    ({"tool_choice": 5}, "tool_choice"),
    ({"tool_choice": {}}, "tool_choice.type"),
    ({"tool_choice": {"type": "function"}}, "tool_choice.name"),
    ({"tool_choice": {"type": "allowed_tools", "tools": {}}}, "tool_choice.tools"),
    ({"tool_choice": {"type": "allowed_tools", "tools": ["x"]}}, "tool_choice.tools[0]"),
]


@pytest.mark.parametrize(("body", "path"), WRONG)
def test_a_wrong_declaration_is_a_400_at_its_path(body: dict[str, Any], path: str) -> None:
    with pytest.raises(Fault) as caught:
        read(body)
    assert (caught.value.kind, caught.value.param) == ("bad_request", path)


def test_searches_of_other_dialects_keep_what_the_api_knows() -> None:
    settings = {
        "allowed_domains": ["a.test"],
        "blocked_domains": ["b.test"],
        "max_uses": 3,
        "user_location": {"city": "Bern"},
        "context_size": "low",
    }
    asked = conversation(tools=(Tool("web_search", kind="web_search", settings=settings),))
    result = SPEC.write_request(asked, Capabilities())
    assert result.body["tools"] == [
        {
            "type": "web_search",
            "filters": {"allowed_domains": ["a.test"]},
            "user_location": {"type": "approximate", "city": "Bern"},
            "search_context_size": "low",
        }
    ]
    assert set(result.notes) == {Note("dropped", "web_search.blocked_domains"), Note("dropped", "web_search.max_uses")}
    fetch = SPEC.write_request(conversation(tools=(Tool("fetch", kind="web_fetch"),)), Capabilities())
    assert (fetch.body["tools"], fetch.notes) == ([{"type": "web_search"}], (Note("changed", "web_fetch"),))
    assert write(conversation(tools=(Tool("run", kind="code"),)))["tools"] == [
        {"type": "code_interpreter", "container": {"type": "auto"}}
    ]


def test_provider_tools_are_left_out_with_a_note_where_there_are_none_or_nobody_needs_them() -> None:
    asked = conversation(
        tools=(Tool("s", kind="web_search"), Tool("x", kind="foreign", optional=True), Tool("f", schema={}))
    )
    result = SPEC.write_request(asked, Capabilities(server_tools=False))
    assert [declared["name"] for declared in result.body["tools"]] == ["f"]
    assert set(result.notes) == {Note("dropped", "web_search"), Note("dropped", "x")}
    with pytest.raises(Fault) as caught:
        write(conversation(tools=(Tool("f"), Tool("x", kind="foreign"))))
    assert (caught.value.kind, caught.value.param) == ("bad_request", "tools[1]")


def test_grammars_of_chat_are_flat_here_and_told_in_words_where_there_are_none() -> None:
    nested = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: /x/"}}
    for extra in (
        {"chat": {"format": nested}},
        {"chat": {"custom": {"format": nested}}},
        {"responses": {"format": GRAMMAR}},
    ):
        asked = conversation(tools=(Tool("p", "d", kind="custom", extra=extra),))
        assert write(asked)["tools"] == [{"type": "custom", "name": "p", "description": "d", "format": GRAMMAR}]
        result = SPEC.write_request(asked, Capabilities(custom_tools=False))
        [declared] = result.body["tools"]
        assert declared["description"] == "d\n\nThe input must match this lark grammar:\nstart: /x/"
        assert (declared["type"], declared["name"], declared["strict"]) == ("function", "p", False)
        assert declared["parameters"]["required"] == ["input"]
        assert result.notes == (Note("emulated", "custom_tools"),)
        assert result.undo.custom == {"p"}
    assert write(conversation(tools=(Tool("p", kind="custom", extra={"chat": {"format": {"type": "text"}}}),)))[
        "tools"
    ] == [{"type": "custom", "name": "p", "format": {"type": "text"}}]
    assert write(conversation(tools=(Tool("p", kind="custom"),)))["tools"] == [{"type": "custom", "name": "p"}]


@pytest.mark.parametrize(
    ("body", "choice"),
    [
        ({}, "auto"),
        ({"tool_choice": "required"}, "required"),
        ({"tool_choice": {"type": "function", "name": "f"}}, {"type": "function", "name": "f"}),
        ({"tool_choice": {"type": "web_search"}}, {"type": "web_search"}),
    ],
)
def test_the_answer_repeats_the_choice_of_its_caller(body: dict[str, Any], choice: Any) -> None:
    tools = [{"type": "function", "name": "f", "description": "d", "parameters": {}, "strict": True}]
    asked = context({"tools": tools, **body})
    last = written([Started("up", "up"), Finished("end"), Ended()], asked)[-1]["response"]
    assert last["tool_choice"] == choice
    assert last["tools"] == tools


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (ToolChoice("tool", ("f",)), {"type": "function", "name": "f"}),
        (
            ToolChoice("allowed", ("f",), required=True),
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]},
        ),
        (
            ToolChoice("allowed", ("f",)),
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
        ),
    ],
)
def test_choices_of_other_dialects_have_the_same_form_in_requests_and_answers(
    choice: ToolChoice, expected: Any
) -> None:
    asked = conversation(tools=(Tool("f", schema={}),), tool_choice=choice)
    assert write(asked)["tool_choice"] == expected
    last = written([Started("up", "up"), Finished("end"), Ended()], context(request=asked))[-1]["response"]
    assert last["tool_choice"] == expected


def test_a_free_text_tool_without_such_tools_is_one_string() -> None:
    [declared] = write(conversation(tools=(Tool("p", kind="custom"),)), custom_tools=False)["tools"]
    assert declared["parameters"] == {
        "type": "object",
        "properties": {"input": {"type": "string"}},
        "required": ["input"],
        "additionalProperties": False,
    }


def test_words_about_the_text_that_have_no_field_are_kept_and_the_others_not_twice() -> None:
    asked = read({"text": {"format": {"type": "text"}, "verbosity": "low", "x": 1}})
    assert (asked.verbosity, asked.extra["responses"]["text"]) == ("low", {"x": 1})
    assert "text" not in read({"text": {"verbosity": "low"}}).extra.get("responses", {})


def test_the_answer_repeats_the_settings_of_its_caller_and_the_defaults_of_the_api() -> None:
    given = {"user": "u", "safety_identifier": "s", "max_tool_calls": 3, "truncation": "auto", "top_logprobs": 2}
    last = written([Started("up", "up"), Finished("end"), Ended()], context(given))[-1]["response"]
    assert {key: last[key] for key in given} == given
    bare = written([Started("up", "up"), Finished("end"), Ended()], context())[-1]["response"]
    assert {key: bare[key] for key in given} == {
        "user": None,
        "safety_identifier": None,
        "max_tool_calls": None,
        "truncation": "disabled",
        "top_logprobs": 0,
    }
    assert (bare["text"], bare["store"], bare["background"]) == (
        {"format": {"type": "text"}, "verbosity": "medium"},
        True,
        False,
    )
