"""A Responses body as the back end of Codex takes it."""

from __future__ import annotations

from typing import Any

import pytest

from router.faults import Fault
from router.providers.protocol import fitted, fitted_bytes
from router.providers.subscriptions.chatgpt import IMPOSSIBLE, RULES, UNSUPPORTED
from router.wire import codec
from router.wire.written import Note, Written

INPUT = [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}]


def sent(**body: Any) -> dict[str, Any]:
    return fitted(Written({"model": "m", "input": INPUT, **body}), RULES).body


def test_what_it_insists_on_is_there() -> None:
    made = sent()
    assert made.pop("prompt_cache_key")
    assert made == {
        "model": "m",
        "input": INPUT,
        "instructions": "",
        "include": ["reasoning.encrypted_content"],
        "store": False,
        "stream": True,
    }


def test_what_the_caller_says_stays() -> None:
    said = {
        "instructions": "be brief",
        "include": ["a", "reasoning.encrypted_content"],
        "prompt_cache_key": "mine",
        "parallel_tool_calls": False,
        "reasoning": {"effort": "low", "summary": "auto"},
        "tools": [{"type": "custom", "name": "exec"}],
        "something_new": 1,
    }
    assert sent(**said) == {"model": "m", "input": INPUT, **said, "store": False, "stream": True}


def test_a_text_becomes_a_list_and_a_system_message_the_developers() -> None:
    assert sent(input="hi")["input"] == INPUT
    system = {"type": "message", "role": "system", "content": "s"}
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    assert sent(input=[system, *INPUT, call])["input"] == [{**system, "role": "developer"}, *INPUT, call]


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_what_only_tunes_is_left_out_with_a_note(name: str) -> None:
    written = fitted(Written({"model": "m", "input": INPUT, name: 1}, (Note("dropped", "seed"),)), RULES)
    assert name not in written.body
    assert written.notes == (Note("dropped", "seed"), Note("dropped", name))
    assert fitted(Written({"model": "m", "input": INPUT, name: None}), RULES).notes == ()


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_what_the_caller_would_miss_is_refused(name: str) -> None:
    with pytest.raises(Fault, match=name) as raised:
        sent(**{name: "x"})
    assert (raised.value.kind, raised.value.param) == ("bad_request", name)
    assert name not in sent(**{name: None})


def test_that_nothing_is_stored_is_told_to_who_wanted_it() -> None:
    made = fitted(Written({"model": "m", "input": INPUT, "store": True}), RULES)
    assert made.body["store"] is False
    assert made.notes == (Note("dropped", "store"),)


def test_a_callers_own_bytes_stay_where_nothing_has_to_change() -> None:
    own = b'{"zeta":1.0,"input":[ {"role":"user","content":"h\\u00e9"} ],"model":"m","max_output_tokens":5}'
    made, notes = fitted_bytes(own, RULES)
    assert made.startswith(b'{"zeta":1.0,"input":[ {"role":"user","content":"h\\u00e9"} ],"model":"m",')
    assert b"max_output_tokens" not in made
    assert notes == (Note("dropped", "max_output_tokens"),)
    assert fitted_bytes(own, RULES)[0] == made


@pytest.mark.parametrize("body", [b"[1]", b"nonsense", b'{"a":'])
def test_what_is_no_object_is_the_callers_mistake(body: bytes) -> None:
    with pytest.raises(Fault) as raised:
        fitted_bytes(body, RULES)
    assert raised.value.kind == "bad_request"


def test_one_conversation_keeps_its_session_and_another_has_another() -> None:
    first = sent(instructions="i")["prompt_cache_key"]
    answer = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "yes"}]}
    assert sent(instructions="i", input=[*INPUT, answer, *INPUT])["prompt_cache_key"] == first
    for other in ({"instructions": "j"}, {"instructions": "i", "input": "ho"}, {"instructions": "i", "model": "n"}):
        assert sent(**other)["prompt_cache_key"] != first


def test_odd_input_is_left_for_the_provider_to_refuse() -> None:
    for given in (None, 7, {}, [1, None], []):
        assert sent(input=given)["input"] == given
    assert codec.loads(fitted_bytes(b'{"model":"m"}', RULES)[0])["store"] is False
