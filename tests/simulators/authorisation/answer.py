"""One answer of the authorisation server, good or spoiled, and its way to the client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.simulators.authorisation.faulty import Misbehaviour
from tests.simulators.connection import head


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A status with a JSON body, or with raw bytes of another type."""

    status: int = 200
    body: Any = None
    raw: bytes | None = None
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    def spoiled(self, bad: Misbehaviour, date: str) -> Answer:
        """As the misbehaviour wants it, with the Date header."""
        body, raw, kind = self.body, self.raw, self.content_type
        if isinstance(body, dict) and self.status == 200:
            kept = {name: value for name, value in body.items() if name not in bad.omit}
            body = {**kept, **bad.change} if bad.omit or bad.change else body
        if bad.body is not None:
            raw, kind = bad.body, bad.content_type
        headers = {"date": date, "cache-control": "no-store", **self.headers, **bad.headers}
        status = self.status if bad.status is None else bad.status
        return replace(self, status=status, body=body, raw=raw, content_type=kind, headers=headers)

    def bytes(self) -> tuple[bytes, bytes]:
        """Head and body."""
        body = self.raw if self.raw is not None else json.dumps(self.body).encode()
        headers = {**self.headers, "content-type": self.content_type, "content-length": str(len(body))}
        return head(self.status, headers), body


async def deliver(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer, bad: Misbehaviour
) -> bytes | None:
    """Send it, or whatever the script wants instead. What was read ahead of the next request; None where the connection
    is over."""
    if bad.drops:
        writer.close()
        return None
    watching = asyncio.ensure_future(reader.read(1))  # noqa: TID251
    sending = asyncio.ensure_future(_send(writer, answer, bad))  # noqa: TID251
    try:
        await asyncio.wait({sending, watching}, return_when=asyncio.FIRST_COMPLETED)
        if not sending.done() and _gone(watching):
            return None
        await sending
    finally:
        for task in (sending, watching):
            task.cancel()
        await asyncio.gather(sending, watching, return_exceptions=True)
    if bad.cut:
        writer.close()
        return None
    if watching.cancelled():
        return b""
    return None if _gone(watching) else watching.result()


async def _send(writer: asyncio.StreamWriter, answer: Answer, bad: Misbehaviour) -> None:
    if bad.hangs:
        await asyncio.Event().wait()
    if bad.until is not None:
        await bad.until.wait()
    begin, body = answer.bytes()
    if bad.cut:
        body = body[: len(body) // 2]
    writer.write(begin)
    if bad.gap:
        for piece in (body[at : at + 16] for at in range(0, len(body), 16)):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(bad.gap)
    else:
        writer.write(body)
    await writer.drain()


def _gone(watching: asyncio.Future[bytes]) -> bool:
    return watching.done() and (watching.exception() is not None or watching.result() == b"")
