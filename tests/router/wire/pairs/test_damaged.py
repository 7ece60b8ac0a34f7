"""Requests in which one value is not what it should be: understood, or refused with its path, and nothing else."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from router.faults import Fault
from router.models.prepare import prepare
from router.wire.codec import dumps
from router.wire.conversation import Dialect
from tests.router.wire.pairs import clients, rough
from tests.router.wire.pairs.targets import CLIENTS, TARGETS
from tests.router.wire.pairs.test_requests import read

ODD: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 10**30, "", " ", "x", "\ud83d", [], {}, [None], {"type": "x"}, {"type": None}, [[]], ["a"],
    {"x": 1},
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value inside `value`."""
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield (*path, key)
        yield from places(value[key], (*path, key))


def damaged(body: Any, path: tuple[Any, ...], odd: Any) -> Any:
    """`body` with another value at `path`; ``...`` takes it out."""
    body = copy.deepcopy(body)
    inner = body
    for key in path[:-1]:
        inner = inner[key]
    if odd is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = odd
    return body


@pytest.mark.parametrize("client", CLIENTS)
@settings(max_examples=settings.default.max_examples, suppress_health_check=list(HealthCheck), deadline=None)
@given(data=st.data())
def test_one_odd_value_is_understood_or_refused_with_its_path(client: Dialect, data: st.DataObject) -> None:
    whole = clients.body(data.draw(rough.requests(client)), client)
    path = data.draw(st.sampled_from(list(places(whole))))
    body = damaged(whole, path, data.draw(st.sampled_from([*ODD, ...])))
    note(repr((path, body)))
    for target in TARGETS[::2]:
        try:
            sent = prepare(read(body, client, target.model), target.capabilities, target.spec)
        except Fault as fault:
            assert fault.kind == "bad_request"
            assert fault.param is None or fault.param in fault.message
            assert fault.message
        else:
            dumps(sent.body)
