"""A service at a fixed address, which is asked what a service that tells of itself would say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from router.faults import Fault
from router.net.client import Net
from router.net.message import HttpRequest, Timeouts
from router.relay.announced import LIVES, Announcement, Unacceptable, within
from router.secret import Secret
from router.version import USER_AGENT
from router.wire import codec

NAME = "endpoint"
"""What a service at a fixed address is called."""
_WAITS = Timeouts(connect=3.0, head=5.0, idle=5.0)
_LARGEST = 1024 * 1024


async def look(net: Net, service: str, endpoint: str, key: Secret, now: float) -> Announcement:
    """What there is at `endpoint`, good from `now` (Unix time) on. One that does not answer is not ready."""
    address = endpoint.rstrip("/")
    said = Announcement(service=service, name=NAME, endpoint=address, expires_at=now + LIVES)
    try:
        status, ready = await _ask(net, f"{address}/readyz", None)
        listed, models = await _ask(net, f"{address}/v1/models", key)
    except Fault as fault:
        return _not_ready(said, fault.message)
    if listed in (401, 403):
        return _not_ready(said, f"{address} does not take our key (providers.webai.api_key, or the service key)")
    try:
        accounts = within(ready.get("accounts")) if isinstance(ready, Mapping) else ()
    except Unacceptable:
        accounts = ()  # of an older service, which says it in words alone
    names = tuple(str(each["id"]) for each in _list(models, "data") if isinstance(each, dict) and "id" in each)
    made = replace(said, models=names, accounts=accounts)
    if status == 200:
        return made
    causes = [each.get("text") or each.get("cause") for each in _list(ready, "causes") if isinstance(each, dict)]
    return _not_ready(made, "; ".join(str(each) for each in causes if each) or f"{address}/readyz answered {status}")


def _not_ready(said: Announcement, cause: str) -> Announcement:
    return replace(said, ready=False, causes=(cause[:300],))


async def _ask(net: Net, url: str, key: Secret | None) -> tuple[int, Any]:
    headers = {"accept": "application/json", "user-agent": USER_AGENT}
    if key is not None:
        headers["authorization"] = f"Bearer {key.reveal()}"
    async with await net.send(HttpRequest("GET", url, headers), _WAITS) as response:
        body = await response.read(_LARGEST)
    try:
        return response.status, codec.loads(body)
    except codec.Malformed:
        return response.status, None


def _list(body: Any, name: str) -> list[Any]:
    found = body.get(name) if isinstance(body, Mapping) else None
    return found if isinstance(found, list) else []
