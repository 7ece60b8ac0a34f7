from __future__ import annotations

from typing import Any

import pytest

from router.faults import Fault
from router.relay.protocol.frames import Frame, ProtocolError
from router.relay.protocol.messages import AuthRequest, AuthStatus, Head, Hello, Request, Status, Terms, Welcome, write
from router.relay.protocol.service_side import (
    Asked,
    Back,
    Cancelled,
    Credited,
    Draining,
    ServiceSide,
    Siblings,
    SignIn,
    SignInCancelled,
    Welcomed,
)
from tests.router.relay.protocol.sides import HELLO, service

ASK: dict[str, Any] = {"method": "POST", "url": "u", "headers": {"A": ["1", "2"]}, "body": "b", "stream": True}


def asked(side: ServiceSide, call: str = "1") -> str:
    side.receive(Frame(call, "http_request", ASK))
    return call


def test_the_key_is_in_the_hello_only_where_there_is_one() -> None:
    assert "key" not in ServiceSide(HELLO).hello().payload
    assert ServiceSide(Hello(service="aistudio", name="one", key="k")).hello().payload["key"] == "k"


def test_the_welcome_brings_the_terms() -> None:
    side = ServiceSide(HELLO)
    welcome = Welcome(session="s", router="r", routers=("ws://a",), limits=Terms(chunks=5))
    assert side.receive(Frame("", "welcome", write(welcome))) == [Welcomed(welcome)]
    assert side.terms.chunks == 5


@pytest.mark.parametrize("kind", ["http_request", "cancel", "credit", "drain", "routers", "auth_request"])
def test_nothing_counts_before_the_welcome(kind: str) -> None:
    with pytest.raises(ProtocolError, match="came before the welcome"):
        ServiceSide(HELLO).receive(Frame("1", kind, ASK))


def test_a_second_welcome_is_a_mistake() -> None:
    with pytest.raises(ProtocolError, match="comes once"):
        service().receive(Frame("", "welcome", write(Welcome(session="s", router="r"))))


def test_a_request_is_read_in_both_shapes_of_headers() -> None:
    side = service()
    request = Request(method="POST", url="u", headers={"a": "1, 2"}, body="b", stream=True)
    assert side.receive(Frame("1", "http_request", ASK)) == [Asked("1", request)]
    assert side.receive(Frame("2", "http_request", {**ASK, "headers": {"a": "1, 2"}})) == [Asked("2", request)]


@pytest.mark.parametrize("call", ["", "1"])
def test_an_id_twice_or_none_is_a_mistake(call: str) -> None:
    side = service()
    asked(side)
    with pytest.raises(ProtocolError, match="needs an id that no open call has"):
        asked(side, call)


@pytest.mark.parametrize("seq", [1, None])
def test_a_gap_in_a_request_is_a_mistake(seq: int | None) -> None:
    side = service()
    side.receive(Frame("1", "http_request", {**ASK, "more": True}))
    with pytest.raises(ProtocolError, match="is not the one that is due"):
        side.receive(Frame("1", "request_chunk", {"seq": seq, "data": "x"}))


def test_chunks_behind_a_whole_request_are_a_mistake() -> None:
    side = service()
    with pytest.raises(ProtocolError, match="is not the one that is due"):
        side.receive(Frame(asked(side), "request_chunk", {"seq": 0, "data": "x"}))


def test_a_request_that_grows_too_large_is_refused_and_its_rest_ignored() -> None:
    side = service(Terms(message_bytes=10))
    side.receive(Frame("1", "http_request", {**ASK, "more": True}))
    (news,) = side.receive(Frame("1", "request_chunk", {"seq": 0, "data": "x" * 10}))
    assert isinstance(news, Back)
    assert (news.frame.type, news.frame.payload["status"]) == ("error", 413)
    assert side.receive(Frame("1", "request_chunk", {"seq": 1, "data": "x", "last": True})) == []


def test_a_cancel_closes_the_call() -> None:
    side = service()
    call = asked(side)
    assert side.receive(Frame(call, "cancel")) == [Cancelled(call)]
    assert side.receive(Frame(call, "cancel")) == []
    for late in (side.may_send, side.end, lambda call: side.start(call, Head(200))):
        with pytest.raises(KeyError):
            late(call)


def test_a_cancel_of_half_a_request_tells_nobody() -> None:
    side = service()
    side.receive(Frame("1", "http_request", {**ASK, "more": True}))
    assert side.receive(Frame("1", "cancel")) == []
    assert side.open_calls == 0


def test_credit_counts_chunks_and_bytes() -> None:
    side = service(Terms(chunks=2, bytes=10))
    call = asked(side)
    side.start(call, Head(200))
    assert side.chunk(call, "ab").payload == {"seq": 0, "data": "ab"}
    assert side.chunk(call, "ab").payload == {"seq": 1, "data": "ab"}
    assert not side.may_send(call)
    with pytest.raises(ValueError, match="no chunk may be sent"):
        side.chunk(call, "x")
    assert side.receive(Frame(call, "credit", {"n": 2, "bytes": 4})) == [Credited(call)]
    side.chunk(call, "x" * 20)
    assert not side.may_send(call)
    side.receive(Frame(call, "credit", {"n": 0, "bytes": 11}))
    assert side.may_send(call)
    assert side.receive(Frame("gone", "credit", {"n": 1})) == []


@pytest.mark.parametrize("payload", [{"n": -1}, {"bytes": -1}, {"n": "1"}])
def test_credit_of_wrong_values_is_a_mistake(payload: Any) -> None:
    side = service()
    with pytest.raises(ProtocolError):
        side.receive(Frame(asked(side), "credit", payload))


def test_answers_are_cut_to_chunks_at_whole_characters() -> None:
    side = service(Terms(chunk_bytes=8))
    call = asked(side)
    assert side.cut(call, "abcdefghij") == ["abcdefgh", "ij"]
    assert side.cut(call, "éé\ud83d") == ["éé"]
    assert side.cut(call, "\ude00") == ["😀"]
    assert side.cut(call, "") == []


def test_an_answer_has_one_head_and_one_end() -> None:
    side = service()
    call = asked(side)
    with pytest.raises(ValueError, match="no chunk may be sent"):
        side.chunk(call, "x")
    with pytest.raises(ValueError, match="has not begun"):
        side.end(call)
    assert side.start(call, Head(200, {"a": "b"})) == Frame(
        call, "stream_start", {"status": 200, "headers": {"a": "b"}}
    )
    with pytest.raises(ValueError, match="has begun"):
        side.start(call, Head(200))
    with pytest.raises(ValueError, match="in one piece"):
        side.respond(call, Head(200), "")
    assert side.end(call) == Frame(call, "stream_end")
    with pytest.raises(KeyError):
        side.end(call)


def test_a_small_answer_goes_in_one_piece_and_a_large_one_does_not() -> None:
    side = service(Terms(chunk_bytes=4))
    call = asked(side)
    with pytest.raises(ValueError, match="in one piece"):
        side.respond(call, Head(200), "éé1")
    assert side.respond(call, Head(200), "éé") == Frame(
        call, "http_response", {"status": 200, "headers": {}, "body": "éé"}
    )
    assert not side.is_open(call)


def test_a_failure_keeps_its_status() -> None:
    side = service()
    call = asked(side)
    assert side.fail(call, Fault("quota_spent", "No more.", status=429, retry_after=3)).payload == {
        "status": 429,
        "code": "quota_spent",
        "message": "No more.",
        "retry_after": 3,
    }


def test_what_is_not_said_is_not_sent() -> None:
    assert ServiceSide.status(Status(busy=1, cause="")).payload == {"busy": 1, "cause": ""}
    assert ServiceSide.sign_in("7", AuthStatus(state="waiting")) == Frame(
        "7", "auth_status", {"state": "waiting", "message": ""}
    )
    assert ServiceSide.drain() == Frame("", "drain")


def test_what_the_router_tells_beside_calls() -> None:
    side = service()
    assert side.receive(Frame("", "routers", {"routers": ["ws://a"]})) == [Siblings(("ws://a",))]
    assert side.receive(Frame("", "drain")) == [Draining()]
    assert side.receive(Frame("9", "ping")) == [Back(Frame("9", "pong"))]
    assert side.receive(Frame("9", "from_the_future")) == []
    headed = {"profile": "work", "headed": True}
    assert side.receive(Frame("a", "auth_request", headed)) == [SignIn("a", AuthRequest(profile="work", headed=True))]
    assert side.receive(Frame("a", "auth_cancel")) == [SignInCancelled("a")]


def test_a_lost_socket_gives_the_calls_that_were_open() -> None:
    side = service()
    asked(side, "1"), asked(side, "2")
    assert side.lost() == ["1", "2"]
    assert side.open_calls == 0
