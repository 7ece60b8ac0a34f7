"""Which calls are for a title, and which only look like it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from router.call import Call, Caller
from router.policies.housekeeping import UNTITLED, title_of
from tests.data import capture, captures

TITLE = "claude-code/14-tui-title-json-schema.json"


def title_request() -> dict[str, Any]:
    return dict(capture(TITLE)["body"])


def told(body: dict[str, Any], *, client: str = "claude-cli/2.1.329", dialect: Any = "messages") -> str | None:
    caller = Caller(key_id="k", key_name="k", client=client)
    found = title_of(
        Call(id="x", dialect=dialect, asked="m", stream=True, body=json.dumps(body).encode(), caller=caller)
    )
    return None if found is None else str(json.loads(found)["title"])


def said(text: Any) -> dict[str, Any]:
    return {**title_request(), "messages": [{"role": "user", "content": text}]}


def test_the_captured_request_gets_its_first_words() -> None:
    assert told(title_request()) == "TOOLTEST please run cat marker.txt"


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("<session>\n\n  one two three four five six seven\nmore\n</session> rest", "one two three four five six"),
        ("<session></session>", UNTITLED),
        ("plain", "plain"),
        ("x" * 200, "x" * 60),
        ([{"type": "text", "text": "<session>a"}, {"type": "text", "text": "b</session>"}], "a"),
    ],
)
def test_a_title_is_short(text: Any, title: str) -> None:
    assert told(said(text)) == title


@pytest.mark.parametrize(
    "change",
    [
        {"tools": [{"name": "a", "input_schema": {}}]},
        {"tools": None},
        {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
        {"messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}]},
        {"output_config": {"format": {"type": "json_schema", "schema": {"properties": {"title": {}, "body": {}}}}}},
        {"output_config": {"effort": "low"}, "note": '"json_schema" "title"'},
    ],
)
def test_what_asks_for_more_is_no_call_for_a_title(change: dict[str, Any]) -> None:
    assert told({**title_request(), **change}) is None


@pytest.mark.parametrize("name", [name for name in captures("claude-code") if name != TITLE])
def test_no_other_call_of_the_client_is_taken_for_one(name: str) -> None:
    assert told(capture(name).get("body") or {}) is None


def test_other_clients_are_not_taken_for_it() -> None:
    assert told(title_request(), client="anthropic/1.0") is None
    assert told(title_request(), dialect="chat") is None
