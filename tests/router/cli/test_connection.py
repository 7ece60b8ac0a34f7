"""Whose certificate the command line looks at."""

from __future__ import annotations

import http.client
import ssl

import pytest

from router.cli.connection import connection_to


@pytest.mark.parametrize(
    ("address", "ours", "looked_at"),
    [
        ("https://gateway.example:8317", None, True),
        ("https://gateway.example:8317", True, False),
        ("https://127.0.0.1:8317", None, False),
        ("https://[::1]:8317", None, False),
        ("https://127.0.0.1:8317", False, True),
    ],
)
def test_a_certificate_is_taken_unseen_only_of_our_own_process(
    monkeypatch: pytest.MonkeyPatch, address: str, ours: bool | None, looked_at: bool
) -> None:
    contexts: list[ssl.SSLContext] = []
    made = ssl.create_default_context

    def remember() -> ssl.SSLContext:
        contexts.append(made())
        return contexts[-1]

    monkeypatch.setattr(ssl, "create_default_context", remember)
    connection = connection_to(address, 3.0, ours=ours)
    assert isinstance(connection, http.client.HTTPSConnection)
    assert (connection.port, connection.timeout) == (8317, 3.0)
    assert contexts[0].check_hostname is looked_at
    assert (contexts[0].verify_mode == ssl.CERT_REQUIRED) is looked_at


def test_without_tls_there_is_nothing_to_look_at() -> None:
    connection = connection_to("http://[::1]:8317/below", 3.0)
    assert not isinstance(connection, http.client.HTTPSConnection)
    assert (connection.host, connection.port) == ("::1", 8317)
