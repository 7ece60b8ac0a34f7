"""What was written opens whole with its passphrase, and with no other and in no other shape."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.backup.sealed import MAGIC, PIECE, CannotOpen, Writer, opened

WORDS = "correct horse battery"


def sealed(data: bytes, passphrase: str = WORDS, step: int = 70_000) -> bytes:
    target = io.BytesIO()
    writer = Writer(target, passphrase)
    for at in range(0, len(data), step):
        writer.write(data[at : at + step])
    writer.close()
    return target.getvalue()


def open_again(data: bytes, passphrase: str = WORDS) -> bytes:
    return b"".join(opened(io.BytesIO(data), passphrase))


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 5])
def test_what_was_written_opens_again(size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    assert open_again(sealed(data[:size])) == data[:size]


def test_two_backups_of_the_same_are_not_the_same() -> None:
    assert sealed(b"x") != sealed(b"x")


LARGE = sealed(b"a" * PIECE + b"b" * PIECE + b"c" * 9)
HEAD = len(MAGIC) + 16 + 7


@given(st.integers(0, len(LARGE) - 1), st.integers(1, 255))
@settings(max_examples=25, deadline=None)
def test_a_changed_byte_opens_nothing(place: int, change: int) -> None:
    damaged = bytearray(LARGE)
    damaged[place] ^= change
    with pytest.raises(CannotOpen):
        open_again(bytes(damaged))


def test_what_was_cut_reordered_or_is_something_else_does_not_open() -> None:
    one, two = LARGE[HEAD : HEAD + PIECE + 16], LARGE[HEAD + PIECE + 16 : HEAD + 2 * (PIECE + 16)]
    for other in (LARGE[:-25], LARGE[: HEAD + PIECE + 16], LARGE[:HEAD] + two + one, LARGE + b"x", b"", b"PK\x03\x04"):
        with pytest.raises(CannotOpen):
            open_again(other)
    with pytest.raises(CannotOpen, match="passphrase"):
        open_again(LARGE, "another passphrase")
