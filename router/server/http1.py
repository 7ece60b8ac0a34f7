"""HTTP/1.1 as Hypercorn has it, without what it does twice for every call."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import h11
from hypercorn.protocol.events import EndBody, Event, Response
from hypercorn.protocol.h11 import H11Protocol

_NAMES = re.compile(rb"[a-z0-9-]*")
_VALUES = re.compile(rb"[ -~]*")


class Http1(H11Protocol):
    """Looks for an upgrade only where a request names one, and checks all headers of an answer at once. `flush` sends
    what was written: an answer that is whole goes out before the application does anything else."""

    flush: Callable[[], None]

    async def _check_protocol(self, event: h11.Request) -> None:
        if event.method == b"PRI" or any(name == b"upgrade" for name, _ in event.headers):  # h11 has them in lower case
            await super()._check_protocol(event)

    async def stream_send(self, event: Event) -> None:
        """As Hypercorn's. h11's own check, two regular expressions for each header, takes a tenth of a small call: it
        is left out where `sound` has found nothing to doubt."""
        if not isinstance(event, Response) or event.status_code < 200:
            await super().stream_send(event)
            if isinstance(event, EndBody):
                self.flush()
            return
        headers = [*event.headers, *self.config.response_headers("h11")]
        if self.keep_alive_requests >= self.config.keep_alive_max_requests:
            headers.append((b"connection", b"close"))
        head = h11.Response(headers=headers, status_code=event.status_code, _parsed=sound(headers))
        await self._send_h11_event(head)


def sound(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether no byte of these headers can be taken for anything else than a part of them (RFC 9110, 5.1 and 5.5)."""
    names, values = zip(*headers, strict=True)
    return bool(all(names) and _NAMES.fullmatch(b"".join(names)) and _VALUES.fullmatch(b"".join(values)))
