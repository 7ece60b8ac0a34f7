"""What the soak would notice: each mistake of a router, and none where there is none."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.router.api.harness import Answer
from tests.soak.books import LOST, lines, mistakes
from tests.soak.calls import ARGUMENTS, TOOL, Wish
from tests.soak.reading import Result, judge

WISH = Wish(7, "chat", "gpt-4.1", stream=True, tools=False, temper="reads", words=3, gap=0, patience=0)
WHOLE = Result(WISH, 10.0, 11.0, "whole", 200, "req_1")
TRIES = [{"provider": "openai", "outcome": "ok"}]
RECORD = {"id": "req_1", "client": WISH.mark, "outcome": "ok", "status": 200, "attempts": TRIES}


def found(result: Result = WHOLE, *records: dict[str, Any], direct: int = 1, relayed: int = 0, kills: Any = ()) -> Any:
    return mistakes([result], records, {7: direct}, {7: relayed}, kills)


def test_what_adds_up_is_no_mistake() -> None:
    assert found(WHOLE, RECORD) == []
    broken = {**RECORD, "outcome": "upstream_broken"}
    assert found(replace(WHOLE, outcome="broken off"), broken) == []
    assert found(replace(WHOLE, outcome="refused", status=502), {**broken, "status": 502}) == []
    left = {**RECORD, "outcome": "cancelled", "status": 499}
    assert found(replace(WHOLE, outcome="left"), left, direct=2) == []
    assert found(replace(WHOLE, outcome="left", status=None), direct=0) == []
    given_up = {**left, "attempts": [*TRIES, {"provider": "openai", "outcome": "cancelled"}]}
    for arrived in (1, 2):  # while the last one connected, or later
        assert found(replace(WHOLE, outcome="left"), given_up, direct=arrived) == []
    assert found(replace(WHOLE, outcome="left"), given_up, direct=0) != []
    assert found(WHOLE, {**given_up, "outcome": "ok", "status": 200}) != []


@pytest.mark.parametrize(
    ("result", "records", "counts"),
    [
        (replace(WHOLE, outcome="truncated"), [RECORD], (1, 0)),
        (replace(WHOLE, outcome="silent"), [RECORD], (1, 0)),
        (replace(WHOLE, outcome="no connection"), [RECORD], (1, 0)),
        (WHOLE, [], (1, 0)),
        (WHOLE, [RECORD, RECORD], (1, 0)),
        (WHOLE, [RECORD, {**RECORD, "id": "req_2"}], (1, 0)),
        (WHOLE, [{**RECORD, "id": "req_2"}], (1, 0)),
        (WHOLE, [{**RECORD, "outcome": "upstream_broken"}], (1, 0)),
        (replace(WHOLE, outcome="broken off"), [RECORD], (1, 0)),
        (WHOLE, [RECORD], (2, 0)),
        (WHOLE, [RECORD], (0, 0)),
        (WHOLE, [RECORD], (1, 1)),
        (WHOLE, [RECORD, {**RECORD, "id": "req_2", "client": "call-0000008"}], (1, 0)),
    ],
)
def test_what_does_not_is(result: Result, records: list[dict[str, Any]], counts: tuple[int, int]) -> None:
    assert len(found(result, *records, direct=counts[0], relayed=counts[1])) >= 1


def test_a_killed_process_excuses_what_it_had_and_nothing_else() -> None:
    lost = replace(WHOLE, outcome="no connection", status=None, call_id=None)
    assert found(lost, kills=[10.5]) == []
    assert found(WHOLE, kills=[11.0 + LOST / 2]) == []
    assert found(lost, kills=[9.9]) != []
    assert found(WHOLE, kills=[11.1 + LOST]) != []
    assert found(replace(WHOLE, outcome="truncated"), RECORD, kills=[10.5]) != []


def test_lines_are_those_of_requests() -> None:
    entry = {"logger": "switchyard.request", **RECORD}
    log = ["plain words", json.dumps({"logger": "switchyard.server"}), json.dumps(entry), json.dumps(entry)[:60]]
    assert lines(log) == [entry]


def _streamed(*payloads: Any) -> Answer:
    body = b"".join(b"data: " + json.dumps(payload).encode() + b"\n\n" for payload in payloads)
    return Answer(200, {"content-type": "text/event-stream"}, body)


def _said(text: str, finish: str | None = None) -> dict[str, Any]:
    return {"choices": [{"delta": {"content": text}, "finish_reason": finish}]}


def test_only_the_exact_text_with_its_end_is_whole() -> None:
    assert judge(WISH, _streamed(_said(WISH.text), _said("", "stop")))[0] == "whole"
    assert judge(WISH, _streamed(_said(WISH.text)))[0] == "truncated"
    assert judge(WISH, _streamed(_said(WISH.text[:9]), _said("", "stop")))[0] == "truncated"
    assert judge(WISH, _streamed(_said("word-000001 "), _said("", "stop")))[0] == "wrong"
    assert judge(WISH, _streamed(_said(WISH.text * 2), _said("", "stop")))[0] == "wrong"
    error = {"error": {"message": "no"}}
    assert judge(WISH, _streamed(_said(WISH.text[:9]), error))[0] == "broken off"
    assert judge(WISH, _streamed(_said("something else"), error))[0] == "wrong"
    assert judge(WISH, Answer(502, {"content-type": "application/json"}, json.dumps(error).encode()))[0] == "refused"
    assert judge(WISH, Answer(502, {"content-type": "text/html"}, b"<html>"))[0] == "wrong"


def test_a_tool_call_needs_all_of_its_arguments() -> None:
    wish = replace(WISH, tools=True)
    whole = json.dumps(ARGUMENTS)

    def called(arguments: str) -> Answer:
        call = {"index": 0, "id": "c", "function": {"name": TOOL, "arguments": arguments}}
        delta = {"choices": [{"delta": {"tool_calls": [call]}}]}
        return _streamed(_said(wish.text), delta, _said("", "tool_calls"))

    assert judge(wish, called(whole))[0] == "whole"
    assert judge(wish, called("{}"))[0] == "truncated"
    assert judge(wish, called(whole[:-3]))[0] == "wrong"
    assert judge(wish, _streamed(_said(wish.text), _said("", "stop")))[0] == "truncated"
