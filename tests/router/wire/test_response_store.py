from __future__ import annotations

import pytest

from router.faults import Fault
from router.wire.conversation import JsonObject
from router.wire.item_ids import is_own, item_id, response_of
from router.wire.response_store import (
    MAX_REFERRED,
    Stored,
    continued,
    input_items,
    items_by_id,
    needs_store,
    references,
    referred,
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


def test_references_to_what_is_not_stored_here_stay_for_the_provider() -> None:
    unknown = {"type": "item_reference", "id": "msg_9"}
    assert continued({"input": [USER, unknown]}, None, nothing)["input"] == [USER, unknown]


def test_ids_of_our_items_lead_to_their_responses() -> None:
    ids = [item_id("msg_", "resp_abc", 0), item_id("fc_", "resp_abc", 11), item_id("rs_", "resp_def", 2), "msg_0a1_2"]
    assert ids[:2] == ["msg_gw1abc_0", "fc_gw1abc_11"]
    body = {"input": [{"type": "item_reference", "id": identity} for identity in ids]}
    assert referred(body) == ["resp_abc", "resp_def"]
    many = [{"type": "item_reference", "id": item_id("msg_", f"resp_{n}", 0)} for n in range(200)]
    assert len(referred({"input": many})) == MAX_REFERRED


@pytest.mark.parametrize("response_id", ["chatcmpl-1", "resp_" + "x" * 60, "resp_a|b", ""])
def test_ids_of_foreign_responses_become_ids_that_lead_nowhere(response_id: str) -> None:
    made = item_id("msg_", response_id, 0)
    assert is_own(made)
    assert len(made) <= 64
    assert response_of(made) is None
    assert made != item_id("msg_", response_id, 1)


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
