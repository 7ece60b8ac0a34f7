"""Asks programs how they are, within a limit."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Mapping
from typing import Any

import aiohttp

from router.wire import codec
from services.healthwatch.judge import Seen
from services.healthwatch.settings import Watched

LIMIT = 3.0
"""Seconds for one answer."""
DRAINING, SIGN_IN = "draining", "sign_in"
"""Causes that say that a program must be left alone now."""
_REFUSED = "connection refused"


async def look(session: aiohttp.ClientSession, program: Watched, state: str, up: float, said: str) -> Seen:
    """What a program says of itself. state, up, said: of supervisord, see `Seen`."""
    plain = Seen(name=program.name, state=state, up=up, said=said)
    if state != "RUNNING":
        return plain
    alive, why = True, ""
    if program.healthz and program.address:
        status, _, why = await _ask(session, f"{program.address}/healthz")
        alive = status == 200
    readyz = program.readyz or (f"{program.address}/readyz" if program.address else "")
    status, body, trouble = await _ask(session, readyz) if readyz and alive else (None, None, "")
    causes = [each for each in _list(body) if isinstance(each, Mapping)]
    helps = [str(each.get("text") or each.get("cause")) for each in causes if each.get("restart_helps") is True]
    if not program.healthz and readyz and status is None:
        helps = [f"its /readyz does not answer: {trouble}"]  # all that a program of the operator's own can be known by
    busy = {each.get("cause") for each in causes} & {DRAINING, SIGN_IN}
    return Seen(
        name=program.name,
        state=state,
        up=up,
        alive=alive if program.healthz and program.address else None,
        ready=status == 200 if readyz and alive else None,
        cause="; ".join(helps),
        said=why,
        busy=bool(busy),
        busy_for=max(program.drains if DRAINING in busy else 0.0, program.signs_in if SIGN_IN in busy else 0.0),
        leaves=program.drains if why == _REFUSED else 0.0,
    )


async def _ask(session: aiohttp.ClientSession, url: str) -> tuple[int | None, Any, str]:
    """Status and body, or why there is none."""
    try:
        async with asyncio.timeout(LIMIT), session.get(url, allow_redirects=False, ssl=False) as response:
            body = await response.content.read(256 * 1024)
            try:
                return response.status, codec.loads(body), ""
            except codec.Malformed:
                return response.status, None, ""
    except TimeoutError:
        return None, None, f"no answer within {LIMIT:g} s"
    except (aiohttp.ClientError, OSError) as error:
        if getattr(error, "errno", None) == errno.ECONNREFUSED:  # who is wedged still has a socket that listens
            return None, None, _REFUSED
        return None, None, type(error).__name__


def _list(body: Any) -> list[Any]:
    found = body.get("causes") if isinstance(body, Mapping) else None
    return found if isinstance(found, list) else []
