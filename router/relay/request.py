"""From an HTTP request of an executor to the one that a service is sent."""

from __future__ import annotations

from router.faults import Fault
from router.net.message import HttpRequest
from router.relay.protocol.messages import Request

_OWN = frozenset({"accept", "accept-encoding", "user-agent"})
"""Headers that speak of our connection, and that a page may not set anyway."""


def relayed(request: HttpRequest, profile: str) -> Request:
    """The request as a service gets it. profile: "" where the service has no choice. Raises `Fault` bad_request for a
    body that is no text."""
    try:
        body = request.body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Fault("bad_request", f"The body is not valid UTF-8 at byte {error.start}.") from None
    return Request(
        method=request.method,
        url=request.url,
        headers={name: value for name, value in request.headers.items() if name not in _OWN},
        body=body,
        stream=request.headers.get("accept") == "text/event-stream",
        profile=profile,
    )
