"""The certificate of the listening port, read again when its files change."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

_log = logging.getLogger("switchyard.server")


class BadCertificate(Exception):
    """The files cannot serve TLS; the message names the file and the remedy."""


class Certificate:
    """An SSL context whose certificate follows its files. New connections get the new one; running ones keep theirs."""

    def __init__(self, cert: Path, key: Path) -> None:
        """Raises `BadCertificate`."""
        self._cert = cert
        self._key = key
        self.context = _context(cert, key)
        self._seen = self._stamp()

    def refresh(self) -> bool:
        """Load the files if they have changed. A pair that does not fit keeps the old one in force and says so."""
        stamp = self._stamp()
        if stamp == self._seen:
            return False
        self._seen = stamp
        try:
            _context(
                self._cert, self._key
            )  # first into a context of its own: a half-written pair must not be half loaded
        except BadCertificate as error:
            _log.error("the certificate in force stays: %s", error)
            return False
        self.context.load_cert_chain(self._cert, self._key)
        _log.info("the certificate %s has been read again", self._cert)
        return True

    def _stamp(self) -> tuple[object, ...]:
        return _facts(self._cert), _facts(self._key)


def _facts(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _context(cert: Path, key: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    context.set_alpn_protocols(["h2", "http/1.1"])
    for name, path in (("server.tls.cert", cert), ("server.tls.key", key)):
        if not path.is_file():
            raise BadCertificate(f"{name}: there is no file {path}")
    try:
        context.load_cert_chain(cert, key, password=_no_password)
    except (ssl.SSLError, OSError, ValueError) as error:
        raise BadCertificate(f"server.tls: {cert} and {key} are not a PEM certificate and its key ({error})") from error
    return context


def _no_password() -> str:
    """Asked for by OpenSSL when the key is encrypted; a server must not wait at a terminal."""
    raise ValueError("the key is protected by a password; store it without one, readable by its owner only")
