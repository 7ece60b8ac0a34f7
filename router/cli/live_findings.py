"""What `doctor` finds by calling the running gateway: every dialect answers whole, and a proxy in front lets streams
through as they come. Only the demo provider is asked, so nothing is spent."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from router.cli.connection import connection_to
from router.cli.finding import Finding
from router.cli.talk import Place, url
from router.wire.capabilities import Capabilities
from router.wire.conversation import Dialect
from router.wire.dialect import events_of
from router.wire.dialects import DIALECTS
from router.wire.fold import fold
from router.wire.sse import Splitter

WORDS = "one two three four five six"
WITHIN = 10.0
BUFFERED = 0.8
"""Share of a stream's time before its first byte from which it was held back."""
_FIX = (
    "nginx: `proxy_buffering off;` in the location. Caddy: `flush_interval -1` in reverse_proxy. Apache: "
    "`SetEnv proxy-sendchunked 1` and no mod_deflate for event streams. A CDN: switch its buffering off for the path."
)
Arrival = tuple[float, bytes]
Ask = Callable[[str, Mapping[str, Any]], tuple[int, Sequence[Arrival]]]
"""Path and body to status and what arrived when (seconds since the request)."""


def dialects(place: Place, environ: Mapping[str, str], ask: Ask | None = None) -> Iterator[Finding]:
    """Whether each dialect gives a whole answer, streamed. Nothing where no gateway runs or the demo is off."""
    key = place.key("client")
    if place.process is None or key is None or not place.settings.providers.demo.enabled:
        return
    send = ask or asking(url(*place.address()), key)
    wrong: list[str] = []
    for dialect in DIALECTS:
        problem = _problem(dialect, send)
        if problem is not None:
            wrong.append(dialect)
            why = "Clients of this dialect do not get whole answers."
            yield Finding("error", "dialects", f"{dialect}: {problem}", why, "scripts/logs.sh router")
    if not wrong:
        yield Finding("ok", "dialects", f"{', '.join(DIALECTS)} answer whole streams")


def through(address: str, key: str, ask: Ask | None = None) -> Iterator[Finding]:
    """Whether streams come through a reverse proxy at `address` as they are written."""
    send = ask or asking(address, key)
    path, body = request("chat", "demo/slow")
    try:
        status, arrived = send(path, body)
    except (OSError, http.client.HTTPException) as error:
        fix = "Look at the address, the proxy's own log, and `curl -v` to it."
        yield Finding("error", "proxy", f"{address} does not answer: {error}", "Clients cannot connect.", fix)
        return
    if status != 200 or not arrived:
        told = b"".join(data for _, data in arrived)[:200].decode("utf-8", "replace")
        why = "Clients get this instead of an answer."
        fix = "The client key of this machine must count there."
        yield Finding("error", "proxy", f"{address} answers {status}: {told}", why, fix)
        return
    first, last = arrived[0][0], arrived[-1][0]
    if last > 0.2 and first > BUFFERED * last:
        what = f"{address} holds streams back: the first byte came after {first:.2f} of {last:.2f} s"
        yield Finding("error", "proxy", what, "People see nothing until the whole answer is there.", _FIX)
    else:
        yield Finding("ok", "proxy", f"streams come through {address} as they are written")


def request(dialect: Dialect, model: str) -> tuple[str, dict[str, Any]]:
    """Path and body of a streamed request of `WORDS`."""
    if dialect == "gemini":
        path = f"/v1beta/models/{model}:streamGenerateContent?alt=sse"
        return path, {"contents": [{"role": "user", "parts": [{"text": WORDS}]}]}
    if dialect == "responses":
        return "/v1/responses", {"model": model, "input": WORDS, "stream": True, "store": False}
    body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": WORDS}], "stream": True}
    if dialect == "messages":
        return "/v1/messages", {**body, "max_tokens": 500}
    return "/v1/chat/completions", body


def asking(address: str, key: str) -> Ask:
    """Sends to a real server."""

    def ask(path: str, body: Mapping[str, Any]) -> tuple[int, Sequence[Arrival]]:
        connection = connection_to(address, WITHIN)
        began = time.monotonic()
        try:
            headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
            connection.request("POST", path, json.dumps(body), headers)
            answer = connection.getresponse()
            arrived: list[Arrival] = []
            while data := answer.read1(65536):
                arrived.append((time.monotonic() - began, data))
            return answer.status, arrived
        finally:
            connection.close()

    return ask


def _problem(dialect: Dialect, send: Ask) -> str | None:
    """What is wrong with an answer; None where it is whole."""
    try:
        status, arrived = send(*request(dialect, "demo/echo"))
    except (OSError, http.client.HTTPException) as error:
        return f"no answer ({error})"
    data = b"".join(data for _, data in arrived)
    if status != 200:
        return f"status {status}: {data[:200].decode('utf-8', 'replace')}"
    splitter = Splitter()
    frames = [*splitter.feed(data), *splitter.close()]
    try:
        folded = fold(events_of(DIALECTS[dialect].stream_reader(Capabilities()), frames))
    except Exception as error:  # whatever a reader finds wrong is what is to be told
        return f"the stream cannot be read ({error})"
    text = "".join(getattr(part, "text", "") for part in folded.choices[0].parts)
    if not folded.complete:
        return "the stream has no end"
    return None if WORDS in text else "the answer is not what was sent"
