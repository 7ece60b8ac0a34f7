"""What both halves answer with, and the tokens that they make and check."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ORIGIN = "https://cto.new"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One HTTP answer. pairs: headers, in order, a name may return. sse: frames of a stream instead of a body."""

    status: int = 200
    body: Any = None
    pairs: tuple[tuple[str, str], ...] = ()
    sse: tuple[bytes, ...] = field(default=())

    def encoded(self) -> bytes:
        """The body's bytes: JSON, or bytes as they are."""
        if self.sse:
            return b"".join(self.sse)
        if self.body is None or isinstance(self.body, bytes):
            return self.body or b""
        return json.dumps(self.body).encode()

    def content_type(self) -> str:
        if self.sse:
            return "text/event-stream"
        return "text/html" if isinstance(self.body, bytes) else "application/json"


class Refused(Exception):
    """A request that is refused with this answer."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(f"{status}: {body}")
        self.answer = Answer(status=status, body=body)


def jwt(claims: Mapping[str, Any]) -> str:
    """Three parts; whoever made it remembers it, so nothing is signed."""
    return ".".join(_part(json.dumps(piece).encode()) for piece in ({"alg": "RS256", "typ": "JWT"}, claims)) + ".c2ln"


def read_jwt(token: str) -> dict[str, Any]:
    """The claims. Raises `ValueError`."""
    part = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    if not isinstance(claims, dict):
        raise ValueError("a JWT holds an object")
    return claims


def read_exp(token: str) -> float:
    """When a token ends."""
    return float(read_jwt(token)["exp"])


def cookies(header: str) -> dict[str, str]:
    """The cookies of a request."""
    pairs = (pair.strip().partition("=") for pair in header.split(";") if pair.strip())
    return {name: value for name, _, value in pairs}


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
