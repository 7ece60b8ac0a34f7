"""Small bodies of management requests: bounded in size and time, and what is in them checked with clear messages."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from router.settings.mistakes import nearest
from router.wire import codec

SMALL = 64 * 1024
SECONDS = 15.0
"""Seconds in which a body must have come."""
_MOST_FIELDS = 32


class BadBody(Exception):
    """A body that cannot be used. status: to answer with. The message quotes nothing of it. fields: what is wrong with
    which of its fields, where that is known."""

    def __init__(self, status: int, message: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.fields = fields or {}


async def read_body(request: Request, limit: int = SMALL) -> bytes:
    """The whole body, as it came. Raises `BadBody`."""
    if request.headers.get("content-encoding", "identity") != "identity":
        raise BadBody(415, "Send the body as it is, without a content-encoding.")
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(SECONDS):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit:
                    raise BadBody(413, f"The body is larger than {limit} bytes.")
                parts.append(chunk)
    except TimeoutError:
        raise BadBody(408, f"The body did not come within {SECONDS:g} seconds.") from None
    return b"".join(parts)


async def read_object(request: Request, limit: int = SMALL) -> dict[str, Any]:
    """The body as a JSON object; an empty body is an empty one. Raises `BadBody`."""
    data = await read_body(request, limit)
    if not data.strip():
        return {}
    try:
        value = codec.loads(data)
    except codec.Malformed:
        raise BadBody(400, "The body is not JSON.") from None
    if not isinstance(value, dict):
        raise BadBody(400, "The body must be a JSON object.")
    return value


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form. Raises `BadBody`."""
    try:
        pairs = parse_qsl((await read_body(request)).decode("ascii"), max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise BadBody(400, "The form cannot be read.") from None
    return dict(pairs)


def is_form(request: Request) -> bool:
    """Whether the body is what a browser's form sends."""
    return request.headers.get("content-type", "").partition(";")[0].strip() == "application/x-www-form-urlencoded"


def check_names(given: Mapping[str, Any], known: Collection[str]) -> None:
    """Raises `BadBody` for a field that means nothing."""
    for name in given:
        if name not in known:
            near = nearest(name, known)
            meant = f" Did you mean {near!r}?" if near else f" There are {', '.join(known)}."
            raise BadBody(400, f"{name[:100]!r} is no field here.{meant}")


def text_field(given: Mapping[str, Any], name: str) -> str | None:
    """A text, None where it is not given. Raises `BadBody`."""
    value = given.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise BadBody(400, f"{name} must be a text.")
    return value


def flag_field(given: Mapping[str, Any], name: str) -> bool:
    """True or false; texts as a form or a query has them too. Raises `BadBody`."""
    value = given.get(name, False)
    if value is True or value in ("true", "1"):
        return True
    if value is False or value in ("false", "0", ""):
        return False
    raise BadBody(400, f"{name} must be true or false.")
