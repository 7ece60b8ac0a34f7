"""Gemini's dialect in Code Assist's envelope, and out of it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from router.providers.protocol import Outgoing, fitted_bytes
from router.providers.subscriptions.code_assist import RULES, unwrap, wrap
from router.secret import Secret

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def wrapped(body: Any, *, operation: Any = "generate") -> Any:
    outgoing = Outgoing(
        operation=operation,
        dialect="gemini",
        model='a "model"',
        stream=True,
        body=body if isinstance(body, bytes) else json.dumps(body).encode(),
        base_url="https://x",
        credential=Secret("t"),
        facts={"project_id": "p"},
    )
    return wrap(outgoing)


def test_the_callers_bytes_stand_inside_as_they_are() -> None:
    own = b'{"contents" : [ {"role":"user","parts":[{"text":"h\\u00e9"}]} ],"x":1.0}'
    assert wrapped(own) == b'{"model":"a \\"model\\"","project":"p","request":' + own + b"}"


@given(VALUES)
def test_what_goes_into_an_envelope_comes_out_of_one(value: Any) -> None:
    for separators in ((",", ":"), (", ", ": ")):
        text = json.dumps({"traceId": "t", "response": value, "x": 1}, separators=separators).encode()
        if value is not None:
            assert json.loads(unwrap(text)) == value


@given(st.binary() | VALUES.map(lambda value: json.dumps({"error": value}).encode()))
def test_what_has_no_envelope_stays_as_it_is(data: bytes) -> None:
    if b"response" not in data:
        assert unwrap(data) == data


def test_half_a_surrogate_pair_does_not_keep_an_answer_in_its_envelope() -> None:
    assert unwrap(b'{"response":{"a":"\\ud83d"},"traceId":"t"}') == b'{"a":"\\ud83d"}'


def test_the_session_lasts_as_long_as_the_conversation() -> None:
    def session(body: Any) -> str:
        return str(json.loads(fitted_bytes(json.dumps(body).encode(), RULES)[0])["session_id"])

    one, two = ({"role": "user", "parts": [{"text": text}]} for text in ("a", "b"))
    first = session({"contents": [one]})
    assert session({"contents": [one, two], "tools": []}) == first
    assert session({"contents": [two]}) != first
    assert session({"contents": [one], "systemInstruction": {"parts": []}}) != first
    assert session({"contents": None})


@given(VALUES)
def test_no_body_is_too_odd_to_be_counted(value: Any) -> None:
    for body in (
        value,
        {"contents": value},
        {"systemInstruction": value, "contents": [value]},
        {"system_instruction": {"parts": value}},
    ):
        assert "contents" in json.loads(wrapped(body, operation="count_tokens"))["request"]


def test_a_count_takes_instructions_and_tools_for_contents_as_it_knows_nothing_else() -> None:
    hello = {"role": "user", "parts": [{"text": "hi"}]}
    bare = json.loads(wrapped({"contents": [hello]}, operation="count_tokens"))
    assert bare == {"request": {"model": 'models/a "model"', "contents": [hello]}}
    asked = {"contents": [hello], "systemInstruction": {"parts": [{"text": "s"}]}, "tools": [{"x": 1}]}
    for body in (asked, {"generateContentRequest": {"model": "models/m", **asked}}):
        request = json.loads(wrapped(body, operation="count_tokens"))["request"]
        assert request["contents"] == [{"role": "user", "parts": [{"text": "s"}, {"text": '[{"x":1}]'}]}, hello]
