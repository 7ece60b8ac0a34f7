"""What the router says of its relay: which services have a session there."""

from __future__ import annotations

import asyncio
import ipaddress
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from msgspec import Struct

from router.secret import Secret
from router.wire import codec

LIMIT = 3.0
"""Seconds for the answer."""
_MOST = 4 * 1024 * 1024
"""Bytes of it that are read."""


class Serving(Struct, frozen=True):
    """The serving process as it wrote itself down. started: seconds since 1970. after: how the one before it ended by
    itself, "" where it did not."""

    address: str
    started: float
    after: str = ""


def serving(state: Path) -> Serving | None:
    """None where it wrote nothing that can be read. state: the router's folder."""
    try:
        facts = json.loads((state / "run" / "router.json").read_text(encoding="utf-8"))
        host, port = facts["addresses"][0]
        scheme, started = str(facts["scheme"]), float(facts.get("started", 0.0))
        after = str(facts.get("after", ""))
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError):
        return None
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  compared only
    return Serving(f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}", started, after)


def management_key(file: Path) -> Secret | None:
    """The generated one; None where there is none."""
    try:
        return Secret(file.read_text(encoding="utf-8").strip()) or None
    except (OSError, UnicodeDecodeError):
        return None


async def sessions(session: aiohttp.ClientSession, address: str, key: Secret) -> frozenset[str] | None:
    """The names of the sessions; None where the router does not say. The key leaves for this machine alone."""
    if not _here(address):
        return None
    try:
        async with (
            asyncio.timeout(LIMIT),
            session.get(
                f"{address}/v0/management/relay",
                headers={"authorization": f"Bearer {key.reveal()}"},
                allow_redirects=False,
                ssl=False,
            ) as response,
        ):
            body = bytearray()
            async for piece in response.content.iter_any():
                body += piece
                if len(body) > _MOST:
                    return None
            return _names(codec.loads(bytes(body))) if response.status == 200 else None
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError, codec.Malformed):
        return None


def _names(body: Any) -> frozenset[str] | None:
    found = body.get("sessions") if isinstance(body, Mapping) else None
    if not isinstance(found, list):
        return None
    return frozenset(str(each["name"]) for each in found if isinstance(each, Mapping) and "name" in each)


def _here(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
