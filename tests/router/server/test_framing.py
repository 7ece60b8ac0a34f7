"""Requests that two servers could read differently are refused, and nothing behind them is read as a request."""

from __future__ import annotations

import pytest

from tests.router.server.test_run import Client, running

SECOND = b"GET /second HTTP/1.1\r\nhost: x\r\n\r\n"


async def answers_to(client: Client, request: bytes) -> bytes:
    """Everything that comes until the server closes the connection."""
    client.writer.write(request + SECOND)
    return await client.rest()


def post(headers: bytes, body: bytes, version: bytes = b"1.1") -> bytes:
    return b"POST /echo HTTP/%b\r\nhost: x\r\n%b\r\n%b" % (version, headers, body)


CHUNKED = b"4\r\nfour\r\n0\r\n\r\n"
SHAPES: dict[str, tuple[bytes, int]] = {
    "length and coding": (post(b"content-length: 4\r\ntransfer-encoding: chunked\r\n", CHUNKED), 400),
    "coding and length": (post(b"transfer-encoding: chunked\r\ncontent-length: 14\r\n", CHUNKED), 400),
    "a coding in HTTP/1.0": (post(b"transfer-encoding: chunked\r\n", CHUNKED, b"1.0"), 400),
    "two lengths": (post(b"content-length: 4\r\ncontent-length: 5\r\n", b"four!"), 400),
    "two lengths in one line": (post(b"content-length: 4, 5\r\n", b"four!"), 400),
    "a length with a sign": (post(b"content-length: +4\r\n", b"four"), 400),
    "a length in hexadecimal": (post(b"content-length: 0x4\r\n", b"four"), 400),
    "a negative length": (post(b"content-length: -1\r\n", b""), 400),
    "an empty length": (post(b"content-length: \r\n", b""), 400),
    "a folded length": (post(b"content-length: 4\r\n 5\r\n", b"four!"), 400),
    "two codings": (post(b"transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n", CHUNKED), 501),
    "a coding before chunked": (post(b"transfer-encoding: gzip, chunked\r\n", CHUNKED), 501),
    "an unknown coding": (post(b"transfer-encoding: xchunked\r\n", CHUNKED), 501),
    "a folded coding": (post(b"transfer-encoding: chunked\r\n identity\r\n", CHUNKED), 501),
    "a control character in a coding": (post(b"transfer-encoding: \x0bchunked\r\n", CHUNKED), 400),
    "a blank before the colon": (post(b"transfer-encoding : chunked\r\n", CHUNKED), 400),
    "a blank before the name": (b"GET / HTTP/1.1\r\n host: x\r\n\r\n", 400),
    "a bare CR in a value": (post(b"x: a\rtransfer-encoding: chunked\r\n", CHUNKED), 400),
    "a NUL in a value": (post(b"x: a\0b\r\n", b""), 400),
    "two hosts": (b"GET / HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n", 400),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
}


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_request_of_doubtful_length_is_refused_and_the_connection_closed(shape: str) -> None:
    request, status = SHAPES[shape]
    async with running() as it:
        answers = await answers_to(await it.connect(), request)
    assert answers.startswith(b"HTTP/1.1 %d " % status)
    assert b"connection: close" in answers.lower()
    assert answers.count(b"HTTP/1.1 ") == 1  # what stood behind was not read as a request


@pytest.mark.parametrize(
    "body",
    [
        b"4\nfour\r\n0\r\n\r\n",
        b"4\rfour\r\n0\r\n\r\n",
        b"0x4\r\nfour\r\n0\r\n\r\n",
        b"+4\r\nfour\r\n0\r\n\r\n",
        b"-4\r\nfour\r\n0\r\n\r\n",
        b"4 4\r\nfour\r\n0\r\n\r\n",
        b"4;x=\ny\r\nfour\r\n0\r\n\r\n",
        b"4\r\nfourXX0\r\n\r\n",
        b"4\r\nfour\n0\r\n\r\n",
        b"fffffffffffffffffffffffff\r\nfour\r\n0\r\n\r\n",
    ],
)
async def test_a_chunk_of_doubtful_length_ends_the_connection(body: bytes) -> None:
    async with running() as it:
        answers = await answers_to(await it.connect(), post(b"transfer-encoding: chunked\r\n", body))
    assert b"HTTP/1.1 200" not in answers
    assert answers.count(b"HTTP/1.1 ") <= 1


async def test_a_folded_header_is_one_header() -> None:
    async with running() as it:
        client = await it.connect()
        client.writer.write(post(b"content-length: 4\r\nx: a\r\n transfer-encoding: chunked\r\n", b"four"))
        assert (await client.answer())[2] == b"4"


async def test_plain_and_chunked_bodies_are_taken_and_the_connection_goes_on() -> None:
    async with running() as it:
        client = await it.connect()
        client.writer.write(post(b"transfer-encoding: Chunked\r\n", CHUNKED))
        assert (await client.answer())[2] == b"4"
        client.writer.write(post(b"content-length: 4\r\ncontent-length: 4\r\n", b"four"))  # RFC 9110, 8.6: the same
        assert (await client.answer())[2] == b"4"
