"""The load: HTTP/1.1 over raw asyncio protocols, so that the generator costs little beside what it measures."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

END = b"0\r\n\r\n"


@dataclass
class Result:
    """latencies, firsts: seconds. events: pieces of streams seen."""

    requests: int = 0
    failures: int = 0
    events: int = 0
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    firsts: list[float] = field(default_factory=list)

    def percentile(self, values: list[float], share: float) -> float:
        ordered = sorted(values)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


@dataclass(frozen=True)
class Target:
    """Where and what to ask."""

    host: str
    port: int
    path: str
    headers: tuple[str, ...]
    body: bytes

    def request(self) -> bytes:
        lines = [f"POST {self.path} HTTP/1.1", f"host: {self.host}:{self.port}", *self.headers]
        lines += ["content-type: application/json", f"content-length: {len(self.body)}", "", ""]
        return "\r\n".join(lines).encode() + self.body


class _Client(asyncio.Protocol):
    """One connection: asks, waits for the whole answer, asks again until told to stop."""

    def __init__(self, target: Target, result: Result, until: float, marker: bytes, limit: int | None) -> None:
        self._request = target.request()
        self._result = result
        self._until = until
        self._marker = marker
        self._left = limit
        self._buffer = bytearray()
        self._sent = 0.0
        self._first: float | None = None
        self._need: int | None = None
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._ask()

    def _ask(self) -> None:
        if time.perf_counter() >= self._until or self._left == 0:
            self._transport.close()
            self._finish()
            return
        if self._left is not None:
            self._left -= 1
        self._buffer.clear()
        self._need = None
        self._first = None
        self._sent = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        if self._marker:
            self._result.events += data.count(self._marker)
            if self._first is None and self._marker in data:
                self._first = now
        self._buffer += data
        if self._need is None:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._buffer[:end]).lower()
            if not head.startswith(b"http/1.1 200"):
                self._result.failures += 1
                self._transport.close()
                self._finish()
                return
            at = head.find(b"content-length:")
            self._need = end + 4 + int(head[at + 15 :].split(b"\r\n")[0]) if at >= 0 else -1
        if self._need >= 0:
            complete = len(self._buffer) >= self._need
        else:
            complete = self._buffer.endswith(END)
            if not complete and len(self._buffer) > 65_536:
                del self._buffer[:-64]
        if complete:
            self._result.requests += 1
            self._result.latencies.append(now - self._sent)
            if self._first is not None:
                self._result.firsts.append(self._first - self._sent)
            self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self._result.failures += 1
            self._finish()

    def _finish(self) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def run(
    target: Target, *, connections: int, seconds: float, marker: bytes = b"", limit: int | None = None
) -> Result:
    """Ask on so many connections at once for so long, or `limit` times each. marker: what one event of a stream has."""
    result = Result()
    began = time.perf_counter()
    loop = asyncio.get_running_loop()
    clients = []
    for _ in range(connections):
        _, client = await loop.create_connection(
            lambda: _Client(target, result, began + seconds, marker, limit), target.host, target.port
        )
        clients.append(client)
    await asyncio.wait_for(asyncio.gather(*(client.done for client in clients)), seconds + 60)
    result.seconds = time.perf_counter() - began
    return result


async def hold(target: Target, count: int, marker: bytes) -> list[asyncio.Transport]:
    """Open `count` streams and come back when each of them has shown its first event. The caller closes them."""
    loop = asyncio.get_running_loop()
    transports: list[asyncio.Transport] = []
    for start in range(0, count, 100):
        waits = []
        for _ in range(min(100, count - start)):
            transport, holder = await loop.create_connection(
                lambda: _Holder(target.request(), marker), target.host, target.port
            )
            transports.append(transport)  # type: ignore[arg-type]
            waits.append(holder.first)
        await asyncio.wait_for(asyncio.gather(*waits), 60)
    return transports


class _Holder(asyncio.Protocol):
    def __init__(self, request: bytes, marker: bytes) -> None:
        self._request = request
        self._marker = marker
        self.first: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self._request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        if self._marker in data and not self.first.done():
            self.first.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.first.done():
            self.first.set_exception(ConnectionError("a held stream was closed before its first event"))
