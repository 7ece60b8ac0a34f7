"""Which opaque items a request carries, and who made them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.routing.affinity import Held, Owners, digest, digests_of, in_body, in_conversation, without
from router.wire.conversation import Dialect, Opaque
from router.wire.dialects import DIALECTS

TOOL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
BODIES: dict[Dialect, tuple[Any, list[str]]] = {
    "messages": (
        {
            "model": "m",
            "max_tokens": 9,
            "messages": [
                {"role": "user", "content": 'the word "signature": "none" is text here'},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "t", "signature": "sig/one+=="},
                        {"type": "redacted_thinking", "data": "red"},
                        {"type": "text", "text": "x"},
                    ],
                },
                {"role": "user", "content": "go on"},
            ],
        },
        ["sig/one+==", "red"],
    ),
    "responses": (
        {
            "model": "m",
            "input": [
                {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "enc"},
                {"type": "reasoning", "id": "rs_kept", "summary": []},
                {"type": "compaction", "id": "cmp_1", "encrypted_content": "squeezed"},
                {"role": "user", "content": "hi"},
            ],
        },
        ["enc", "rs_kept", "squeezed"],
    ),
    "gemini": (
        {
            "contents": [
                {"role": "user", "parts": [{"text": "hi"}]},
                {
                    "role": "model",
                    "parts": [
                        {"text": "thought", "thought": True, "thoughtSignature": "c2ln"},
                        {"functionCall": {"name": "f", "args": {}}, "thought_signature": "c25ha2U="},
                    ],
                },
                {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {}}}]},
            ]
        },
        ["c2ln", "c25ha2U="],
    ),
    "chat": (
        {
            "model": "m",
            "messages": [
                {"role": "user", "content": "hi"},
                {
                    "role": "assistant",
                    "content": None,
                    "reasoning_details": [
                        {"type": "reasoning.text", "text": "t", "signature": "sigA"},
                        {"type": "reasoning.encrypted", "data": "encB"},
                    ],
                    "tool_calls": [{**TOOL, "extra_content": {"google": {"thought_signature": "ts"}}}],
                },
                {"role": "tool", "tool_call_id": "c1", "content": "done"},
            ],
        },
        ["sigA", "encB", "ts"],
    ),
}


def read(dialect: Dialect, body: Any) -> Any:
    more = {"model": "m", "stream": False} if dialect == "gemini" else {}
    return DIALECTS[dialect].read_request(json.loads(json.dumps(body)), **more)


@pytest.mark.parametrize("dialect", BODIES)
@pytest.mark.parametrize("spaces", [True, False])
def test_the_scan_of_a_raw_body_finds_what_its_reader_finds(dialect: Dialect, spaces: bool) -> None:
    body, texts = BODIES[dialect]
    wanted = [digest(text) for text in texts]
    raw = json.dumps(body, separators=None if spaces else (",", ":")).encode()
    scanned = in_body(dialect, raw)
    assert [each for each in scanned if each in wanted] == wanted
    assert in_conversation(read(dialect, body)) == wanted
    slashed = raw.replace(b"/", b"\\/")
    assert set(wanted) <= set(in_body(dialect, slashed))


@pytest.mark.parametrize("dialect", BODIES)
def test_only_the_foreign_items_are_left_out(dialect: Dialect) -> None:
    body, texts = BODIES[dialect]
    conversation = read(dialect, body)
    for text in texts:
        left = without(conversation, {digest(text)})
        kept = in_conversation(left)
        assert digest(text) not in kept
        bundled = dialect == "chat" and text in ("sigA", "encB")  # one array, signed as a whole
        gone = {digest("sigA"), digest("encB")} if bundled else {digest(text)}
        assert kept == [each for each in in_conversation(conversation) if each not in gone]
    assert without(conversation, frozenset()) is conversation
    everything = without(conversation, {digest(text) for text in texts})
    assert [turn.role for turn in everything.turns][-1] == conversation.turns[-1].role


def test_messages_and_calls_of_responses_lose_the_ids_that_ask_for_the_missing_reasoning() -> None:
    body = {
        "model": "m",
        "input": [
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "enc"},
            {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "x"}]},
            {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "done"},
        ],
    }
    left = without(read("responses", body), {digest("enc")})
    assert [type(part).__name__ for turn in left.turns for part in turn.parts] == ["Text", "ToolCall", "ToolResult"]
    assert "msg_1" not in repr(left)
    assert "fc_1" not in repr(left)


def test_a_body_without_opaque_items_gives_nothing() -> None:
    assert in_body("chat", b'{"messages":[{"role":"user","content":"\\"signature\\": \\"x\\""}]}') == []
    assert in_body("messages", b'{"messages":[{"role":"user","content":"say \\"signature\\":\\"x\\""}]}') == []
    assert in_body("messages", b'{"signature": 7, "signature"') == []
    assert digests_of(Opaque("chat", "not json")) == ()
    assert digests_of(Opaque("messages", "")) == ()


def test_the_newest_item_decides_who_is_preferred() -> None:
    held = Held(((b"1", "p/a"), (b"2", "p/b"), (b"3", "p/b"), (b"1", "p/a"), (b"4", "p/b")))
    assert held.prefer == "p/b"
    assert held.foreign("p/b") == {b"1"}
    assert held.foreign("q/c") == {b"1", b"2", b"3", b"4"}
    assert Held().prefer is None


STEPS = st.lists(
    st.tuples(st.sampled_from(["learn", "find", "load"]), st.integers(0, 9), st.sampled_from("ab"), st.floats(0, 60)),
    max_size=60,
)


@given(STEPS, st.integers(1, 6))
def test_owners_never_exceed_their_bound_and_never_tell_what_is_too_old(steps: list[Any], most: int) -> None:
    owners = Owners(most, ttl=100.0, refresh=10.0)
    now = 0.0
    used: dict[bytes, float] = {}  # when each was last heard of
    for action, number, account, pause in steps:
        now += pause
        each = bytes([number])
        if action == "learn":
            owners.learn(each, account, now)
            used[each] = now
        elif action == "load":
            owners.take_over([(each, account, now - 5.0)], now)
            used[each] = max(used.get(each, 0.0), now - 5.0)
        else:
            found, renewed = owners.find(each, now)
            assert found is not None or not renewed
            if found is not None:
                assert now - used[each] <= 100.0
            if renewed:
                used[each] = now
        assert len(owners) <= most


@given(st.lists(st.integers(0, 20), min_size=1, max_size=40), st.integers(1, 8))
def test_those_used_longest_ago_go_first(order: list[int], most: int) -> None:
    owners = Owners(most, ttl=1e9, refresh=0.0)
    for now, number in enumerate(order):
        owners.learn(bytes([number]), str(number), float(now))
    newest = list(dict.fromkeys(reversed(order)))[:most]
    for number in range(21):
        entry = owners.at(bytes([number]))
        assert (entry is not None) is (number in newest)


def test_an_item_is_forgotten_after_its_time_and_kept_by_use() -> None:
    owners = Owners(10, ttl=100.0, refresh=10.0)
    owners.learn(b"x", "p/a", 0.0)
    assert owners.find(b"x", 5.0) == ("p/a", False)
    assert owners.find(b"x", 90.0) == ("p/a", True)
    assert owners.find(b"x", 185.0) == ("p/a", True)
    assert owners.find(b"x", 286.0) == (None, False)
    assert len(owners) == 0


def test_what_is_learnt_before_the_old_rows_are_loaded_stays() -> None:
    owners = Owners(2, ttl=100.0, refresh=10.0)
    owners.learn(b"x", "p/new", 50.0)
    owners.take_over([(b"old", "p/a", 1.0), (b"x", "p/a", 2.0), (b"y", "p/a", 40.0), (b"z", "p/a", -60.0)], 50.0)
    assert [owners.at(each) for each in (b"x", b"y", b"old", b"z")] == [("p/new", 50.0), ("p/a", 40.0), None, None]
    owners.learn(b"w", "p/b", 51.0)
    assert owners.at(b"y") is None  # the oldest went
