"""Takes known secrets out of what others say: providers quote keys, tokens and headers in their errors. Pure.

`router.observe.redact` finds what looks like a secret, in the log; this finds the very secrets that were sent, wherever
the words go on to: clients, pages of status, the database, the audit log.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

from router.faults import Fault
from router.secret import Secret

SHORTEST = 8
"""Characters of what is taken for a secret: blanking less would blank ordinary words."""
PLACEHOLDER = "***"


class Hidden:
    """The secrets of one exchange. What they look like is only worked out when there is something to hide them in."""

    __slots__ = ("_forms", "_secrets")

    def __init__(self, *secrets: Secret | str | None) -> None:
        self._secrets = secrets
        self._forms: tuple[str, ...] | None = None

    def text(self, words: str) -> str:
        """`words` without them."""
        for form in self._known():
            if form in words:
                words = words.replace(form, PLACEHOLDER)
        return words

    def data(self, body: bytes) -> bytes:
        """`body` without them."""
        for form in self._known():
            needle = form.encode("utf-8", "surrogatepass")
            if needle in body:
                body = body.replace(needle, PLACEHOLDER.encode())
        return body

    def fault(self, fault: Fault) -> Fault:
        """The same fault, which says none of them anywhere."""
        fault.message = self.text(fault.message)
        fault.param = None if fault.param is None else self.text(fault.param)
        fault.code = None if fault.code is None else self.text(fault.code)
        fault.details = self._value(fault.details)
        if fault.passthrough is not None:
            fault.passthrough = self.data(fault.passthrough)
        fault.args = (fault.message,)  # what a traceback shows
        return fault

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self._value(key): self._value(inner) for key, inner in value.items()}
        return [self._value(inner) for inner in value] if isinstance(value, list | tuple) else value

    def _known(self) -> tuple[str, ...]:
        if self._forms is None:
            texts = [each.reveal() if isinstance(each, Secret) else each or "" for each in self._secrets]
            found = {form for text in _pieces(texts) for form in _written(text)}
            self._forms = tuple(sorted(found, key=len, reverse=True))  # one may be a part of another
        return self._forms


def passwords(address: str | None) -> tuple[str, ...]:
    """The user information of an address and the password in it."""
    try:
        parts = urlsplit(address or "")
        told = parts.netloc.rpartition("@")[0]
    except ValueError:
        return (address or "",)
    return (unquote(told), unquote(told.partition(":")[2])) if told else ()


def _pieces(texts: Iterable[str]) -> Iterator[str]:
    """Each secret, and what stands behind the scheme of a header's value (``Basic …``)."""
    for text in texts:
        for piece in dict.fromkeys((text, text.partition(" ")[2].strip())):
            if len(piece) >= SHORTEST:
                yield piece


def _written(text: str) -> Iterator[str]:
    """How a secret may be written in a message."""
    data = text.encode("utf-8", "surrogatepass")
    yield text
    yield quote(data, safe="")
    yield quote_plus(data)
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1].replace("/", "\\/")
    encoded = base64.b64encode(data).decode()
    yield encoded
    yield encoded.rstrip("=")
