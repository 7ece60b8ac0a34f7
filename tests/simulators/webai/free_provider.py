"""A server that speaks OpenAI's dialect, for a provider of gpt4free. The model says how to answer."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import web

_STATUSES = {"limited": 429, "locked": 401, "down": 500}


class FreeProvider:
    """asked: the bodies that came. keys: what each was sent with. left: set when a caller went away in the middle."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.left = asyncio.Event()
        self.url = ""

    async def __aenter__(self) -> FreeProvider:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_get("/v1/models", self._models)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _models(self, _: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": name} for name in ("gpt-4o", "slow", "empty", *_STATUSES)]})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.asked.append(body)
        self.keys.append(request.headers.get("authorization"))
        model = body["model"]
        if model in _STATUSES:
            return web.json_response({"error": {"message": "as asked"}}, status=_STATUSES[model])
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        words = [] if model == "empty" else str(body["messages"][-1]["content"]).split(" ")
        try:
            for place, word in enumerate(words):
                await _chunk(response, {"content": word if place == 0 else f" {word}"}, None)
            if model == "slow":
                await asyncio.Event().wait()
        except (asyncio.CancelledError, ConnectionError):
            self.left.set()
            raise
        await _chunk(response, {}, "stop")
        await response.write(b"data: [DONE]\n\n")
        return response


async def _chunk(response: web.StreamResponse, delta: dict[str, Any], finish: str | None) -> None:
    chunk = {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
    await response.write(f"data: {json.dumps(chunk)}\n\n".encode())
