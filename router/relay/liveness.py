"""Whether the peer of a session is still there, still allowed, and still takes what it is sent."""

from __future__ import annotations

from router.relay.link import NOT_ALLOWED, SILENT, STUCK
from router.relay.protocol.frames import Frame
from router.relay.session import Session

WRITE_LIMIT = 30.0
"""Seconds that one message of at most 256 KiB may take on its way to a service."""
SILENCE = 3
"""Times the time between pings after which a silent peer has gone."""


def look_at(session: Session, now: float, ping: float) -> None:
    """End the session where the peer is gone; ask a quiet one whether it is there. now: monotonic. ping: seconds of
    silence before that. A plain client knows no such question: it answers the server's WebSocket pings."""
    silent, writing = session.listen(now), session.writing_since
    if not session.allowed():
        session.end(NOT_ALLOWED, "its key does not count any more")
    elif writing is not None and now - writing > WRITE_LIMIT:
        session.end(STUCK, "it does not take what it is sent")
    elif silent >= SILENCE * ping:
        session.end(SILENT, f"nothing was heard of it for {silent:.0f} seconds")
    elif not session.facts.plain and silent >= ping and now - session.asked_at >= ping:
        session.asked_at = now
        session.post(Frame("router", "ping"))
