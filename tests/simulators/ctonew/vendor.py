"""EngineLabs as its own command line tool uses it: OAuth tokens that rotate, and Chat Completions."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.simulators.connection import Request
from tests.simulators.ctonew.answers import Answer, Refused

LIFE = 900


class Vendor:
    """refresh: the refresh token that works. bodies: of the chats."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self.wall = wall
        self.refresh = "vendor-refresh-canary-1"
        self.access: dict[str, float] = {}
        self.bodies: list[dict[str, Any]] = []
        self.revoked = False
        self._made = 1

    def answer(self, request: Request) -> Answer:
        """Raises `Refused`."""
        if request.path == "/oauth/token":
            return self._token(request)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or self.access.get(token, 0.0) <= self.wall():
            raise Refused(401, {"error": {"message": "Unauthorized", "type": "invalid_request_error"}})
        if request.path == "/models":
            return Answer(body={"object": "list", "data": [{"id": "gpt-5", "object": "model"}]})
        said = json.loads(request.body)
        self.bodies.append(said)
        if said.get("stream") is not True or "model" not in said or "messages" not in said:
            raise Refused(400, {"error": {"message": "stream, model, messages", "type": "invalid_request_error"}})
        return Answer(sse=tuple(_frames(said["model"])))

    def _token(self, request: Request) -> Answer:
        said = json.loads(request.body)
        if set(said) != {"grant_type", "refresh_token"} or said["grant_type"] != "refresh_token":
            raise Refused(400, {"error": "invalid_request"})
        if said["refresh_token"] != self.refresh or self.revoked:
            raise Refused(400, {"error": "invalid_grant"})
        self._made += 1
        self.refresh = f"vendor-refresh-canary-{self._made}"
        access = f"vendor-access-canary-{self._made}"
        self.access[access] = self.wall() + LIFE
        return Answer(body={"access_token": access, "refresh_token": self.refresh, "expires_in": LIFE})


def _frames(model: str) -> list[bytes]:
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model}
    deltas: list[dict[str, Any]] = [{"role": "assistant"}, {"content": "From the "}, {"content": "vendor."}]
    chunks = [{**base, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    usage = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}
    chunks.append({**base, "choices": [], "usage": usage})
    return [b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks] + [b"data: [DONE]\n\n"]
