from __future__ import annotations

import pytest

from router.access.credentials import is_local, is_loopback_host, presented_keys


@pytest.mark.parametrize(
    ("headers", "query", "keys"),
    [
        ({"authorization": "Bearer a"}, "", ["a"]),
        ({"authorization": "bearer  a "}, "", ["a"]),
        ({"x-api-key": "a"}, "", ["a"]),
        ({"x-goog-api-key": "a"}, "", ["a"]),
        ({}, "alt=sse&key=a%2Bb", ["a+b"]),
        ({"authorization": "Bearer a", "x-api-key": "b", "x-goog-api-key": "c"}, "key=d", ["a", "b", "c", "d"]),
        ({"authorization": "Bearer a", "x-api-key": "a"}, "key=a", ["a"]),
        ({"authorization": "Basic a"}, "", []),
        ({"authorization": "Bearer"}, "", []),
        ({"authorization": "Bearer "}, "key=&monkey=x", []),
        ({"x-api-key": "  "}, "", []),
        ({}, "&".join(f"a{n}=1" for n in range(200)) + "&key=x", []),
    ],
)
def test_keys_are_found_in_every_place_in_one_order(headers: dict[str, str], query: str, keys: list[str]) -> None:
    assert [key.reveal() for key in presented_keys(headers, query)] == keys


def test_a_presented_key_cannot_be_printed() -> None:
    assert "canary" not in repr(presented_keys({"x-api-key": "canary"}))


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8317", "127.0.0.1:8317", "127.8.8.8", "[::1]:8317", "[::1]", "::1"]
)
def test_loopback_hosts(host: str) -> None:
    assert is_loopback_host(host)


@pytest.mark.parametrize(
    "host", ["", "evil.example", "127.0.0.1.evil.example", "[::1", "[::1]x", "0.0.0.0", "localhost.evil"]
)
def test_other_hosts_are_not_loopback(host: str) -> None:
    assert not is_loopback_host(host)


def test_local_means_peer_and_host_loopback_and_nobody_in_between() -> None:
    assert is_local("127.0.0.1", {"user-agent": "x"}, "localhost:8317")
    assert is_local("::ffff:127.0.0.1", {}, "127.0.0.1")
    assert not is_local("192.168.1.5", {}, "localhost")
    assert not is_local(None, {}, "localhost")
    assert not is_local("127.0.0.1", {}, "rebound.example")
    for header in ("forwarded", "x-forwarded-for", "x-real-ip", "via"):
        assert not is_local("127.0.0.1", {header: "1.2.3.4"}, "localhost")
