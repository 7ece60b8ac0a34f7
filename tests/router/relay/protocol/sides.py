"""Both sides of one session, wired in memory: what one sends, the other gets as text."""

from __future__ import annotations

from collections import deque
from typing import Any

from router.relay.protocol import router_side, service_side
from router.relay.protocol.frames import Frame, decode, encode
from router.relay.protocol.messages import Head, Hello, Request, Terms, Welcome, write
from router.relay.protocol.router_side import RouterSide
from router.relay.protocol.service_side import ServiceSide

HELLO = Hello(service="aistudio", name="one", capacity=3)
PREFIX = "0f0f0f0f-1111-4222-8333-"
SENT = "2026-01-01T00:00:00.000Z"


def request(body: str = "{}", **more: Any) -> Request:
    return Request(
        method="POST", url="https://example/x", headers={"content-type": "application/json"}, body=body, **more
    )


def router(terms: Terms | None = None, *, plain: bool = False) -> RouterSide:
    return RouterSide(PREFIX, terms or Terms(), plain=plain)


def service(terms: Terms | None = None) -> ServiceSide:
    side = ServiceSide(HELLO)
    side.receive(Frame("", "welcome", write(Welcome(session="s", router="r", limits=terms or Terms()))))
    return side


def over(frame: Frame) -> Frame:
    """The frame as it arrives at the other side."""
    return decode(encode(frame))


class Wire:
    """A router's side and a service's, with a queue of frames each way; nothing moves before it is told to."""

    def __init__(self, terms: Terms | None = None) -> None:
        self.router = router(terms)
        self.service = service(terms)
        self.to_service: deque[Frame] = deque()
        self.to_router: deque[Frame] = deque()

    def open(self, body: str = "{}") -> str:
        call, frames = self.router.open(request(body), SENT)
        self.to_service += frames
        return call

    def serve(self) -> list[service_side.News]:
        """The service gets its next frame."""
        news = self.service.receive(over(self.to_service.popleft()))
        self.to_router += [each.frame for each in news if isinstance(each, service_side.Back)]
        return news

    def route(self) -> list[router_side.News]:
        """The router gets its next frame."""
        return self.router.receive(over(self.to_router.popleft()))

    def start(self, call: str) -> None:
        self.to_router.append(self.service.start(call, Head(200, {"content-type": "text/event-stream"})))
