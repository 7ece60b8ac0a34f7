"""Requests of every client dialect to every upstream dialect: taken by the strict servers, or refused by name."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from msgspec import structs

from router.faults import Fault
from router.models.prepare import prepare
from router.wire.codec import dumps, loads
from router.wire.conversation import Conversation, Dialect
from router.wire.dialects import DIALECTS
from router.wire.written import Written
from tests.router.wire.pairs import clients, rough
from tests.router.wire.pairs.targets import CLIENTS, TARGETS, Target
from tests.simulators.refusal import Refusal

EXAMPLES = settings.default.max_examples // 8  # of each of the 56 pairs of dialect and model
PAIRS = [(client, target) for client in CLIENTS for target in TARGETS]
EACH_PAIR = pytest.mark.parametrize(("client", "target"), PAIRS, ids=[f"{c}-{t}" for c, t in PAIRS])


def read(body: dict[str, Any], client: Dialect, model: str) -> Conversation:
    path = {"model": model, "stream": True} if client == "gemini" else {}
    asked = DIALECTS[client].read_request(loads(dumps(body)), **path)
    return structs.replace(asked, model=model, stream=True)


def written(body: dict[str, Any], client: Dialect, target: Target) -> Written:
    return prepare(read(body, client, target.model), target.capabilities, target.spec)


@EACH_PAIR
@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), deadline=None)
@given(data=st.data())
def test_a_body_is_taken_by_the_strict_server_or_refused_by_its_path(
    client: Dialect, target: Target, data: st.DataObject
) -> None:
    body = clients.body(data.draw(rough.requests(client)), client)
    note(repr(body))
    try:
        sent = written(body, client, target)
    except Fault as fault:
        assert fault.kind == "bad_request"
        assert fault.param is not None
        assert fault.param in fault.message
        return
    note(repr(sent.body))
    try:
        target.check(sent.body)
    except Refusal as refusal:
        raise AssertionError(f"{refusal.body}\nbody: {dumps(sent.body)!r}") from None
    assert dumps(written(body, client, target).body) == dumps(sent.body)
