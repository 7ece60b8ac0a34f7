"""The process that gpt4free runs in: ``python -m services.webai.free_worker``. JSON lines in, JSON lines out.

In: ``{"op": "ask", "id", "provider", "model", "messages", "files", "base_url"?, "api_key"?}`` and
``{"op": "cancel", "id"}``. Out: ``{"id", "text" | "thinking" | "picture"}``, then ``{"id", "end": true}`` or
``{"id", "error": kind, "message"}``. ``{"op": "ping", "id"}`` is answered with ``{"id", "pong": true}`` at once. The
end of the input ends the process.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import sys
from functools import partial
from typing import Any, TextIO

from router.faults import Fault, Kind
from router.tasks import Tasks
from services.webai import extras
from services.webai.cancelling import called_off

_BY_NAME: tuple[tuple[str, Kind], ...] = (
    ("ProviderNotFoundError", "not_found"),
    ("ModelNotFoundError", "not_found"),
    ("ModelNotAllowedError", "not_found"),
    ("RateLimitError", "rate_limited"),
    ("ConversationLimitError", "rate_limited"),
    ("PaymentRequiredError", "quota_spent"),
    ("MissingAuthError", "upstream_auth"),
    ("NoValidHarFileError", "upstream_auth"),
    ("MissingRequirementsError", "unavailable"),
    ("ProviderNotWorkingError", "unavailable"),
    ("TimeoutError", "timeout"),
    ("BadRequestError", "upstream_broken"),
    ("CloudflareError", "upstream_broken"),
)
"""What the package's exceptions mean, by the names of their classes: subclasses first. All others are a break."""


def translated(error: Exception) -> Fault:
    """Any exception of the package, of its libraries or of a provider as a fault. The words of its own exceptions are
    kept; those of libraries hold addresses and headers, so only their kind is told."""
    if isinstance(error, Fault):
        return error
    names = {each.__name__ for each in type(error).__mro__}
    kind: Kind = next((kind for name, kind in _BY_NAME if name in names), "upstream_broken")
    if "Timeout" in type(error).__name__:
        kind = "timeout"
    own = "G4FError" in names and str(error)
    return Fault(kind, str(error)[:300] if own else type(error).__name__)


def _provider(given: dict[str, Any]) -> Any:
    """The provider's class. Raises `Fault`, and what the package raises."""
    try:
        from g4f import debug
        from g4f.client import ClientFactory
        from g4f.Provider import ProviderUtils
    except ImportError:
        raise Fault("unavailable", extras.missing(extras.FREE)) from None
    debug.version_check = False  # nothing is fetched that was not asked for
    name = given["provider"]
    if given.get("base_url"):
        key = given.get("api_key") or None
        return ClientFactory.create_provider(name, given["base_url"], api_key=key, default_model=given["model"])
    found = ProviderUtils.convert.get(name)
    if found is None:
        raise Fault("not_found", f'there is no provider "{name[:80]}"; names are those of the package, Provider/model')
    if getattr(found, "needs_auth", False):
        raise Fault("upstream_auth", "the provider needs an account, which this service has none for")
    if not getattr(found, "working", False):
        raise Fault("unavailable", "the package says that this provider does not work at present")
    return found


class Worker:
    """Answers until its input ends."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._tasks = Tasks("free-worker")
        self._running: dict[int, asyncio.Task[None]] = {}

    async def run(self, reader: asyncio.StreamReader) -> None:
        """One line after the other."""
        while line := await reader.readline():
            told = json.loads(line)
            number = told["id"]
            if told["op"] == "ping":
                self._tell(number, {"pong": True})
                continue
            if told["op"] == "cancel":
                if (task := self._running.get(number)) is not None:
                    self._tasks.spawn(called_off(task), f"cancel-{number}")
                continue
            task = self._tasks.spawn(self._answer(told), f"answer-{number}")
            self._running[number] = task
            task.add_done_callback(partial(self._over, number))
        await self._tasks.close()

    def _over(self, number: int, _: asyncio.Task[None]) -> None:
        self._running.pop(number, None)

    async def _answer(self, given: dict[str, Any]) -> None:
        number = given["id"]
        try:
            async for told in _asked(given):
                self._tell(number, told)
            self._tell(number, {"end": True})
        except Exception as error:
            fault = translated(error)
            self._tell(number, {"error": fault.kind, "message": fault.message, "retry_after": fault.retry_after})

    def _tell(self, number: int, told: dict[str, Any]) -> None:
        self._out.write(json.dumps({"id": number, **told}) + "\n")
        self._out.flush()


async def _asked(given: dict[str, Any]) -> Any:
    provider = _provider(given)
    from g4f.client import AsyncClient

    media = [(base64.b64decode(data), name) for data, name in given["files"]]
    stream = AsyncClient(provider=provider).chat.completions.create(
        messages=given["messages"], model=given["model"], stream=True, **({"media": media} if media else {})
    )
    empty = True
    async with contextlib.aclosing(stream):
        async for chunk in stream:
            for told in _pieces(chunk):
                empty = False
                yield told
    if empty:
        raise Fault("upstream_broken", "the answer was empty")


def _pieces(chunk: Any) -> list[dict[str, Any]]:
    """What one chunk of the package brings: words, thoughts, pictures."""
    delta = chunk.choices[0].delta if getattr(chunk, "choices", None) else None
    found: list[dict[str, Any]] = []
    thoughts = getattr(delta, "reasoning", None) or getattr(delta, "reasoning_content", None)
    if thoughts:
        found.append({"thinking": str(thoughts)})
    content = getattr(delta, "content", None)
    alt = str(getattr(content, "alt", ""))[:200]
    found += [{"picture": str(url), "alt": alt} for url in getattr(content, "get_list", list)()]
    if not found and content is not None and str(content):
        found.append({"text": str(content)})
    return found


async def _main() -> None:
    reader = asyncio.StreamReader(limit=64 * 1024 * 1024)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    out, sys.stdout = sys.stdout, sys.stderr  # what the package prints must not look like an answer
    await Worker(out).run(reader)


if __name__ == "__main__":
    asyncio.run(_main())
