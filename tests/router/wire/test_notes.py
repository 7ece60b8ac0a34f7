from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.faults import Fault
from router.wire.notes import MAX_HEADER, Notes, header_value, refuse_if_strict
from router.wire.written import Note


def test_notes_keep_their_order_and_are_said_once() -> None:
    notes = Notes([Note("dropped", "seed")])
    notes.clamped("temperature")
    notes.dropped("logit_bias")
    notes.dropped("seed")
    notes.extend([Note("clamped", "temperature"), Note("emulated", "stop")])
    notes.changed("x")
    notes.repaired("y")
    assert notes.taken() == (
        Note("dropped", "seed"),
        Note("clamped", "temperature"),
        Note("dropped", "logit_bias"),
        Note("emulated", "stop"),
        Note("changed", "x"),
        Note("repaired", "y"),
    )


def test_the_header_groups_by_action() -> None:
    notes = Notes()
    notes.dropped("seed")
    notes.clamped("temperature")
    notes.dropped("logit_bias")
    assert header_value(notes.taken()) == "dropped=seed,logit_bias; clamped=temperature"
    assert header_value(()) == ""


@given(st.lists(st.builds(Note, st.sampled_from(["dropped", "changed"]), st.text(max_size=30)), max_size=40))
def test_the_header_is_short_and_printable_whatever_is_noted(notes: list[Note]) -> None:
    value = header_value(notes)
    assert len(value) <= MAX_HEADER
    assert value.isascii()
    assert value.isprintable()


def test_strict_mode_refuses_any_change_and_names_it() -> None:
    with pytest.raises(Fault) as caught:
        refuse_if_strict([Note("dropped", "seed")], strict=True)
    assert caught.value.kind == "bad_request"
    assert "dropped=seed" in caught.value.message
    refuse_if_strict([], strict=True)
    refuse_if_strict([Note("dropped", "seed")], strict=False)


def test_every_action_has_its_word() -> None:
    notes = Notes()
    for add in (notes.dropped, notes.clamped, notes.changed, notes.emulated, notes.repaired):
        add("x")
    assert [note.action for note in notes.taken()] == ["dropped", "clamped", "changed", "emulated", "repaired"]


def test_what_would_break_the_header_becomes_an_underscore() -> None:
    assert header_value([Note("dropped", "a,b;c=d\né")]) == "dropped=a_b_c_d__"


def test_a_header_of_exactly_the_limit_is_whole_and_a_longer_one_is_cut() -> None:
    name = "x" * (512 - len("dropped="))
    assert header_value([Note("dropped", name)]) == f"dropped={name}"
    assert header_value([Note("dropped", name + "y")]) == f"dropped={name}"[:509] + "..."
