from __future__ import annotations

from typing import Any

import pytest

from router.relay.protocol.frames import Frame, ProtocolError
from router.relay.protocol.messages import PLAIN_BUFFER, AuthStatus, Head, Profile, Status, Terms
from router.relay.protocol.router_side import (
    Answer,
    Arrived,
    Authenticating,
    Ended,
    Failed,
    Headed,
    Leaving,
    RouterSide,
    Told,
)
from tests.router.relay.protocol.sides import PREFIX, SENT, request, router

HEAD = {"status": 200, "headers": {"Content-Type": "text/event-stream"}}


def opened(side: RouterSide) -> str:
    return side.open(request(), SENT)[0]


def streaming(side: RouterSide) -> str:
    call = opened(side)
    side.receive(Frame(call, "stream_start", HEAD))
    return call


def failure(side: RouterSide, frame: Frame) -> Failed:
    (news,) = side.receive(frame)
    assert isinstance(news, Failed)
    assert side.open_calls == 0
    return news


def test_a_request_is_one_that_existing_browser_clients_read() -> None:
    call, frames = router(plain=True).open(request("b" * 300_000), SENT)
    assert frames == [
        Frame(
            call,
            "http_request",
            {
                "method": "POST",
                "url": "https://example/x",
                "headers": {"content-type": ["application/json"]},
                "body": "b" * 300_000,
                "stream": False,
                "sent_at": SENT,
            },
        )
    ]
    assert len(call) == 36
    assert call.count("-") == 4


def test_a_profile_is_told_where_there_is_one() -> None:
    _, (frame,) = router().open(request(profile="work", stream=True), SENT)
    assert (frame.payload["profile"], frame.payload["stream"]) == ("work", True)


def test_a_unary_answer_is_a_head_a_body_and_an_end() -> None:
    side = router()
    call = opened(side)
    payload = {"status": 429, "headers": {"X-A": ["1", "2"]}, "body": "née"}
    assert side.receive(Frame(call, "http_response", payload)) == [
        Headed(call, Head(429, {"x-a": "1, 2"})),
        Arrived(call, "née".encode(), 4),
        Ended(call),
    ]
    assert side.open_calls == 0


@pytest.mark.parametrize("seq", [1, 2, None, -1])
def test_a_gap_breaks_the_call_and_stops_the_service(seq: int | None) -> None:
    side = router()
    call = streaming(side)
    failed = failure(side, Frame(call, "stream_chunk", {"seq": seq, "data": "x"}))
    assert failed.fault.kind == "upstream_broken"
    assert f"the chunk {seq} where 0 was due" in failed.fault.message
    assert failed.stop


def test_a_chunk_twice_breaks_the_call() -> None:
    side = router()
    call = streaming(side)
    assert side.receive(Frame(call, "stream_chunk", {"seq": 0, "data": "x"})) == [Arrived(call, b"x", 1)]
    assert (
        "the chunk 0 where 1 was due"
        in failure(side, Frame(call, "stream_chunk", {"seq": 0, "data": "x"})).fault.message
    )


@pytest.mark.parametrize(
    ("kind", "payload", "words"),
    [
        ("stream_chunk", {"seq": 0, "data": "x"}, "a chunk before the stream_start"),
        ("stream_end", {}, "a stream_end before the stream_start"),
        ("stream_start", {"status": 99}, "99 is no final status"),
        ("stream_start", {"status": "200"}, "Expected `int`, got `str` - at `$.status`"),
        ("http_response", {"status": 200, "body": 5}, "Expected `str`, got `int` - at `$.body`"),
        ("error", {"status": []}, "Expected `int | null`, got `array`"),
    ],
)
def test_a_mistake_before_the_head_breaks_its_call_alone(kind: str, payload: Any, words: str) -> None:
    side = router()
    other = streaming(side)
    call = opened(side)
    (news,) = side.receive(Frame(call, kind, payload))
    assert isinstance(news, Failed)
    assert words in news.fault.message
    assert side.receive(Frame(other, "stream_end")) == [Ended(other)]


@pytest.mark.parametrize(
    ("kind", "payload", "words"),
    [
        ("stream_start", HEAD, "a second stream_start"),
        ("http_response", {"status": 200, "body": ""}, "an http_response after a stream_start"),
        ("stream_chunk", {"seq": 0, "data": "x" * 262_145}, "a chunk of more than 262144 bytes"),
    ],
)
def test_a_mistake_in_the_middle_breaks_the_call(kind: str, payload: Any, words: str) -> None:
    side = router()
    assert words in failure(side, Frame(streaming(side), kind, payload)).fault.message


@pytest.mark.parametrize(
    ("terms", "chunk", "fit"), [(Terms(chunks=3), "x", 3), (Terms(bytes=10), "12345", 2), (Terms(bytes=9), "12345", 2)]
)
def test_more_than_the_credit_breaks_the_call(terms: Terms, chunk: str, fit: int) -> None:
    side = router(terms)
    call = streaming(side)
    for seq in range(fit):
        side.receive(Frame(call, "stream_chunk", {"seq": seq, "data": chunk}))
    failed = failure(side, Frame(call, "stream_chunk", {"seq": fit, "data": chunk}))
    assert "more chunks than there was credit for" in failed.fault.message


def test_credit_comes_back_by_halves_and_only_for_what_was_read() -> None:
    side = router(Terms(chunks=4, bytes=1000))
    call = streaming(side)
    for seq in range(4):
        side.receive(Frame(call, "stream_chunk", {"seq": seq, "data": "ab"}))
    assert side.taken(call, 2) == []
    assert side.taken(call, 2) == [Frame(call, "credit", {"n": 2, "bytes": 4})]
    assert side.receive(Frame(call, "stream_chunk", {"seq": 4, "data": ""})) == [Arrived(call, b"", 0)]
    side.receive(Frame(call, "stream_end"))
    assert side.taken(call, 2) == []


def test_large_chunks_give_credit_by_bytes() -> None:
    side = router(Terms(chunks=1000, bytes=100))
    call = streaming(side)
    side.receive(Frame(call, "stream_chunk", {"seq": 0, "data": "x" * 60}))
    assert side.taken(call, 60) == [Frame(call, "credit", {"n": 1, "bytes": 60})]


def test_after_a_cancel_the_rest_is_on_its_way_and_ignored() -> None:
    side = router()
    call = streaming(side)
    assert side.cancel(call) == [Frame(call, "cancel")]
    assert side.cancel(call) == []
    for frame in (Frame(call, "stream_chunk", {"seq": 0, "data": "x"}), Frame(call, "stream_end")):
        assert side.receive(frame) == []
    assert side.late == 2


@pytest.mark.parametrize(
    "call", ["", "x", PREFIX + "000000000009", PREFIX + "000000000000", PREFIX + "zz", PREFIX + "1"]
)
@pytest.mark.parametrize("kind", ["http_response", "stream_start", "stream_chunk", "stream_end", "error"])
def test_a_call_that_never_was_is_a_mistake_of_the_session(call: str, kind: str) -> None:
    side = router()
    opened(side)
    with pytest.raises(ProtocolError) as caught:
        side.receive(Frame(call, kind, {"status": 200}))
    assert caught.value.mistake == "unknown_call"


def test_unknown_types_mean_nothing() -> None:
    assert router().receive(Frame("1", "from_the_future", {"a": 1})) == []
    assert router(plain=True).receive(Frame("1", "hello", {"service": "aistudio", "name": "x"})) == []


def test_a_second_hello_is_a_mistake_of_the_session() -> None:
    with pytest.raises(ProtocolError, match="comes first, and once"):
        router().receive(Frame("", "hello", {"service": "aistudio", "name": "x"}))


def test_pings_are_answered_with_their_id() -> None:
    for plain in (False, True):
        assert router(plain=plain).receive(Frame("p7", "ping")) == [Answer(Frame("p7", "pong"))]
        assert router(plain=plain).receive(Frame("p7", "pong")) == []


def test_a_service_tells_how_it_is() -> None:
    side = router()
    profiles = [{"name": "default", "state": "needs_login", "cause": "expired"}]
    assert side.receive(Frame("", "status", {"busy": 2, "profiles": profiles})) == [
        Told(Status(busy=2, profiles=(Profile(name="default", state="needs_login", cause="expired"),)))
    ]
    assert side.receive(Frame("a1", "auth_status", {"state": "done"})) == [
        Authenticating("a1", AuthStatus(state="done"))
    ]
    assert side.receive(Frame("", "drain")) == [Leaving()]


@pytest.mark.parametrize(
    "payload", [{"busy": -1}, {"busy": "1"}, {"profiles": [{"name": "../x"}]}, {"models": ["x"] * 1001}]
)
def test_a_status_of_wrong_types_is_a_mistake_of_the_session(payload: Any) -> None:
    with pytest.raises(ProtocolError) as caught:
        router().receive(Frame("", "status", payload))
    assert caught.value.mistake == "wrong_type"


def test_an_error_ends_a_call_with_its_status() -> None:
    side = router()
    call = streaming(side)
    failed = failure(
        side, Frame(call, "error", {"status": 429, "code": "rate_limited", "message": "m", "retry_after": 9})
    )
    assert (failed.fault.kind, failed.fault.status, failed.fault.retry_after) == ("rate_limited", 429, 9)
    assert not failed.stop


def test_a_lost_socket_gives_the_calls_that_were_open() -> None:
    side = router()
    calls = [opened(side), streaming(side)]
    assert side.lost() == calls
    assert side.lost() == []
    assert side.open_calls == 0


def test_a_plain_client_needs_neither_numbers_nor_credit() -> None:
    side = router(Terms(chunks=1, bytes=1), plain=True)
    call = streaming(side)
    for _ in range(100):
        assert side.receive(Frame(call, "stream_chunk", {"data": "abc"})) == [Arrived(call, b"abc", 3)]
    assert side.taken(call, 3) == []
    assert side.receive(Frame(call, "stream_end")) == [Ended(call)]
    assert side.receive(Frame("who knows", "stream_end")) == []


def test_a_plain_client_is_not_told_to_stop() -> None:
    side = router(plain=True)
    assert side.cancel(opened(side)) == []
    assert not failure(side, Frame(opened(side), "stream_chunk", {"data": "x"})).stop


def test_what_waits_of_a_plain_client_has_a_bound() -> None:
    side = router(plain=True)
    call = streaming(side)
    piece = "x" * (PLAIN_BUFFER // 8)
    for _ in range(8):
        side.receive(Frame(call, "stream_chunk", {"data": piece}))
    side.taken(call, len(piece))
    side.receive(Frame(call, "stream_chunk", {"data": piece}))
    failed = failure(side, Frame(call, "stream_chunk", {"data": "x"}))
    assert failed.fault.kind == "unavailable"
    assert "8 MiB" in failed.fault.message


def test_half_a_character_at_the_end_is_not_lost() -> None:
    side = router(plain=True)
    call = streaming(side)
    assert side.receive(Frame(call, "stream_chunk", {"data": "a\ud83d"})) == [Arrived(call, b"a", 4)]
    assert side.receive(Frame(call, "stream_end")) == [Arrived(call, "\ufffd".encode(), 0), Ended(call)]
