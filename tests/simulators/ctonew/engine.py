"""EngineLabs behind cto.new, in the shapes of 2025 and 2026: chats are begun by requests and answered on a socket."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.simulators.connection import Request
from tests.simulators.ctonew.answers import ORIGIN, Answer, Refused, cookies
from tests.simulators.ctonew.clerk import Clerk, Person
from tests.simulators.ctonew.play import Play
from tests.simulators.ctonew.vendor import Vendor

MAX_BODY = 32 * 1024
ADAPTERS: tuple[Mapping[str, Any], ...] = (
    {"key": "gpt_5", "model": "gpt-5", "engineAgentKey": "GPT5", "provider": "openai", "supportsImages": True},
    {"key": "gpt_5_4", "model": "gpt-5.4", "engineAgentKey": "GPT5_4", "provider": "openai", "supportsImages": True},
    {"key": "claude_sonnet_4_5", "model": "claude-sonnet-4-5", "engineAgentKey": "ClaudeSonnet4_5", "minimumTier": 0},
    {"key": "claude_opus_4_5", "model": "claude-opus-4-5", "engineAgentKey": "ClaudeOpus4_5", "minimumTier": 2},
    {"key": "glm_4_6", "model": "glm-4.6", "engineAgentKey": "GLM4_6", "supportsImages": False},
    {"key": "glm_5_1", "model": "glm-5.1", "engineAgentKey": "GLM5_1", "supportsImages": False, "enabled": False},
)
_STREAM = "/engine-agent/chat-histories/"


@dataclass(kw_only=True)
class OpenSocket:
    """One socket of a chat. closed: set when the client has gone. received: its text messages."""

    closed: asyncio.Event = field(default_factory=asyncio.Event)
    received: list[str] = field(default_factory=list)
    pong: asyncio.Event = field(default_factory=asyncio.Event)
    sent: int = 0
    goodbye: bool = False


@dataclass(kw_only=True)
class Chat:
    """One chat. model: what will answer. posted: set when the prompt has come."""

    owner: str
    workspace: str | None = None
    model: str = ""
    offered: bool = False
    prompt: str = ""
    images: tuple[str, ...] = ()
    play: Play = field(default_factory=Play)
    posted: asyncio.Event = field(default_factory=asyncio.Event)
    socket: OpenSocket | None = None


class Engine:
    """shape: of the year. plays: of the next chats, then `play`. limited: people whose daily limit is reached."""

    def __init__(self, clerk: Clerk, wall: Callable[[], float]) -> None:
        self.clerk = clerk
        self.vendor = Vendor(wall)
        self.shape: Literal["2025", "2026"] = "2026"
        self.play = Play()
        self.plays: deque[Play] = deque()
        self.adapters: tuple[Mapping[str, Any], ...] = ADAPTERS
        self.limited: set[str] = set()
        self.quiet_limit = False
        self.failing: dict[str, tuple[int, Any]] = {}
        self.chats: dict[str, Chat] = {}
        self.sockets: list[OpenSocket] = []
        self.requests: list[Request] = []
        self.violations: list[str] = []
        self.preferred: dict[str, str] = {}

    @property
    def last(self) -> Chat:
        """The chat that was begun last."""
        return [chat for chat in self.chats.values() if chat.posted.is_set()][-1]

    def answer(self, request: Request) -> Answer:
        """Raises `Refused`."""
        self.requests.append(request)
        if request.path in self.failing:
            status, body = self.failing[request.path]
            return Answer(status=status, body=body)
        if len(request.body) > MAX_BODY:
            raise Refused(413, {"message": "request entity too large", "statusCode": 413})
        if request.path in ("/oauth/token", "/chat/completions", "/models"):
            return self.vendor.answer(request)
        person = self._bearer(request)
        route = _ROUTES.get((request.method, request.path))
        if route is None or (route in _NEW and self.shape == "2025"):
            raise Refused(404, {"message": f"Route {request.method}:{request.path} not found", "statusCode": 404})
        return route(self, request, person)

    def connect(self, request: Request) -> tuple[Chat, OpenSocket]:
        """A socket for a chat. Raises `Refused`."""
        self.requests.append(request)
        if request.headers.get("origin") != ORIGIN:
            raise Refused(403, {"message": "origin"})
        chat_id = request.path.removeprefix(_STREAM).removesuffix("/buffer/stream")
        if not request.path.startswith(_STREAM) or not request.path.endswith("/buffer/stream"):
            raise Refused(404, {"message": "not found"})
        token = request.query.get("token", "")
        if self.shape == "2025":
            if token not in {person.user for person in self.clerk.people}:
                raise Refused(401, {"message": "token"})
            chat = self.chats.setdefault(chat_id, Chat(owner=token))
        else:
            chat = self._known(request, chat_id, token)
        if chat.socket is not None and not chat.socket.closed.is_set():
            raise Refused(409, {"message": "a socket is open already"})
        chat.socket = OpenSocket()
        self.sockets.append(chat.socket)
        return chat, chat.socket

    def _known(self, request: Request, chat_id: str, token: str) -> Chat:
        person = self.clerk.accepts(cookies(request.headers.get("cookie", "")).get("__session", ""))
        if person is None or "__client" in request.headers.get("cookie", ""):
            raise Refused(401, {"message": "cookie"})
        if token != f"{person.user}:{person.organisation}":
            raise Refused(401, {"message": "token"})
        chat = self.chats.get(chat_id)
        if chat is None or chat.owner != person.user or chat.workspace != request.query.get("workspaceId"):
            raise Refused(404, {"message": "no such chat in this workspace"})
        return chat

    def _bearer(self, request: Request) -> Person:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        person = self.clerk.accepts(token)
        if scheme != "Bearer" or person is None:
            raise Refused(401, {"message": "Unauthorized", "statusCode": 401})
        if request.headers.get("origin") != ORIGIN or not request.headers.get("referer", "").startswith(ORIGIN):
            raise Refused(403, {"message": "Forbidden", "statusCode": 403})
        if request.method != "GET" and request.headers.get("content-type") != "application/json":
            raise Refused(415, {"message": "Unsupported Media Type", "statusCode": 415})
        return person

    def _adapters(self, request: Request, person: Person) -> Answer:
        return Answer(body={"chatAdapters": list(self.adapters)})

    def _billing(self, request: Request, person: Person) -> Answer:
        reached = person.user in self.limited
        return Answer(
            body={
                "tier": 0,
                "dailyUsage": 300 if reached else 12,
                "dailyLimit": 300,
                "weeklyLimit": 900,
                "hasReachedLimit": reached,
                "limitReached": {"type": "daily", "retryAfter": 7200} if reached else None,
            }
        )

    def _create(self, request: Request, person: Person) -> Answer:
        if not isinstance(_object(request).get("projectName"), str):
            raise Refused(400, {"message": "body must have required property 'projectName'"})
        number = len(self.chats) + 1
        chat_id = f"00000000-0000-4000-8000-{number:012d}"
        self.chats[chat_id] = Chat(owner=person.user, workspace=f"workspace-{number}")
        body = {"message": "Project created", "projectId": chat_id, "workspaceId": f"workspace-{number}"}
        return Answer(status=201, body=body)

    def _prefer(self, request: Request, person: Person) -> Answer:
        key = _object(request).get("modelKey")
        if not isinstance(key, str):
            raise Refused(500, {"message": "body must have required property 'modelKey'"})
        if key not in {adapter["key"] for adapter in self.adapters}:
            raise Refused(400, {"message": f"Unknown model {key}"})
        self.preferred[person.organisation] = key
        return Answer(body={"preferredModel": key})

    def _offers(self, request: Request, person: Person) -> Answer:
        said = _object(request)
        chat = self._chat(said, person)
        if said.get("surface") != "ENGINE_AGENT":
            raise Refused(400, {"message": "surface"})
        chat.offered = True
        return Answer(body={"offers": []})

    def _begin(self, request: Request, person: Person) -> Answer:
        said = _object(request)
        play = self.plays.popleft() if self.plays else self.play
        if person.user in self.limited and not self.quiet_limit:
            raise Refused(403, {"message": "You have reached your daily limit", "hasReachedLimit": True})
        if play.status is not None:
            return Answer(status=play.status, body=play.refusal)
        chat = self._chat_2025(request, said, person) if self.shape == "2025" else self._chat_2026(said, person)
        if person.user in self.limited:
            play = Play(ending="silence", after=0)
        chat.play = play
        if chat.posted.is_set():
            raise Refused(409, {"message": "A task is in progress"})
        if chat.socket is None or chat.socket.closed.is_set():
            self.violations.append("the prompt came before the socket: its first pieces are lost")
        chat.posted.set()
        return Answer(status=200, body={}) if self.shape == "2025" else Answer(status=202)

    def _chat_2025(self, request: Request, said: dict[str, Any], person: Person) -> Chat:
        if set(said) != {"prompt", "chatHistoryId", "adapterName"} or not all(
            isinstance(v, str) for v in said.values()
        ):
            raise Refused(400, {"message": f"body has {sorted(said)}"})
        if said["adapterName"] not in {adapter["engineAgentKey"] for adapter in self.adapters}:
            raise Refused(400, {"message": f"Unknown adapter {said['adapterName']}"})
        chat_id = said["chatHistoryId"]
        if request.headers.get("referer") != f"{ORIGIN}/{chat_id}":
            raise Refused(403, {"message": "Forbidden"})
        chat = self.chats.setdefault(chat_id, Chat(owner=person.user))
        if chat.owner != person.user:
            raise Refused(403, {"message": "Forbidden"})
        chat.prompt, chat.model = said["prompt"], said["adapterName"]
        return chat

    def _chat_2026(self, said: dict[str, Any], person: Person) -> Chat:
        if said.get("encoded") is not True or not set(said) <= {"prompt", "chatHistoryId", "encoded", "imageUrls"}:
            raise Refused(400, {"message": f"body has {sorted(said)}"})
        chat = self._chat(said, person)
        if not chat.offered:
            raise Refused(400, {"message": "offers were not asked for"})
        if person.organisation not in self.preferred:
            raise Refused(400, {"message": "no preferred model"})
        try:
            chat.prompt = base64.b64decode(said["prompt"], validate=True).decode()
        except (KeyError, TypeError, binascii.Error, UnicodeDecodeError):
            raise Refused(400, {"message": "prompt is not base64"}) from None
        chat.model = self.preferred[person.organisation]
        chat.images = tuple(said.get("imageUrls", ()))
        return chat

    def _chat(self, said: dict[str, Any], person: Person) -> Chat:
        chat = self.chats.get(str(said.get("chatHistoryId")))
        if chat is None or chat.owner != person.user:
            raise Refused(404, {"message": "no such chat"})
        return chat


_ROUTES: Mapping[tuple[str, str], Callable[[Engine, Request, Person], Answer]] = {
    ("GET", "/chat/adapters"): Engine._adapters,
    ("GET", "/billing"): Engine._billing,
    ("POST", "/projects/create-hosted"): Engine._create,
    ("PATCH", "/teams/preferred-model"): Engine._prefer,
    ("POST", "/engine-agent/offers"): Engine._offers,
    ("POST", "/engine-agent/chat"): Engine._begin,
}
_NEW = (Engine._create, Engine._prefer, Engine._offers)


def _object(request: Request) -> dict[str, Any]:
    try:
        said = json.loads(request.body)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise Refused(400, {"message": "body must be object"})
    return said
