"""Requests to EngineLabs, the server behind cto.new, in the shapes of 2025 and 2026, and what is read of answers. Pure.

2025: one request names the chat (an id of our own), the model and the prompt. 2026: a project is made, whose id is the
chat's; the model is the team's preferred one; offers are asked for; the prompt goes as base64. In both the answer comes
on a socket that must be open before. Origin and Referer are checked by the server.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote

from msgspec import Struct

from router.faults import Fault
from router.net.message import HttpRequest
from router.net.sockets import SocketRequest
from router.secret import Secret
from router.version import USER_AGENT
from router.wire import codec

Shape = Literal["2025", "2026"]
_ID = "00000000-0000-4000-8000-000000000000"
"""As long as every id of a chat."""


class Door(Struct, frozen=True, kw_only=True):
    """Where an account is asked, and as whom. base_url: without a trailing slash. headers: of the settings."""

    base_url: str
    origin: str
    token: Secret
    user: str
    organisation: str = ""
    proxy: str | None = None
    headers: Mapping[str, str] = {}

    def __repr__(self) -> str:
        return f"Door({self.base_url}, {self.user})"  # headers and proxy hold secrets


class Chat(Struct, frozen=True):
    """One chat. workspace: of 2026."""

    id: str
    workspace: str | None = None


def adapters(door: Door) -> HttpRequest:
    """The list of models."""
    return _request(door, "GET", "/chat/adapters")


def bill(door: Door) -> HttpRequest:
    """How much of the limits is used."""
    return _request(door, "GET", "/billing")


def create(door: Door, name: str) -> HttpRequest:
    """2026: a project for one chat."""
    return _request(door, "POST", "/projects/create-hosted", {"projectName": name})


def prefer(door: Door, key: str) -> HttpRequest:
    """2026: the team's model. Holds for every chat that begins afterwards."""
    return _request(door, "PATCH", "/teams/preferred-model", {"modelKey": key})


def offers(door: Door, chat: Chat) -> HttpRequest:
    """2026: must precede the prompt; what it answers is of no use."""
    return _request(door, "POST", "/engine-agent/offers", {"chatHistoryId": chat.id, "surface": "ENGINE_AGENT"})


def begin(door: Door, shape: Shape, chat: Chat, prompt: str, images: tuple[str, ...], model: str) -> HttpRequest:
    """The prompt. model: of 2025, whose requests name it."""
    return _request(door, "POST", "/engine-agent/chat", _begun(shape, chat.id, prompt, images, model), chat)


def _begun(shape: Shape, chat: str, prompt: str, images: tuple[str, ...], model: str) -> dict[str, Any]:
    if shape == "2025":
        return {"prompt": prompt, "chatHistoryId": chat, "adapterName": model}
    encoded = base64.b64encode(prompt.encode("utf-8", "replace")).decode("ascii")
    body: dict[str, Any] = {"prompt": encoded, "chatHistoryId": chat, "encoded": True}
    return {**body, "imageUrls": list(images)} if images else body


def refuse_too_long(shape: Shape, prompt: str, images: tuple[str, ...], limit: int) -> None:
    """Raises `Fault` too_long for a prompt whose request would be longer than the server takes, before it is sent."""
    size = len(codec.dumps(_begun(shape, _ID, prompt, images, "")))
    if size > limit:
        raise Fault(
            "too_long",
            f"The conversation makes a request of {size:,} bytes, and cto.new takes at most {limit:,}. "
            "Shorten it, or choose another model.",
            code="context_length_exceeded",
        )


def socket(door: Door, chat: Chat, *, cookie: bool) -> SocketRequest:
    """The socket that answers. cookie: whether it also gets the token as a browser's cookie (2026).

    Clerk's own cookie is never sent here: it belongs to Clerk's address.
    """
    scheme, _, rest = door.base_url.partition("://")
    token = door.user if chat.workspace is None else f"{door.user}:{door.organisation}"
    url = f"{'wss' if scheme == 'https' else 'ws'}://{rest}/engine-agent/chat-histories/{quote(chat.id, safe='')}"
    query = f"token={quote(token, safe='')}"
    if chat.workspace is not None:
        query += f"&workspaceId={quote(chat.workspace, safe='')}"
    headers = {"origin": door.origin, "user-agent": USER_AGENT}
    if cookie and chat.workspace is not None:
        headers["cookie"] = f"__session={door.token.reveal()}"
    return SocketRequest(f"{url}/buffer/stream?{query}", headers, door.proxy)


def read_project(body: bytes) -> Chat:
    """The chat in a new project. Raises `Fault` upstream_broken."""
    try:
        said = codec.loads(body)
    except codec.Malformed:
        said = None
    chat = said.get("chatHistoryId") or said.get("projectId") if isinstance(said, dict) else None
    workspace = said.get("workspaceId") if isinstance(said, dict) else None
    if not isinstance(chat, str) or not isinstance(workspace, str) or not chat or not workspace:
        raise Fault("upstream_broken", "cto.new made a project and did not say which.")
    return Chat(chat, workspace)


def _request(door: Door, method: str, path: str, body: Any = None, chat: Chat | None = None) -> HttpRequest:
    headers = {
        "accept": "application/json",
        "accept-encoding": "identity",
        "authorization": f"Bearer {door.token.reveal()}",
        "origin": door.origin,
        "referer": f"{door.origin}/{chat.id if chat is not None else ''}",
        "user-agent": USER_AGENT,
    }
    if body is not None:
        headers["content-type"] = "application/json"
    headers.update({name.lower(): value for name, value in door.headers.items()})
    data = codec.dumps(body) if body is not None else b""
    return HttpRequest(method, f"{door.base_url}{path}", headers, data, door.proxy)
