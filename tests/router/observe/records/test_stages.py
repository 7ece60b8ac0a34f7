"""What a record says of each stage: everything but secrets, and no more than fits."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from router.observe.records.stages import _PIECE, _pieces, of_headers, stages
from router.observe.redact import redact
from router.trace import PART, SPARE, Part, Room
from tests.router.observe.records.making import call_id, record, trace

ID = call_id(1_790_000_000.0)


def made(body: bytes, *secrets: str) -> dict[str, Any]:
    return stages(trace(body, *secrets), record(ID))


def test_each_stage_without_secrets() -> None:
    found = made(b'{"model": "m", "messages": [{"content": "my key is client-key-1234"}]}', "client-key-1234")
    assert list(found) == ["client-request", "upstream-1-request", "upstream-1-answer", "client-answer", "meta"]
    text = json.dumps(found)
    for secret in ("client-key-1234", "house-secret-of-it", "abcdefgh", "a=b"):
        assert secret not in text
    assert found["client-request"]["body"] == '{"model": "m", "messages": [{"content": "my key is ***"}]}'
    assert found["client-request"]["redacted"] and found["meta"]["redacted"]
    assert found["upstream-1-request"]["headers"] == {"Authorization": "***"}
    assert found["upstream-1-answer"]["headers"] == {"set-cookie": "***", "x-house": "***"}
    assert found["meta"]["key"] == "laptop" and found["meta"]["id"] == ID


def test_a_body_without_secrets_is_as_it_was() -> None:
    body = json.dumps({"model": "m", "text": "see http://host.example\u00e9", "from": "ada@example.org"}).encode()
    found = made(body)["client-request"]
    assert (found["body"].encode(), found["redacted"], found["cut"]) == (body, False, False)


def test_what_no_json_can_say_is_said_all_the_same() -> None:
    assert made(b"\xff\xfe{")["client-request"]["body"] == "\\xff\\xfe{"


def test_a_secret_across_the_cut_is_taken_out_before_it_is_cut() -> None:
    secret = "a-secret-that-is-cut"
    body = b"x" * (PART - 5) + secret.encode() + b"y" * 50
    found = made(body, secret)["client-request"]
    assert found["cut"] and found["size"] == len(body) and len(found["body"]) == PART
    assert found["body"].endswith("x***yy")


def test_only_so_much_of_a_stream_is_held() -> None:
    part = Part(room=Room(10**9))
    for _ in range(40):
        part.add(b"z" * 100_000)
    assert part.size == 4_000_000 and part.cut
    assert part.held < PART + SPARE + 100_000
    assert len(part.beginning()) == PART + SPARE


def test_all_answers_together_have_so_much_room_and_give_it_back() -> None:
    room = Room(250)
    one, other = Part(room=room), Part(room=room)
    for piece in (b"a" * 100, b"b" * 100, b"c" * 100, b"d" * 10):
        one.add(piece)
    other.add(b"e" * 50)
    assert (one.beginning(), one.size, one.cut) == (b"a" * 100 + b"b" * 100, 310, True)
    assert (other.held, other.cut, room.left) == (50, False, 0)
    one.close()
    one.close()
    assert room.left == 200
    one.add(b"late")
    assert (room.left, one.held) == (200, 200)


SECRETS = ("Bearer abcdefgh12345678", '"password": "opensesame1"', "?key=a,b,c,dddddddd", "https://u:p,ss@host ")


@pytest.mark.parametrize("secret", SECRETS)
def test_pieces_never_part_a_secret(secret: str) -> None:
    for offset in range(-40, 10):
        text = "a, " * ((_PIECE + offset) // 3) + "b" * (offset % 3) + secret + ", and more of it " * 600
        assert "".join(map(redact, _pieces(text))) == redact(text), offset


def test_pieces_are_short_and_lose_nothing() -> None:
    chance = random.Random(7)
    text = "".join(chance.choice(("word", " ", ",", "Bearer ", "\n", "key=", *["words "] * 9)) for _ in range(60_000))
    pieces = list(_pieces(text))
    assert "".join(pieces) == text
    assert len(pieces) > 5
    plain = list(_pieces("some words " * 20_000))
    assert max(map(len, plain)) < _PIECE + 20


def test_what_was_masked_is_not_sent_again() -> None:
    assert of_headers({"authorization": "***", "anthropic-version": "2023-06-01"}) == {
        "anthropic-version": "2023-06-01"
    }
