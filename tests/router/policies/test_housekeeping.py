"""Which calls are for a title, a topic, a probe or a warm-up, and which only look like it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from router.call import Call, Caller
from router.policies.housekeeping import KINDS, UNTITLED, Housekept, Kind, answer_to
from tests.data import capture, captures

TITLE = "claude-code/14-tui-title-json-schema.json"


def title_request() -> dict[str, Any]:
    return dict(capture(TITLE)["body"])


def found_in(
    body: dict[str, Any], *kinds: Kind, client: str = "claude-cli/2.1.329", dialect: Any = "messages"
) -> Housekept | None:
    caller = Caller(key_id="k", key_name="k", client=client)
    call = Call(id="x", dialect=dialect, asked="m", stream=True, body=json.dumps(body).encode(), caller=caller)
    return answer_to(call, kinds or KINDS)


def told(body: dict[str, Any], **more: Any) -> str | None:
    found = found_in(body, "titles", **more)
    return None if found is None else str(json.loads(found.text)["title"])


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
    assert found_in(capture(name).get("body") or {}) is None


def test_other_clients_are_not_taken_for_it() -> None:
    assert told(title_request(), client="anthropic/1.0") is None
    assert told(title_request(), dialect="chat") is None


TOPIC = (
    "Analyze if this message indicates a new conversation topic. Format: 'isNewTopic' (boolean) and 'title' (string)."
)
ASKS = {"role": "user", "content": "please fix the login page now"}
CALLS: dict[Kind, dict[str, Any]] = {
    "topics": {"max_tokens": 512, "system": [{"type": "text", "text": TOPIC}], "messages": [ASKS]},
    "quota_probes": {"max_tokens": 1, "messages": [{"role": "user", "content": "quota"}]},
    "count_probes": {
        "max_tokens": 1,
        "tools": [{"name": "a", "input_schema": {"type": "object"}}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "count"}]}],
    },
    "warmups": {"max_tokens": 32_000, "system": "You plan.", "messages": [{"role": "user", "content": "Warmup"}]},
}
"""As older and newer versions of Claude Code send them."""


@pytest.mark.parametrize("kind", CALLS)
def test_each_kind_is_answered_where_it_is_wanted_and_no_other(kind: Kind) -> None:
    body = {"model": "m", **CALLS[kind]}
    found = found_in(body)
    assert found is not None and found.kind == kind
    assert found_in(body, kind) == found
    assert found_in(body, *(each for each in KINDS if each != kind)) is None
    assert found_in(body, client="anthropic/1.0") is None and found_in(body, dialect="chat") is None
    assert (found.cut, found.counted) == (kind in ("quota_probes", "count_probes"), kind == "count_probes")


def test_a_topic_has_a_short_title_and_goes_on_behind_what_was_put_into_its_mouth() -> None:
    found = found_in(CALLS["topics"])
    assert found is not None and json.loads(found.text) == {"isNewTopic": True, "title": "please fix the"}
    prefilled = {**CALLS["topics"], "messages": [ASKS, {"role": "assistant", "content": "{"}]}
    rest = found_in(prefilled)
    assert rest is not None and "{" + rest.text == found.text


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("topics", {"tools": [{"name": "a", "input_schema": {}}]}),
        ("topics", {"system": "You are helpful. isNewTopic"}),
        ("topics", {"messages": [ASKS, {"role": "assistant", "content": "No"}]}),
        ("topics", {"messages": [ASKS, {"role": "assistant", "content": "{"}, ASKS]}),
        ("topics", {"system": "nothing", "messages": [{"role": "user", "content": "what is isNewTopic, a title?"}]}),
        ("quota_probes", {"max_tokens": 100}),
        ("quota_probes", {"tools": [{"name": "a", "input_schema": {}}]}),
        ("quota_probes", {"messages": [{"role": "user", "content": "quota?"}]}),
        ("quota_probes", {"messages": [{"role": "assistant", "content": "quota"}]}),
        ("count_probes", {"max_tokens": 2}),
        ("count_probes", {"messages": [ASKS, {"role": "user", "content": "count"}]}),
        ("warmups", {"messages": [{"role": "user", "content": "Warmup the engine"}]}),
        (
            "warmups",
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "Warmup"}, {"type": "image"}]}]},
        ),
        ("warmups", {"messages": "Warmup"}),
    ],
)
def test_what_only_looks_like_it_goes_to_a_model(kind: Kind, change: dict[str, Any]) -> None:
    assert found_in({**CALLS[kind], **change}) is None
