"""doctor translates between every pair of dialects, and says which pair loses what."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from router.cli import pair_findings
from router.cli.pair_findings import pairs, problem_of
from router.wire.conversation import Sampling, Text, ToolResult
from router.wire.dialects import DIALECTS
from tests.router.cli.test_live_findings import place


def test_all_pairs_keep_a_call_and_its_answer(tmp_path: Path) -> None:
    (found,) = pairs(place(tmp_path), {})
    assert (found.level, found.what) == (
        "ok",
        "works in this version between all 16 pairs of dialects, streamed and whole",
    )


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ({"write_request": lambda conversation, _: DIALECTS["chat"].write_request(
            replace(conversation, tools=()), pair_findings._ALL)}, "the tool of the call"),
        ({"write_request": lambda conversation, _: DIALECTS["chat"].write_request(
            replace(conversation, system=()), pair_findings._ALL)}, "the words of the call"),
        ({"write_request": lambda conversation, _: DIALECTS["chat"].write_request(
            replace(conversation, turns=tuple(replace(turn, parts=tuple(replace(part, content=(Text("Sun."),))
            if isinstance(part, ToolResult) else part for part in turn.parts)) for turn in conversation.turns)),
            pair_findings._ALL)}, "the use of the tool in the call"),
        ({"write_request": lambda conversation, _: DIALECTS["chat"].write_request(
            replace(conversation, sampling=Sampling()), pair_findings._ALL)}, "the sampling of the call"),
        ({"write_reply": lambda answer, context: DIALECTS["chat"].write_reply(
            replace(answer, usage=None), context)}, "the tokens of the answer are not what they were, unstreamed"),
        ({"stream_reader": lambda _: DIALECTS["messages"].stream_reader(pair_findings._ALL)}, "Fault"),
    ],
)  # fmt: skip
def test_a_pair_that_loses_something_is_told_and_the_others_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: dict[str, object], told: str
) -> None:
    broken = {**DIALECTS, "chat": replace(DIALECTS["chat"], **part)}
    monkeypatch.setattr(pair_findings, "DIALECTS", broken)
    found = list(pairs(place(tmp_path), {}))
    assert len(found) == 7, "four with a client and three more with a provider that speaks it"
    assert all(each.level == "error" and told in each.what and "chat" in each.what for each in found)
    assert problem_of("messages", "gemini") is None
