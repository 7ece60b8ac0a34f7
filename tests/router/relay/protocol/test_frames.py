from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.relay.protocol.frames import CLOSE_CODES, Frame, ProtocolError, decode, encode, size_of

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(max_size=8), JSON, max_size=5)


@given(st.text(), st.text(), OBJECTS)
def test_a_frame_comes_back_as_it_was(call: str, kind: str, payload: dict[str, object]) -> None:
    assert decode(encode(Frame(call, kind, payload))) == Frame(call, kind, payload)


@given(JSON)
def test_any_json_is_a_frame_or_a_protocol_error(value: object) -> None:
    try:
        frame = decode(json.dumps(value))
    except ProtocolError as error:
        assert error.mistake in ("malformed", "wrong_type")
    else:
        assert isinstance(value, dict)
        assert frame.type == value["type"]


@given(st.text(max_size=200))
def test_any_text_is_a_frame_or_a_protocol_error(text: str) -> None:
    try:
        decode(text)
    except ProtocolError as error:
        assert error.close_code == CLOSE_CODES[error.mistake]


@pytest.mark.parametrize("text", ['{"type":"stream_end"}', '{"type":"stream_end","id":null,"payload":null}'])
def test_what_is_missing_counts_as_empty(text: str) -> None:
    assert decode(text) == Frame("", "stream_end", {})


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("", "malformed"),
        ("{", "malformed"),
        ("[]", "malformed"),
        ("[" * 100_000, "malformed"),
        ("{}", "wrong_type"),
        ('{"type":1}', "wrong_type"),
        ('{"type":"x","id":7}', "wrong_type"),
        ('{"type":"x","payload":[]}', "wrong_type"),
    ],
)
def test_mistakes_are_told_apart(text: str, mistake: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        decode(text)
    assert caught.value.mistake == mistake


def test_a_message_that_is_too_large_is_not_even_read() -> None:
    text = encode(Frame("1", "x", {"data": "y" * 100}))
    assert decode(text, limit=len(text)).id == "1"
    with pytest.raises(ProtocolError, match=f"at most {len(text) - 1} are taken") as caught:
        decode(text, limit=len(text) - 1)
    assert (caught.value.mistake, caught.value.close_code) == ("too_large", 1009)


def test_an_error_never_quotes_what_was_sent() -> None:
    with pytest.raises(ProtocolError) as caught:
        decode('{"type":"x","id":["sk-secret-canary"]}')
    assert "canary" not in str(caught.value)


@given(st.text())
def test_the_size_is_that_of_the_bytes(text: str) -> None:
    assert size_of(text) == len(text.encode("utf-8"))
