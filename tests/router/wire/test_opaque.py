from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.wire.conversation import Opaque
from router.wire.opaque import fits, stamped, unwrap, wrap

opaques = st.builds(
    Opaque,
    dialect=st.sampled_from(["chat", "responses", "messages", "gemini"]),
    data=st.text(min_size=1, max_size=60).filter(lambda data: not data.startswith("gw1.")),
    model=st.none() | st.text(alphabet="abc-5.", min_size=1, max_size=8),
    id=st.none() | st.text(alphabet="rs_1", min_size=1, max_size=8),
)


@given(opaques)
def test_wrapped_bytes_come_back_whole_in_any_slot(opaque: Opaque) -> None:
    for native in ("responses", "messages", "gemini", "chat"):
        assert unwrap(wrap(opaque), native, "rs_of_the_client") == opaque


def test_native_bytes_are_of_an_unknown_model_and_keep_their_item_id() -> None:
    assert unwrap("gAAAA==", "responses", "rs_1") == Opaque("responses", "gAAAA==", id="rs_1")


@pytest.mark.parametrize("text", ["gw1.", "gw1.messages.!!!", "gw1.other.YQBi", "gw1.messages.YQ", "gw1.messages"])
def test_damaged_bytes_of_ours_are_left_out(text: str) -> None:
    assert unwrap(text, "responses") is None


def test_bytes_fit_only_their_dialect_and_family() -> None:
    own = Opaque("messages", "sig", model="claude-5")
    assert fits(own, "messages", "claude-5")
    assert not fits(own, "messages", "claude-4")
    assert not fits(own, "responses", "claude-5")
    assert not fits(None, "messages", "claude-5")


def test_an_unknown_family_gets_the_benefit_of_the_doubt() -> None:
    assert fits(Opaque("messages", "sig"), "messages", "claude-5")
    assert fits(Opaque("messages", "sig", model="claude-5"), "messages", "")


def test_stamping_names_the_family_and_keeps_the_rest() -> None:
    assert stamped(Opaque("gemini", "d", id="x"), "gemini-3") == Opaque("gemini", "d", "gemini-3", "x")
    assert stamped(Opaque("gemini", "d", "old"), "") == Opaque("gemini", "d", "old")
