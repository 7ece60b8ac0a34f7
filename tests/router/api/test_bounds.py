"""What a client can make the router do is bounded, whatever it sends."""

from __future__ import annotations

import gzip

import pytest

from router.api.exchange import MAX_MEMBERS, _inflate
from router.faults import Fault
from router.providers.demo.vectors import MAX_DIMENSIONS, refuse_too_much, vector


def test_as_many_gzip_members_as_anybody_sends_are_joined() -> None:
    body = b"".join(gzip.compress(b"ab") for _ in range(MAX_MEMBERS))
    assert _inflate(body, "gzip", 1000) == b"ab" * MAX_MEMBERS


def test_more_gzip_members_are_refused_before_each_copies_the_rest() -> None:
    with pytest.raises(Fault) as caught:
        _inflate(gzip.compress(b"") * 200_000, "gzip", 10**8)
    assert caught.value.kind == "bad_request"
    assert str(MAX_MEMBERS) in caught.value.message


@pytest.mark.parametrize(
    ("count", "dimensions", "param"), [(1, MAX_DIMENSIONS + 1, "dimensions"), (257, None, "input"), (17, 4096, "input")]
)
def test_the_demos_vectors_are_bounded_in_every_direction(count: int, dimensions: int | None, param: str) -> None:
    with pytest.raises(Fault) as caught:
        refuse_too_much(count, dimensions)
    assert caught.value.param == param


def test_what_is_within_the_bounds_is_made() -> None:
    refuse_too_much(16, MAX_DIMENSIONS)
    made = vector("hello", 100)
    assert len(made) == 100
    assert sum(value * value for value in made) == pytest.approx(1.0)
