"""Between the relay and the core: requests of Google's API in, answers of Google's API out."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote, urlsplit

from router.faults import Fault, bad_request
from router.relay.protocol.messages import AuthRequest, AuthStatus, Profile, Request, Status
from router.wire import codec
from router.wire.gemini.fields import message
from services.aistudio import request as requests
from services.aistudio.answer import BYTES_PER_TOKEN
from services.aistudio.login import Logins, Progress
from services.aistudio.service import AIStudio, Told
from services.link.answer import Answer

_PATH = re.compile(r"/models/(?P<model>[^/:]+):(?P<method>[A-Za-z]+)\Z")
_JSON = "application/json; charset=utf-8"
_EVENTS = "text/event-stream; charset=utf-8"
MOST_WORDS = 2000
"""Characters of a cause that the protocol takes."""


class Relayed:
    """See `services.link.answer.Handler`."""

    def __init__(self, service: AIStudio, logins: Logins) -> None:
        self._service = service
        self._logins = logins

    async def answer(self, request: Request, answer: Answer) -> None:
        """Answer one request. Raises `Fault`."""
        model, method = addressed(request.url)
        try:
            body = codec.loads(request.body)
        except codec.Malformed as error:
            raise bad_request(f"The body is not JSON: {error}.") from error
        if not isinstance(body, dict):
            raise bad_request("The body must be a JSON object.")
        handler = _METHODS.get(method)
        if handler is None:
            raise Fault("not_found", f"AI Studio's page has no {method}; it generates only.", status=404)
        await handler(self, model, body, request.profile or None, answer)

    async def _whole(self, model: str, body: dict[str, Any], profile: str | None, answer: Answer) -> None:
        told = Told()
        made = await self._service.generate(model, body, told, profile=profile)
        await answer.respond(200, {"content-type": _JSON, **told.headers()}, codec.dumps_text(made))

    async def _streamed(self, model: str, body: dict[str, Any], profile: str | None, answer: Answer) -> None:
        told = Told()
        async with contextlib.aclosing(self._service.stream(model, body, told, profile=profile)) as objects:
            async for each in objects:
                if not answer.begun:
                    await answer.start(200, {"content-type": _EVENTS, **told.headers()})
                await answer.write(f"data: {codec.dumps_text(each)}\r\n\r\n")

    async def _counted(self, model: str, body: dict[str, Any], _: str | None, answer: Answer) -> None:
        """An estimate: the page counts only what stands in its prompt box."""
        asked = message(body, "").get("generateContentRequest", body)
        job = requests.read(model, asked if isinstance(asked, dict) else {})
        told = f"{job.panel.system}{job.prompt}{job.panel.functions or ''}".encode("utf-8", "replace")
        counted = {"totalTokens": max(1, len(told) // BYTES_PER_TOKEN)}
        await answer.respond(200, {"content-type": _JSON}, codec.dumps_text(counted))

    async def sign_in(self, request: AuthRequest, tell: Callable[[AuthStatus], Awaitable[None]]) -> None:
        """Let a person sign in, and tell how it goes."""

        async def pass_on(progress: Progress) -> None:
            await tell(AuthStatus(state=progress.state, message=progress.message, vnc_url=progress.vnc_url))

        if await self._logins.sign_in(request.profile, request.headed, pass_on):
            self._service.changed()


_METHODS: dict[str, Callable[[Relayed, str, dict[str, Any], str | None, Answer], Awaitable[None]]] = {
    "generateContent": Relayed._whole,
    "streamGenerateContent": Relayed._streamed,
    "countTokens": Relayed._counted,
}


def addressed(url: str) -> tuple[str, str]:
    """Model and method of an address of Google's API. Raises `Fault` not_found."""
    found = _PATH.search(unquote(urlsplit(url).path))
    if found is None:
        raise Fault("not_found", "The address names no model and method of Google's API.", status=404)
    return found["model"], found["method"]


def status_of(service: AIStudio) -> Status:
    """What routers are told. An account that rests counts as ready: the fault that it gave said for how long."""
    told = service.status()
    profiles = tuple(
        Profile(
            name=each["name"],
            state="needs_login" if each["state"] == "needs_login" else "ready",
            cause=each["reason"][:MOST_WORDS] if each["state"] == "needs_login" else "",
        )
        for each in told["profiles"]
    )
    causes = service.broken()
    return Status(
        busy=told["busy"],
        free=max(0, told["free"]),
        profiles=profiles,
        models=tuple(told["models"]),
        cause=" ".join(causes)[:MOST_WORDS],
    )
