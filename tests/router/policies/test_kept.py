"""What is kept, for how long and how much of it; and keys that make a call happen once."""

from __future__ import annotations

import pytest

from router.faults import Fault
from router.policies.idempotency import Idempotency, tenant_key
from router.policies.kept import Answer, Kept


def answer(body: bytes = b"x") -> Answer:
    return Answer(body=body, headers={}, events=False, provider="p", model="m")


def test_an_answer_lives_for_its_time() -> None:
    kept = Kept(10, 1_000_000)
    assert kept.put(b"a", answer(), 100)
    assert kept.get(b"a", 109.9) == answer() and kept.get(b"a", 110) is None
    assert (len(kept), kept.bytes) == (0, 0)


def test_the_one_that_nobody_asked_for_goes_first_and_bytes_stay_below_the_bound() -> None:
    kept = Kept(10, 100_000)
    for number in range(200):
        assert kept.put(b"%d" % number, answer(bytes(5000)), 0)
        kept.get(b"0", 0)
        assert kept.bytes <= 100_000
    assert kept.get(b"0", 0) is not None and kept.get(b"1", 0) is None and kept.get(b"199", 0) is not None
    assert not kept.put(b"0", answer(bytes(13_000)), 0) and kept.get(b"0", 0) is None  # above an eighth
    kept.follow(10, 0)
    assert (len(kept), kept.bytes) == (0, 0)


def test_the_number_is_bounded_too() -> None:
    kept = Kept(10, 1_000_000, most=3)
    for number in range(10):
        kept.put(b"%d" % number, answer(), 0)
    assert len(kept) == 3


def test_a_key_is_in_use_then_answered_then_free_again() -> None:
    once = Idempotency(60)
    assert once.begin(b"k", b"one", 0) is None
    for fingerprint, status in ((b"one", 409), (b"other", 422)):
        with pytest.raises(Fault) as raised:
            once.begin(b"k", fingerprint, 0)
        assert raised.value.http_status == status
    once.end(b"k", answer(), 0)
    assert once.begin(b"k", b"one", 59) == answer()
    with pytest.raises(Fault, match="another request"):
        once.begin(b"k", b"other", 59)
    assert once.begin(b"k", b"other", 60) is None


def test_a_call_that_failed_frees_its_key() -> None:
    once = Idempotency(60)
    assert once.begin(b"k", b"one", 0) is None
    once.end(b"k", None, 0)
    assert once.begin(b"k", b"other", 0) is None


@pytest.mark.parametrize("key", ["", " ", "x" * 256])
def test_what_cannot_be_a_key(key: str) -> None:
    with pytest.raises(Fault, match="1 to 255"):
        tenant_key("a", key)


def test_keys_of_two_tenants_are_two() -> None:
    assert tenant_key("a", "k") != tenant_key("b", "k") and tenant_key("a", "k") == tenant_key("a", "k")
