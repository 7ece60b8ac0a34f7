from __future__ import annotations

import os
import resource
import socket

import pytest

from router.server.listen import (
    CannotListen,
    bind,
    connection_limit,
    matches,
    port_holder,
    raise_descriptor_limit,
)


def test_a_free_port_is_listened_on_and_recognised() -> None:
    (sock,) = bind("127.0.0.1", 0, 5, 65_536)
    with sock:
        port = sock.getsockname()[1]
        assert matches(sock, "127.0.0.1", port)
        assert matches(sock, "127.0.0.1", 0)
        assert not matches(sock, "127.0.0.1", port + 1)
        assert not matches(sock, "0.0.0.0", port)
        socket.create_connection(("127.0.0.1", port)).close()


def test_a_taken_port_names_its_holder_and_the_ways_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        holder = port_holder(port)
        with pytest.raises(CannotListen) as found:
            bind("127.0.0.1", port, 5, 65_536, retry_for=0.0)
    assert holder is not None
    assert holder.endswith(f"(process {os.getpid()})")
    assert str(found.value).startswith(f"port {port} on 127.0.0.1 is taken by ")
    assert "server.port" in str(found.value)


def test_an_address_of_another_machine_is_refused_with_the_setting_named() -> None:
    with pytest.raises(CannotListen, match=r"cannot listen on 192\.0\.2\.1"):
        bind("192.0.2.1", 0, 5, 65_536)


def test_a_name_that_is_no_address_is_refused_with_the_setting_named() -> None:
    with pytest.raises(CannotListen, match=r"server\.host"):
        bind("not a host name", 0, 5, 65_536)


def test_nobody_holds_a_free_port() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        assert port_holder(sock.getsockname()[1]) is None


def test_half_of_the_descriptors_are_for_clients() -> None:
    assert connection_limit(20_000) == 9936
    assert connection_limit(64) == 16


def test_the_descriptor_limit_is_never_lowered() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert raise_descriptor_limit(wanted=16) == before
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == before
