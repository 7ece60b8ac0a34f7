"""How account code asks a provider's servers: one short request, one whole answer. The edge is passed in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from router.net.client import Net
from router.net.message import HttpRequest, Timeouts

LONGEST = 1024 * 1024
TIMEOUTS = Timeouts(connect=10.0, head=30.0, idle=30.0)


class Reply(Struct, frozen=True):
    """A whole answer. headers: lower-case names. began: Unix time at which the request was made, from which lifetimes
    count. cookies: every ``Set-Cookie`` as it stood."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    began: float = 0.0
    cookies: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Reply({self.status}, {len(self.body)} bytes)"  # the body holds tokens


Ask: TypeAlias = Callable[[HttpRequest], Awaitable[Reply]]
"""Sends one request. Raises `Fault` upstream_broken or timeout where there is no answer; never for a status."""


def asker(net: Net, wall: Callable[[], float]) -> Ask:
    """An `Ask` over real connections."""

    async def ask(request: HttpRequest) -> Reply:
        began = wall()
        async with await net.send(request, TIMEOUTS) as response:
            body = await response.read_some(LONGEST)
            return Reply(response.status, response.headers, body, began, response.cookies)

    return ask


def through(ask: Ask, proxy: str | None) -> Ask:
    """An `Ask` whose requests go through `proxy`, where they name none of their own."""
    if proxy is None:
        return ask

    async def proxied(request: HttpRequest) -> Reply:
        return await ask(request if request.proxy is not None else replace(request, proxy=proxy))

    return proxied
