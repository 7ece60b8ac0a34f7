"""TLS on the same port, with the certificate of the files as they are now; HTTP/2 where the client wants it."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import h2.config
import h2.connection
import h2.events
import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from router.server.tls import BadCertificate, Certificate
from tests.router.server.certificates import write_certificate
from tests.router.server.test_run import WITHIN, Client, Running, running, until


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    write_certificate(cert, key, "first")
    return cert, key


async def connect(it: Running, *alpn: str) -> Client:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(list(alpn))
    client = Client(*await asyncio.open_connection("127.0.0.1", it.port, ssl=context))
    it.clients.append(client)
    return client


def name_of(client: Client) -> str:
    raw = client.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    return str(x509.load_der_x509_certificate(raw).subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


async def test_https_answers_and_a_changed_certificate_counts_for_new_connections(pair: tuple[Path, Path]) -> None:
    cert, key = pair
    async with running(tls_cert=cert, tls_key=key) as it:
        old = await connect(it)
        old.send("/echo", method="POST", body=b"four")
        assert (await old.answer())[::2] == (200, b"4")
        assert name_of(old) == "first"
        write_certificate(cert, key, "second")

        names: list[str] = []
        async with asyncio.timeout(WITHIN):
            while "second" not in names:
                names.append(name_of(await connect(it)))
        old.send("/")
        assert (await old.answer())[0] == 200


async def test_http2_is_spoken_with_who_asks_for_it(pair: tuple[Path, Path]) -> None:
    async with running(tls_cert=pair[0], tls_key=pair[1]) as it:
        client = await connect(it, "h2")
        session = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        session.initiate_connection()
        head = [(":method", "GET"), (":path", "/"), (":scheme", "https"), (":authority", "x")]
        session.send_headers(1, head, end_stream=True)
        client.writer.write(session.data_to_send())
        found: list[Any] = []
        async with asyncio.timeout(WITHIN):
            while not any(isinstance(event, h2.events.StreamEnded) for event in found):
                found += session.receive_data(await client.reader.read(65_536))
                client.writer.write(session.data_to_send())
        answer = next(event for event in found if isinstance(event, h2.events.ResponseReceived))
        assert dict(answer.headers)[":status"] == "200"


async def test_a_drain_ends_an_http2_connection(pair: tuple[Path, Path]) -> None:
    async with running(tls_cert=pair[0], tls_key=pair[1]) as it:
        client = await connect(it, "h2")
        await until(lambda: bool(it.server.connections))
        async with asyncio.TaskGroup() as group:
            group.create_task(it.server.end())
            await client.rest()


def test_a_pair_that_does_not_fit_keeps_the_old_one(pair: tuple[Path, Path], tmp_path: Path) -> None:
    cert, key = pair
    certificate = Certificate(cert, key)
    good = key.read_bytes()
    write_certificate(tmp_path / "other.pem", key, "other")
    assert certificate.refresh() is False
    key.write_bytes(good)
    assert certificate.refresh() is True


def test_files_that_are_missing_or_wrong_are_named(pair: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(BadCertificate, match=r"server\.tls\.key: there is no file .*nowhere"):
        Certificate(pair[0], tmp_path / "nowhere")
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("not a key")
    with pytest.raises(BadCertificate, match=r"not a PEM certificate and its key"):
        Certificate(pair[0], wrong)
