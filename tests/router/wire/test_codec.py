from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.wire.codec import REMOVE, Malformed, dumps, dumps_text, loads, peek, replace_top_level, top_level
from tests.router.wire.strategies import json_values


@given(json_values())
def test_what_is_dumped_loads_again(value: object) -> None:
    assert loads(dumps(value)) == value
    assert json.loads(dumps(value)) == value


def test_key_order_and_non_ascii_are_kept() -> None:
    assert dumps({"z": 1, "a": "ü", "m": None}) == '{"z":1,"a":"ü","m":null}'.encode()
    assert list(loads(b'{"z":1,"a":2,"m":3}')) == ["z", "a", "m"]


@pytest.mark.parametrize("number", [2**53 + 1, 2**63, 2**64 + 7, -(2**70)])
def test_large_integers_stay_exact(number: int) -> None:
    assert loads(str(number).encode()) == number
    assert dumps({"n": number}) == b'{"n":%d}' % number


def test_lone_surrogates_go_through_both_ways() -> None:
    value = loads(b'{"text":"a\\ud83d"}')
    assert value == {"text": "a\ud83d"}
    assert dumps(value) == b'{"text":"a\\ud83d"}'
    assert dumps_text({"text": "\ude00"}) == '{"text":"\\ude00"}'


@pytest.mark.parametrize("text", [b"", b"{", b"nul", b'{"a":NaN}', b"\xff\xfe", b'{"a":1}x'])
def test_what_is_not_json_is_malformed(text: bytes) -> None:
    with pytest.raises(Malformed):
        loads(text)


def test_malformed_says_where_without_quoting_the_content() -> None:
    with pytest.raises(Malformed, match=r"line 2 column") as caught:
        loads(b'{"secret": "hunter2",\n oops}')
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("reader", [loads, peek, lambda data: replace_top_level(data, {"x": 1})])
def test_too_deep_nesting_is_malformed_not_a_crash(reader: object) -> None:
    deep = b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    with pytest.raises(Malformed):
        reader(deep)  # type: ignore[operator]


def test_peek_finds_model_and_stream_of_any_type() -> None:
    assert peek(b'{"messages":[1],"stream":true,"model":"m"}').model == "m"
    odd = peek(b'{"model":7,"stream":"yes"}')
    assert (odd.model, odd.stream) == (7, "yes")
    assert peek(b"{}").model is None


def test_peek_survives_lone_surrogates_and_refuses_other_values() -> None:
    assert peek(b'{"model":"m","text":"\\ud83d"}').model == "m"
    with pytest.raises(Malformed, match="object"):
        peek(b"[1]")


def test_replacing_keeps_the_bytes_of_all_other_values() -> None:
    body = b'{"big":12345678901234567890123,"f":1.0e2,"model":"a","t":"\\u00fc","gone":1}'
    replaced = replace_top_level(body, {"model": "b", "gone": REMOVE, "new": [1]})
    assert replaced == b'{"big":12345678901234567890123,"f":1.0e2,"model":"b","t":"\\u00fc","new":[1]}'


def test_replacing_takes_the_last_of_a_duplicated_key() -> None:
    assert replace_top_level(b'{"a":1,"a":2}', {"m": "x"}) == b'{"a":2,"m":"x"}'


def test_replacing_works_with_lone_surrogates() -> None:
    replaced = replace_top_level(b'{"t":"\\ud83d","model":"a","gone":1}', {"model": "b", "gone": REMOVE})
    assert json.loads(replaced) == {"t": "\ud83d", "model": "b"}


def test_replacing_takes_raw_values() -> None:
    assert replace_top_level(b'{"a":1}', {"a": msgspec.Raw(b'{"deep": 2}')}) == b'{"a":{"deep": 2}}'


@pytest.mark.parametrize("body", [b"[1]", b"{", b'"x"'])
def test_replacing_in_what_is_no_object_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        replace_top_level(body, {"a": 1})


@given(st.dictionaries(st.text(max_size=5), json_values(), max_size=4))
def test_replacing_nothing_changes_nothing(value: dict[str, object]) -> None:
    assert loads(replace_top_level(dumps(value), {})) == value


def test_one_top_level_value_is_found_without_the_rest() -> None:
    assert top_level(b'{"a":{"b":[1]},"c":2}', "a") == {"b": [1]}
    assert top_level(b'{"a":null,"c":2}', "a") is None
    assert top_level(b'{"c":2}', "a") is None
    assert top_level(b'{"t":"\\ud83d","a":3}', "a") == 3
    assert top_level(b"[1]", "a") is None
    for broken in (b"{", b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}"):
        with pytest.raises(Malformed):
            top_level(broken, "a")


def test_peek_finds_both_fields_beside_a_half_character_and_none_where_there_are_none() -> None:
    found = peek(b'{"stream":true,"model":"m","text":"\\ud83d"}')
    assert (found.model, found.stream) == ("m", True)
    assert (peek(b"{}").model, peek(b"{}").stream) == (None, None)


def test_texts_and_other_buffers_load_like_bytes() -> None:
    for data in ('{"t":"\\ud83d"}', bytearray(b'{"t":"\\ud83d"}'), memoryview(b'{"t":"\\ud83d"}')):
        assert loads(data) == {"t": "\ud83d"}


def test_a_key_that_is_absent_can_be_removed() -> None:
    assert replace_top_level(b'{"a":1}', {"b": REMOVE}) == b'{"a":1}'
    assert json.loads(replace_top_level(b'{"t":"\\ud83d"}', {"b": REMOVE})) == {"t": "\ud83d"}
