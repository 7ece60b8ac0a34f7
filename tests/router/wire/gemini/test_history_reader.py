"""Streamed pieces of a thought that another provider signed, as SDKs send them back."""

from __future__ import annotations

from typing import Any

from router.wire.conversation import Opaque, Text, Thinking, Turn
from router.wire.gemini import signatures
from router.wire.gemini.history_reader import HistoryReader

CLAUDE = Opaque("messages", "sig", model="claude-5")
SIGNED = {"text": "", "thought": True, "thoughtSignature": signatures.shown(CLAUDE)}


def thought(text: str) -> dict[str, Any]:
    return {"text": text, "thought": True}


def turns(*contents: tuple[str, list[dict[str, Any]]]) -> list[tuple[str, tuple[Any, ...]]]:
    read: tuple[Turn, ...] = HistoryReader().turns([{"role": role, "parts": parts} for role, parts in contents])
    return [(turn.role, turn.parts) for turn in read]


def test_pieces_are_found_in_the_same_and_in_earlier_contents_back_to_the_first() -> None:
    found = turns(("model", [thought("a")]), ("model", [thought("b"), thought("c")]), ("model", [thought("d"), SIGNED]))
    assert found == [("assistant", (Thinking("abcd", opaque=CLAUDE),))]


def test_what_stands_before_the_thought_stays_where_it_is() -> None:
    found = turns(("model", [{"text": "said"}, thought("a")]), ("model", [thought("b"), SIGNED, {"text": "then"}]))
    assert found == [
        ("assistant", (Text("said"),)),
        ("assistant", (Thinking("ab", opaque=CLAUDE), Text("then"))),
    ]


def test_text_in_between_ends_the_search() -> None:
    found = turns(("model", [thought("old"), {"text": "said"}, thought("new"), SIGNED]))
    assert found == [("assistant", (Thinking("old"), Text("said"), Thinking("new", opaque=CLAUDE)))]


def test_a_users_turn_in_between_ends_the_search() -> None:
    found = turns(("model", [thought("old")]), ("user", [{"text": "q"}]), ("model", [thought("new"), SIGNED]))
    assert found == [
        ("assistant", (Thinking("old"),)),
        ("user", (Text("q"),)),
        ("assistant", (Thinking("new", opaque=CLAUDE),)),
    ]


def test_an_earlier_signed_thought_keeps_its_text() -> None:
    found = turns(("model", [thought("a"), SIGNED]), ("model", [thought("b"), SIGNED]))
    assert found == [
        ("assistant", (Thinking("a", opaque=CLAUDE),)),
        ("assistant", (Thinking("b", opaque=CLAUDE),)),
    ]


def test_a_signature_without_any_text_before_it_stays_alone() -> None:
    assert turns(("model", [SIGNED])) == [("assistant", (Thinking("", opaque=CLAUDE),))]
    own = turns(("user", [{"text": "q"}]), ("model", [SIGNED, {"text": "a"}]))
    assert own == [("user", (Text("q"),)), ("assistant", (Thinking("", opaque=CLAUDE), Text("a")))]


def test_a_thought_that_is_whole_takes_nothing() -> None:
    whole = {"text": "b", "thought": True, "thoughtSignature": signatures.shown(CLAUDE)}
    assert turns(("model", [thought("a"), whole])) == [("assistant", (Thinking("a"), Thinking("b", opaque=CLAUDE)))]


def test_an_empty_turn_that_was_empty_before_is_kept() -> None:
    assert turns(("model", []), ("model", [thought("a"), SIGNED])) == [
        ("assistant", ()),
        ("assistant", (Thinking("a", opaque=CLAUDE),)),
    ]
