"""What makes two calls the same call."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from router.call import Call, Caller
from router.policies.fingerprints import canonical, of_call, of_request

BODY = b'{"model":"m","messages":[{"role":"user","content":"hi"}],"temperature":1}'
CALL = Call(
    id="1",
    dialect="chat",
    asked="m",
    stream=False,
    body=BODY,
    caller=Caller(key_id="k", key_name="k"),
    headers={"a": "1"},
)
TARGETS = [("openai", "m"), ("other", "m")]


@pytest.mark.parametrize(
    "change",
    [
        {"body": BODY.replace(b"hi", b"ho")},
        {"body": BODY.replace(b":1}", b":0}")},
        {"asked": "n"},
        {"stream": True},
        {"dialect": "responses"},
        {"pinned": "openai"},
        {"headers": {"a": "2"}},
        {"caller": Caller(key_id="other", key_name="k")},
    ],
)
def test_what_changes_the_answer_makes_another_request(change: dict[str, Any]) -> None:
    assert of_request(replace(CALL, **change), "chat", array=False) != of_request(CALL, "chat", array=False)


def test_surface_and_framing_count_too() -> None:
    plain = of_request(CALL, "chat", array=False)
    assert len({plain, of_request(CALL, "completions", array=False), of_request(CALL, "chat", array=True)}) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"id": "2"},
        {"headers": {"a": "1", "idempotency-key": "z"}},
        {"began": 5.0},
        {"body": b'{ "temperature": 1, "messages": [{"content":"hi","role":"user"}],\n"model": "m" }'},
    ],
)
def test_what_does_not_change_the_answer_does_not_count(change: dict[str, Any]) -> None:
    assert of_request(replace(CALL, **change), "chat", array=False) == of_request(CALL, "chat", array=False)


@pytest.mark.parametrize(
    ("targets", "change", "same"),
    [
        (TARGETS[::-1], {}, True),
        (TARGETS[:1], {}, False),
        ([("openai", "n")], {}, False),
        (TARGETS, {"strict": True}, False),
        (TARGETS, {"thinking_output": "tags"}, False),
    ],
)
def test_who_may_answer_and_how_counts_for_the_cache(
    targets: list[tuple[str, str]], change: dict[str, Any], same: bool
) -> None:
    first = of_call(b"r", CALL, TARGETS, None)
    assert (of_call(b"r", replace(CALL, **change), targets, None) == first) is same
    assert len({first, of_call(b"r", CALL, TARGETS, "high"), of_call(b"r", CALL, TARGETS, None, b"{}")}) == 3


def test_bytes_that_are_no_plain_json_stand_for_themselves() -> None:
    for body in (b"{", b'{"a":"\\ud800"}'):
        assert canonical(body) == body
