from __future__ import annotations

import pytest

from router.faults import Fault
from router.wire.conversation import JsonObject
from router.wire.response_store import (
    Stored,
    continued,
    input_items,
    items_by_id,
    needs_store,
    references,
    response_not_found,
    stored,
)

USER: JsonObject = {"type": "message", "role": "user", "content": "hi"}
CALL: JsonObject = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "{}"}
RESULT: JsonObject = {"type": "function_call_output", "call_id": "c1", "output": "x"}


def nothing(_: str) -> None:
    return None


def test_a_continued_conversation_says_everything_itself() -> None:
    body = {"model": "m", "previous_response_id": "resp_1", "input": [RESULT], "instructions": "new", "tools": []}
    rebuilt = continued(body, Stored([USER], [CALL]), nothing)
    assert rebuilt == {"model": "m", "input": [USER, CALL, RESULT], "instructions": "new", "tools": []}
    assert body["previous_response_id"] == "resp_1"
    assert not needs_store(rebuilt)


def test_earlier_instructions_do_not_carry_over() -> None:
    first = {"model": "m", "input": "hi", "instructions": "be brief"}
    kept = stored(first, {"status": "completed", "output": [CALL]})
    assert kept == Stored([{"type": "message", "role": "user", "content": "hi"}], [CALL])
    rebuilt = continued({"input": [RESULT], "previous_response_id": "r"}, kept, nothing)
    assert "instructions" not in rebuilt


def test_a_chain_of_three_responses_holds_all_of_them() -> None:
    first = {"input": "a"}
    kept = stored(first, {"status": "completed", "output": [CALL]})
    second = continued({"input": [RESULT], "previous_response_id": "r1"}, kept, nothing)
    again = stored(second, {"status": "incomplete", "output": [{"type": "message", "id": "msg_2"}]})
    third = continued({"input": "b", "previous_response_id": "r2"}, again, nothing)
    assert [item["type"] for item in third["input"]] == [
        "message",
        "function_call",
        "function_call_output",
        "message",
        "message",
    ]


@pytest.mark.parametrize("reference", [{"type": "item_reference", "id": "fc_1"}, {"id": "fc_1"}])
def test_references_are_replaced_by_their_items(reference: JsonObject) -> None:
    body = {"input": [USER, reference, RESULT]}
    assert references(body) == ["fc_1"]
    assert needs_store(body)
    kept = items_by_id([Stored([USER], [CALL])])
    assert continued(body, None, kept.get)["input"] == [USER, CALL, RESULT]


def test_what_the_history_holds_is_not_said_twice() -> None:
    body = {"previous_response_id": "r", "input": [{"type": "item_reference", "id": "fc_1"}, RESULT]}
    assert continued(body, Stored([USER], [CALL]), nothing)["input"] == [USER, CALL, RESULT]


def test_an_item_that_is_gone_is_named_with_its_place() -> None:
    with pytest.raises(Fault) as caught:
        continued({"input": [USER, {"type": "item_reference", "id": "msg_9"}]}, None, nothing)
    assert (caught.value.kind, caught.value.param, caught.value.code) == ("bad_request", "input[1]", "item_not_found")
    assert "msg_9" in caught.value.message


def test_an_unknown_response_says_what_to_do() -> None:
    fault = response_not_found("resp_9")
    assert (fault.http_status, fault.param) == (400, "previous_response_id")
    assert fault.code == "previous_response_not_found"
    assert "resp_9" in fault.message


@pytest.mark.parametrize("status", ["failed", "in_progress", None])
def test_only_finished_responses_are_kept(status: str | None) -> None:
    assert stored({"input": "a"}, {"status": status, "output": []}) is None
    assert stored({"input": "a"}, {"status": "completed"}) is None


def test_items_and_messages_with_ids_are_no_references() -> None:
    assert references({"input": [CALL, {"id": "msg_1", "role": "user", "content": "x"}]}) == []
    assert not needs_store({"input": "hi"})
    assert input_items({}) == []
    with pytest.raises(Fault):
        input_items({"input": 7})
