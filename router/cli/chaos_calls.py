"""Sends the demo's faults to a running gateway, all at once, and keeps what came of each."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from msgspec import Struct

from router.cli.chaos_reading import PROMPT, Connection, Ending, Seen, ending, read, strikes
from router.cli.connection import connection_to
from router.cli.talk import Refused, Unreachable
from router.wire.conversation import Dialect

AT_ONCE = 32
"""Calls: most end at once, and a few wait for a limit of the gateway's."""


class Row(Struct, frozen=True):
    """What came of one call. seconds: until its end."""

    fault: str
    dialect: Dialect
    seen: Seen
    ending: Ending
    seconds: float


def run(
    address: str, key: str | None, faults: Sequence[str], dialects: Sequence[Dialect], timeout: float
) -> tuple[Row, ...]:
    """Every fault in every dialect, streamed; a fault that strikes every second call twice. Raises `Unreachable`, and
    `Refused` where the demo is not reached at all: a key that does not count looks like a fault otherwise."""
    status, body, _ = _send(address, key, *_request("chat", "demo/echo"), timeout)
    if status is not None and status != 200:
        raise Refused(
            f"the gateway does not let the demo answer ({status}): {read('chat', status, body, 'closed').error}"
        )
    calls = [
        (fault, dialect)
        for fault in faults
        for dialect in dialects
        for _ in range(2 if strikes(fault) == "sometimes" else 1)
    ]
    with ThreadPoolExecutor(min(AT_ONCE, len(calls))) as pool:
        return tuple(pool.map(lambda each: _call(address, key, each[0], each[1], timeout), calls))


def _call(address: str, key: str | None, fault: str, dialect: Dialect, timeout: float) -> Row:
    began = time.monotonic()
    status, body, left = _send(address, key, *_request(dialect, f"demo/{fault}"), timeout)
    seen = read(dialect, status, body, left)
    return Row(fault, dialect, seen, ending(fault, seen), round(time.monotonic() - began, 2))


def _request(dialect: Dialect, model: str) -> tuple[str, Any]:
    turns = [{"role": "user", "content": PROMPT}]
    if dialect == "gemini":
        path = f"/v1beta/models/{model}:streamGenerateContent?alt=sse"
        return path, {"contents": [{"role": "user", "parts": [{"text": PROMPT}]}]}
    if dialect == "responses":
        return "/v1/responses", {"model": model, "input": PROMPT, "stream": True}
    if dialect == "messages":
        return "/v1/messages", {"model": model, "max_tokens": 1000, "messages": turns, "stream": True}
    return "/v1/chat/completions", {"model": model, "messages": turns, "stream": True}


def _send(address: str, key: str | None, path: str, body: Any, timeout: float) -> tuple[int | None, bytes, Connection]:
    """Status, what came of the body, and how the connection was left."""
    headers = {"content-type": "application/json", **({"authorization": f"Bearer {key}"} if key else {})}
    deadline = time.monotonic() + timeout
    connection = connection_to(address, timeout)
    status, data = None, b""
    try:
        try:
            connection.connect()
        except OSError as error:
            raise Unreachable(f"no gateway answers at {address} ({error}). Start it, or give its --address.") from error
        wire: socket.socket = connection.sock
        connection.request("POST", path, json.dumps(body), headers)
        answer = connection.getresponse()
        status = answer.status
        while (left := deadline - time.monotonic()) > 0:
            wire.settimeout(left)
            piece = answer.read1(65_536)
            if not piece:
                return status, data, "closed"
            data += piece
    except TimeoutError:
        pass
    except (OSError, http.client.HTTPException):
        return status, data, "broken"
    finally:
        connection.close()
    return status, data, "waiting"
