"""What one provider signed goes through a client of any dialect, and back to that provider's family alone."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import pytest

from router.models.prepare import prepare
from router.wire.codec import dumps
from router.wire.conversation import Conversation, Dialect
from router.wire.dialects import DIALECTS
from router.wire.fold import fold
from router.wire.opaque import PREFIX
from router.wire.undo import apply
from tests.router.wire.pairs import agents
from tests.router.wire.pairs.answering import context, events_in, stamped
from tests.router.wire.pairs.targets import CLIENTS, TARGETS, Target
from tests.router.wire.pairs.test_requests import read

SIGNERS = tuple(
    target
    for target in TARGETS
    if target.model
    in ("gpt-5.2", "gpt-5-mini", "claude-sonnet-4-5", "claude-opus-4-6", "claude-opus-5", "gemini-3-pro")
    and target.dialect != "chat"
)
NATIVE: dict[Dialect, tuple[Dialect, ...]] = {
    "messages": ("messages",), "responses": ("responses",), "gemini": ("gemini", "chat"), "chat": ("chat",),
}  # fmt: skip
"""Clients that hold a dialect's bytes as they are: Google's own Chat layer has a slot for its signatures."""
PAIRS = list(itertools.product(SIGNERS, CLIENTS))
EACH_PAIR = pytest.mark.parametrize(("target", "client"), PAIRS, ids=[f"{t}-{c}" for t, c in PAIRS])
SEALS = {"messages": "signature", "responses": "encrypted_content", "gemini": "thoughtSignature"}


def asked(request: dict[str, Any], client: Dialect, target: Target) -> Conversation:
    return read(request, client, target.model)


def turn(request: dict[str, Any], client: Dialect, target: Target) -> tuple[dict[str, Any], bytes, dict[str, Any]]:
    """One turn through the router: the body sent, the bytes that came, and the client's reply."""
    conversation = asked(request, client, target)
    written = prepare(conversation, target.capabilities, target.spec)
    answer = target.answer(target.check(written.body))
    assert answer.frames is not None
    data = b"".join(answer.frames)
    events = [
        stamped(event, target.capabilities.family) for event in apply(written.undo, events_in(data, target.dialect))
    ]
    told = fold(events)
    return written.body, data, DIALECTS[client].write_reply(told, context(conversation))


def seals(data: bytes | str, dialect: Dialect) -> set[str]:
    """The opaque bytes of `dialect` in a body or a stream."""
    text = data.decode() if isinstance(data, bytes) else data
    found = re.findall(rf'"{SEALS[dialect]}"\s*:\s*"([^"]+)"', text)
    return {one for one in found if len(one) > 60}


@EACH_PAIR
def test_a_signature_comes_back_to_its_maker_byte_for_byte(target: Target, client: Dialect) -> None:
    request = agents.first(client, "THINK TOOLS f", think=True)
    _, data, reply = turn(request, client, target)
    issued = seals(data, target.dialect)
    assert issued
    body, _, final = turn(agents.second(client, request, reply), client, target)
    assert seals(dumps(body), target.dialect) == issued
    assert f"f gave {agents.SAYS}" in json.dumps(final)
    assert PREFIX.encode() not in dumps(body)


@EACH_PAIR
def test_a_signature_is_sent_to_nobody_else(target: Target, client: Dialect) -> None:
    request = agents.first(client, "THINK TOOLS f", think=True)
    _, data, reply = turn(request, client, target)
    issued = seals(data, target.dialect)
    history = agents.second(client, request, reply)
    for other in TARGETS:
        if (other.dialect, other.capabilities.family) == (target.dialect, target.capabilities.family):
            continue
        if other.dialect == target.dialect and client in NATIVE[target.dialect]:
            continue  # bare bytes name no family; the account that made them is remembered elsewhere
        body, _, final = turn(history, client, other)
        sent = dumps(body).decode()
        assert not any(one in sent for one in issued)
        assert PREFIX not in sent
        assert f"f gave {agents.SAYS}" in json.dumps(final)


@EACH_PAIR
def test_agents_go_on_with_any_other_model_in_the_middle_of_a_tool_loop(target: Target, client: Dialect) -> None:
    """Also back again: the signature of the first answer is still whole."""
    request = agents.first(client, "TOOLS f", think=False)
    _, _, reply = turn(request, client, target)
    history = agents.second(client, request, reply)
    for other in TARGETS:
        if other.dialect != target.dialect:
            _, _, final = turn(history, client, other)
            assert f"f gave {agents.SAYS}" in json.dumps(final)
    _, _, final = turn(history, client, target)
    assert f"f gave {agents.SAYS}" in json.dumps(final)
