"""The sessions of the hub as people see them: ``GET /v0/management/relay``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from router.relay.announced import Announcement, Within
from router.relay.hub import Hub
from router.relay.protocol.messages import Profile
from router.relay.session import Session


def relay_report(hub: Hub, announced: Iterable[Announcement] = ()) -> dict[str, Any]:
    """``sessions`` by name, how often one took the place of another, and the ``services`` reached over HTTP."""
    return {
        "sessions": [_session(session) for session in hub.sessions],
        "routers": list(hub.routers),
        "replaced": hub.replaced,
        "services": [_service(said) for said in announced],
    }


def _service(said: Announcement) -> dict[str, Any]:
    return {
        "name": said.name,
        "service": said.service,
        "version": said.version or None,
        "endpoint": said.endpoint,
        "ready": said.ready,
        "cause": " ".join(said.causes) or None,
        "capacity": said.capacity,
        "busy": said.busy,
        "accounts": [_profile(each) for each in said.accounts],
        "models": list(said.models),
        "until": _moment(said.expires_at),
    }


def _profile(each: Profile | Within) -> dict[str, Any]:
    return {"name": each.name, "state": each.state, "cause": each.cause or None}


def _session(session: Session) -> dict[str, Any]:
    facts, tally = session.facts, session.tally
    return {
        "name": facts.name,
        "session": facts.id,
        "service": facts.service,
        "kind": "browser" if facts.plain else "service",
        "version": facts.version or None,
        "address": facts.address or None,
        "since": _moment(facts.since),
        "capabilities": list(facts.capabilities),
        "capacity": facts.capacity,
        "busy": session.busy,
        "open_calls": session.open_calls,
        "ready": not session.cause,
        "cause": session.cause or None,
        "profiles": [_profile(each) for each in session.profiles],
        "models": list(session.models),
        "calls": dict(tally.outcomes),
        "first_piece_seconds": {"p50": _quantile(tally.first, 0.5), "p95": _quantile(tally.first, 0.95)},
        "late_frames": session.side.late,
        "errors": [{"at": _moment(at), "error": text} for at, text in tally.errors],
    }


def _quantile(values: Sequence[float], share: float) -> float | None:
    """Of the last calls; None where there were none."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 4) if ordered else None


def _moment(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
