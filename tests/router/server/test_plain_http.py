"""The short way is held against h11: whatever it takes, h11 reads the same, and h11 would have written the same."""

from __future__ import annotations

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from router.server.framing import StrictConnection
from router.server.plain_http import begin_answer, read_plain, sound

DOUBTFUL = [
    (b"x-name", b"a\r\nset-cookie: b"),
    (b"x-name", b"a\nb"),
    (b"x-name", b"a\0b"),
    (b"x-name", "ü".encode()),
    (b"x name", b"a"),
    (b"x-name:", b"a"),
    (b"x\r\ny", b"a"),
    (b"x\ny", b"a"),
    (b"x\n\ny", b"a"),
    (b"", b"a"),
]
PLAIN = b"POST /v1/messages?beta=true HTTP/1.1\r\nHost: x\r\nX-Empty:\r\nAccept:*/*\r\ncontent-length: 4\r\n\r\n"
NOT_PLAIN = {
    "no host": b"GET / HTTP/1.1\r\naccept: a\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
    "a header twice": b"GET / HTTP/1.1\r\nhost: a\r\nx: 1\r\nX: 2\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\n",
    "a list of lengths": b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4, 4\r\n\r\n",
    "a signed length": b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +4\r\n\r\n",
    "a coding": b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n",
    "a length and a coding": b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n",
    "an upgrade": b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    "an expectation": b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n",
    "a wish to close": b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    "an older version": b"GET / HTTP/1.0\r\nhost: a\r\n\r\n",
    "a method without a body": b"HEAD / HTTP/1.1\r\nhost: a\r\n\r\n",
    "bare line feeds": b"GET / HTTP/1.1\nhost: a\n\nx\r\n\r\n",
    "a bare line feed": b"GET / HTTP/1.1\r\nhost: a\nx: b\r\n\r\n",
    "a folded line": b"GET / HTTP/1.1\r\nhost: a\r\nx: b\r\n c\r\n\r\n",
    "a blank before the colon": b"GET / HTTP/1.1\r\nhost : a\r\n\r\n",
    "a blank at the end": b"GET / HTTP/1.1\r\nhost: a \r\n\r\n",
    "a tab": b"GET / HTTP/1.1\r\nhost:\ta\r\n\r\n",
    "a zero": b"GET / HTTP/1.1\r\nhost: a\r\nx: a\0b\r\n\r\n",
    "a byte beyond ASCII": b"GET / HTTP/1.1\r\nhost: a\r\nx: \xff\r\n\r\n",
    "no end": b"GET / HTTP/1.1\r\nhost: a\r\n",
    "an empty line before": b"\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}

lines = st.sampled_from(
    [
        b"Host: a",
        b"host:b",
        b"Content-Length: 3",
        b"content-length:0",
        b"content-length: 03",
        b"Content-Length: 3, 3",
        b"Transfer-Encoding: chunked",
        b"transfer-encoding : chunked",
        b"Connection: keep-alive",
        b"connection: Keep-Alive, close",
        b"Upgrade: h2c",
        b"Expect: 100-continue",
        b"X-Empty:",
        b"x-empty: ",
        b"x-folded: a\r\n b",
        b"Authorization: Bearer a: b",
        b"x_y: a",
        b"x: \tb",
        b"x:  b",
    ]
) | st.binary(max_size=8)
heads = st.builds(
    lambda first, fields, gap: first + gap + gap.join(fields) + gap + gap,
    st.sampled_from([b"GET / HTTP/1.1", b"POST /a?b=c HTTP/1.1", b"GET  / HTTP/1.1", b"POST /\x80 HTTP/1.1"]),
    st.lists(lines, max_size=5),
    st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n"]),
)


def test_a_plain_request_is_read() -> None:
    request = read_plain(PLAIN + b"body")
    assert request is not None
    assert (request.method, request.target, request.length, request.size) == (
        "POST",
        b"/v1/messages?beta=true",
        4,
        len(PLAIN),
    )
    assert request.headers == [(b"host", b"x"), (b"x-empty", b""), (b"accept", b"*/*"), (b"content-length", b"4")]


@pytest.mark.parametrize("data", NOT_PLAIN.values(), ids=NOT_PLAIN.keys())
def test_what_is_not_plain_is_left_to_h11(data: bytes) -> None:
    assert read_plain(data) is None


@given(heads)
@example(PLAIN)
def test_h11_reads_every_plain_request_in_the_same_way(head: bytes) -> None:
    request = read_plain(head)
    if request is None:
        return
    connection = StrictConnection(h11.SERVER)
    connection.receive_data(head[: request.size] + b"x" * request.length)
    seen = connection.next_event()
    assert isinstance(seen, h11.Request)
    assert (seen.method.decode(), seen.target, list(seen.headers)) == (request.method, request.target, request.headers)
    body = b""
    while not isinstance(event := connection.next_event(), h11.EndOfMessage):
        assert isinstance(event, h11.Data)
        body += event.data
    assert len(body) == request.length
    connection.send(h11.Response(status_code=200, headers=[(b"content-length", b"0")]))
    connection.send(h11.EndOfMessage())
    assert connection.our_state is h11.DONE  # and not MUST_CLOSE


@pytest.mark.parametrize("size", [10_000, 60_000])
@pytest.mark.parametrize("filler", [b" ", b"a", b"a ", b":", b"\r", b"\r\n", b"a:b\r\n"])
def test_a_hostile_head_takes_no_more_steps_than_it_has_bytes(size: int, filler: bytes) -> None:
    head = b"GET / HTTP/1.1\r\nhost: a\r\nx: " + filler * (size // len(filler)) + b"\x01\r\n\r\n"
    assert read_plain(head) is None  # at once: a search that goes back and forth would not end within the test's limit


fields = st.lists(
    st.sampled_from(
        [
            (b"content-type", b"text/event-stream"),
            (b"content-length", b"5"),
            (b"content-length", b"0"),
            (b"content-length", b"x"),
            (b"connection", b"close"),
            (b"connection", b"keep-alive"),
            (b"transfer-encoding", b"chunked"),
            (b"x-tab", b"a\tb"),
            (b"x-latin", b"\xe9"),
            (b"x_under", b"a"),
            (b"X-Upper", b"a"),
            *DOUBTFUL,
        ]
    ),
    max_size=4,
)


@given(st.sampled_from([200, 204, 304, 404, 500]), fields, st.lists(st.binary(max_size=6), max_size=3))
@example(200, [(b"content-length", b"5")], [b"wh", b"", b"ole"])
@example(200, [(b"content-type", b"a")], [b"whole"])
@example(200, [(b"content-length", b"0"), (b"connection", b"close")], [])
def test_every_answer_has_the_bytes_that_h11_would_send(
    status: int, headers: list[tuple[bytes, bytes]], pieces: list[bytes]
) -> None:
    assert _written(status, headers, pieces) == _written_by_h11(status, headers, pieces)


Written = tuple[bytes, bool, bool] | None


def _written(status: int, headers: list[tuple[bytes, bytes]], pieces: list[bytes]) -> Written:
    try:
        answer, data = begin_answer(status, headers)
        data += b"".join(answer.piece(piece) for piece in pieces) + answer.end()
    except h11.LocalProtocolError:
        return None
    return data, answer.whole, answer.lasting


def _written_by_h11(status: int, headers: list[tuple[bytes, bytes]], pieces: list[bytes]) -> Written:
    connection = StrictConnection(h11.SERVER)
    connection.receive_data(PLAIN + b"body")
    while connection.next_event() is not h11.NEED_DATA:
        pass
    try:
        data = connection.send(h11.Response(status_code=status, headers=headers))
        for piece in pieces:
            data += connection.send(h11.Data(data=piece))
        data += connection.send(h11.EndOfMessage())
    except h11.LocalProtocolError:
        return None
    done = connection.our_state in (h11.DONE, h11.MUST_CLOSE)
    return data, done, connection.our_state is h11.DONE


@pytest.mark.parametrize("header", DOUBTFUL)
def test_a_doubtful_header_is_doubtful_wherever_it_stands(header: tuple[bytes, bytes]) -> None:
    good = (b"content-type", b"application/json")
    assert sound([good, (b"x-empty", b"")])
    assert not sound([header])
    assert not sound([good, header])
    assert not sound([header, good])


@given(st.lists(st.tuples(st.binary(max_size=6), st.binary(max_size=6)), min_size=1, max_size=3))
def test_nothing_sound_can_end_a_line(headers: list[tuple[bytes, bytes]]) -> None:
    if sound(headers):
        assert not any(set(name + value) & set(b"\r\n\0") or b":" in name or not name for name, value in headers)
