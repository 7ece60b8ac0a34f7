"""Which conversation a request belongs to: names that clients give, and what a conversation begins with."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.routing.sessions import HEADERS, LEAST, MOST, Known, known_by, session_header
from router.wire.conversation import Dialect

LONG = "careful" * 700


def known(body: Any, dialect: Dialect = "messages", **facts: Any) -> Known | None:
    given_ = {"key_id": "k", "asked": "m", "session": None, **facts}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return known_by(given_["key_id"], given_["asked"], dialect, data, given_["session"])


def own(body: Any, dialect: Dialect = "messages", **facts: Any) -> bytes:
    found = known(body, dialect, **facts)
    assert found is not None
    return found.own


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_of_the_client_names_its_session(name):
    assert session_header({name: " abc ", "other": "x"}) == "abc"
    assert session_header({name: "  "}) is None
    assert session_header({}) is None


def test_of_several_headers_the_surest_counts_and_none_is_longer_than_a_bound():
    assert session_header({"thread-id": "t", "session-id": "s"}) == "s"
    assert len(session_header({"session-id": "x" * 5000}) or "") == 512


def test_what_the_client_says_counts_in_this_order():
    cached = {"prompt_cache_key": "cache", "metadata": {"user_id": "user"}, "messages": []}
    header = own(cached, session="cache")
    assert header == own(cached)  # one name, wherever it stands
    assert own(cached, session="other") != header
    assert own({"metadata": {"user_id": "cache"}}) == header
    assert own({"prompt_cache_key": "user"}) == own({"metadata": {"user_id": "user"}})


@pytest.mark.parametrize(
    "user",
    [
        json.dumps({"device_id": "d" * 64, "account_uuid": "", "session_id": "0a1b2c3d-0000-4000-8000-123456789abc"}),
        "user_0123_account__session_0a1b2c3d-0000-4000-8000-123456789abc",
    ],
)
def test_claude_code_puts_its_session_beside_the_person(user):
    session = "0a1b2c3d-0000-4000-8000-123456789abc"
    assert own({"metadata": {"user_id": user}}) == own({}, session=session)


@pytest.mark.parametrize("value", [None, 5, "", " ", ["x"], {"user_id": 5}])
def test_a_name_that_is_none_is_passed_over(value):
    assert known({"prompt_cache_key": value, "metadata": value}) is None
    assert known({"metadata": {"user_id": value}}) is None


def test_sessions_are_of_one_key_and_one_model():
    body = {"prompt_cache_key": "x"}
    assert own(body) == own(body, asked="M")
    assert len({own(body), own(body, key_id="other"), own(body, asked="m2"), own(body, key_id="km", asked="")}) == 4


def messages(turns: list[Any]) -> dict[str, Any]:
    return {"system": LONG, "messages": turns}


def chat(turns: list[Any]) -> dict[str, Any]:
    return {"messages": [{"role": "system", "content": LONG}, *turns]}


def responses(turns: list[Any]) -> dict[str, Any]:
    return {"instructions": LONG, "input": turns}


def gemini(turns: list[Any]) -> dict[str, Any]:
    made = [
        {"role": {"user": "user"}.get(turn["role"], "model"), "parts": [{"text": turn["content"]}]} for turn in turns
    ]
    return {"systemInstruction": {"parts": [{"text": LONG}]}, "contents": made}


FORMS: dict[Dialect, Callable[[list[Any]], dict[str, Any]]] = {
    "messages": messages,
    "chat": chat,
    "responses": responses,
    "gemini": gemini,
}


def turns(count: int, last: str = "user") -> list[Any]:
    made = [{"role": ("user", "assistant")[at % 2], "content": f"turn {at}"} for at in range(count)]
    return [*made[:-1], {**made[-1], "role": last}]


@pytest.mark.parametrize("dialect", FORMS)
def test_a_request_that_goes_on_is_known_by_the_one_before_it(dialect):
    form = FORMS[dialect]
    first, second, third = (own(form(turns(count)), dialect) for count in (1, 3, 5))
    assert len({first, second, third}) == 3
    found = known(form(turns(5)), dialect)
    assert found is not None
    assert found.names == (third, second, first)


@pytest.mark.parametrize("dialect", FORMS)
def test_another_conversation_of_the_same_beginning_is_another_one(dialect):
    form = FORMS[dialect]
    other = [{"role": "user", "content": "quite another question"}]
    assert own(form(other), dialect) != own(form(turns(1)), dialect)
    found = known(form([*turns(1), *turns(2)[1:], *other]), dialect)
    assert found is not None
    assert own(form(turns(1)), dialect) in found.names  # a branch of it begins where it was left


@pytest.mark.parametrize("dialect", FORMS)
def test_a_short_beginning_is_never_enough(dialect):
    short = json.loads(json.dumps(FORMS[dialect](turns(3))).replace(LONG, "short"))
    assert known(short, dialect) is None
    padded = {**short, "tools": [{"description": LONG}]}  # many conversations have the same tools
    assert known(padded, dialect) is None


def test_a_beginning_counts_from_where_it_is_long_enough():
    text = "x" * (LEAST // 2)
    long_turns = [{"role": ("user", "assistant")[at % 2], "content": text + str(at)} for at in range(5)]
    found = known({"messages": long_turns})
    assert found is not None
    assert len(found.names) == 2  # the first one is too short


def test_what_a_client_writes_in_another_way_is_the_same_conversation():
    plain = {"system": LONG, "messages": [{"role": "user", "content": "hello"}]}
    marked = {
        "system": [
            {"type": "text", "text": "x-anthropic-billing-header: cch=12345;"},
            {"type": "text", "text": LONG, "cache_control": {"type": "ephemeral"}},
        ],
        "messages": [{"content": [{"text": "hello", "type": "text", "cache_control": {"type": "e"}}], "role": "user"}],
    }
    assert own(plain) == own(marked)


def test_thinking_that_is_left_out_later_changes_nothing():
    thought = {"type": "thinking", "thinking": "hm", "signature": "sig"}
    text = {"type": "text", "text": "answer"}

    def body(*blocks: Any) -> dict[str, Any]:
        return messages([*turns(1), {"role": "assistant", "content": list(blocks)}, {"role": "user", "content": "on"}])

    assert own(body(thought, text)) == own(body(text))
    assert own(body(text)) != own(body({"type": "text", "text": "another answer"}))


def test_what_tools_say_ends_a_beginning_too():
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c", "output": "42"}
    found = known(responses([{"role": "user", "content": "q"}, call, output]), "responses")
    assert found is not None
    assert len(found.names) == 2
    tool = {"role": "tool", "tool_call_id": "c", "content": "42"}
    told = known(chat([{"role": "user", "content": "q"}, {"role": "assistant", "content": "f"}, tool]), "chat")
    assert told is not None
    assert len(told.names) == 2


def test_a_plain_text_is_an_input_of_responses_too():
    assert own({"instructions": LONG, "input": "hello"}, "responses") == own(
        responses([{"role": "user", "content": "hello"}]), "responses"
    )


def test_a_very_long_conversation_is_looked_for_by_its_latest_beginnings():
    found = known(messages(turns(2 * MOST + 101)))
    assert found is not None
    assert len(found.names) == MOST
    assert found.names[0] == found.own


@pytest.mark.parametrize("body", [b"x" * 5000, b"[]" + b" " * 5000, b'{"messages": 5}' + b" " * 5000, b"{}", b""])
def test_what_is_no_conversation_is_known_by_nothing(body):
    assert known(body) is None


def test_a_body_beyond_the_bound_is_not_looked_into():
    assert known(messages([{"role": "user", "content": "x" * 9_000_000}])) is None
    assert known(messages([{"role": "user", "content": "x" * 9_000_000}]), session="s") is not None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just(LONG),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["role", "content", "text", "type", "parts", "output"]), inner, max_size=4)
    ),
)


@given(
    st.sampled_from(list(FORMS)),
    st.dictionaries(st.sampled_from(["system", "messages", "input", "contents", "metadata", "instructions"]), JSON),
)
def test_nothing_in_a_body_breaks_it_and_the_same_body_is_the_same_conversation(dialect, body):
    first = known(body, dialect)
    assert first == known(json.dumps(body, indent=2).encode(), dialect)
    assert first is None or first.own in first.names


def test_nesting_without_end_is_cut():
    deep: Any = "x" * LEAST
    for _ in range(200):
        deep = [deep]
    assert known({"messages": [{"role": "user", "content": deep}]}) is None
