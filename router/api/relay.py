"""``/v1/ws``: who may connect to the relay, and the socket as the hub wants it.

A service brings a key of scope ``service`` in a header, or in its ``hello``. A browser cannot set headers: it brings a
key of scope ``relay`` in the address, from an origin of the settings. Who brings nothing that counts learns nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from urllib.parse import parse_qsl

from msgspec.structs import replace
from starlette.types import Message, Receive, Scope, Send

from router.access.credentials import presented_keys
from router.access.keys import ClientKey, KeyRing
from router.access.keys import Scope as KeyScope
from router.api.sockets import refuse_socket
from router.relay.hub import Hub, Peer
from router.relay.link import NOT_ALLOWED, LinkClosed
from router.relay.protocol.frames import FIRST_BYTES, ProtocolError, decode
from router.relay.protocol.messages import Hello, read
from router.secret import Secret
from router.settings.schema import Settings
from router.wire.conversation import JsonObject

_log = logging.getLogger("switchyard.relay")
HELLO_WITHIN = 5.0
"""Seconds that a service gets to say who it is."""
MOST_STRANGERS = 32
"""Sockets at once that have not said yet who they are."""
QUERY_KEYS = ("key", "auth_token")


class RelaySocket:
    """The ASGI application behind ``/v1/ws``. hello_within: seconds until a socket must have said who it is. known:
    waits until the router has read what is known of accounts: no service may be asked before."""

    def __init__(
        self,
        hub: Hub,
        keys: KeyRing,
        settings: Callable[[], Settings],
        *,
        known: Callable[[], Awaitable[object]] | None = None,
        hello_within: float = HELLO_WITHIN,
        most_strangers: int = MOST_STRANGERS,
    ) -> None:
        self._hub = hub
        self._keys = keys
        self._settings = settings
        self._known = known
        self._within = hello_within
        self._most = most_strangers
        self._strangers = 0
        self._drain: object = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        door = _Door(scope, self._keys, self._settings)
        refusal = door.refusal or self._no_room(scope)
        if refusal is not None:
            status, text = refusal
            _log.info("relay: a socket from %s was refused: %s", door.address, text)
            retry = ((b"retry-after", b"1"),) if status == 503 else ()
            await refuse_socket(scope, send, status, _error(text), retry)
            return
        link = AsgiLink(scope, receive, send)
        await link.accept()
        peer = door.plain_peer() if door.browser is not None else await self._service(door, link)
        if peer is not None:
            link.limit(self._hub.terms.message_bytes)
            if self._known is not None:
                await self._known()
            await self._hub.serve(link, peer)

    def _no_room(self, scope: Scope) -> tuple[int, str] | None:
        drain = scope.get("state", {}).get("drain")
        if drain is not None and drain is not self._drain:
            self._drain = drain
            drain.at_start(self._hub.drain)
            drain.at_end(self._hub.close)
        if drain is not None and drain.started:
            return 503, "The router is about to stop; its successor answers in a moment."
        if self._strangers >= self._most:
            return 503, "Too many sockets have not said yet who they are."
        return None

    async def _service(self, door: _Door, link: AsgiLink) -> Peer | None:
        """The service behind a socket, by its first message; None, and closed without a word, where it is none."""
        self._strangers += 1
        link.limit(FIRST_BYTES)
        told = ""
        try:
            async with asyncio.timeout(self._within):
                frame = decode(await link.receive(), FIRST_BYTES)
            if frame.type == "hello":
                hello = read(frame, Hello)
                peer = door.service_peer(hello)
                if peer is not None:
                    return peer
        except ProtocolError as error:
            told = error.message if door.service is not None else ""
        except (TimeoutError, LinkClosed):
            pass
        finally:
            self._strangers -= 1
        _log.info("relay: a socket from %s did not say who it is%s", door.address, f" ({told})" if told else "")
        await link.close(NOT_ALLOWED, told[:120])
        return None


class _Door:
    """What a handshake brings. service, browser: the key that counts; neither: it may still come in the ``hello``.
    refusal: status and words."""

    def __init__(self, scope: Scope, keys: KeyRing, settings: Callable[[], Settings]) -> None:
        self._keys = keys
        self._settings = settings
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        self._origin = headers.get("origin")
        client = scope.get("client")
        self.address: str = client[0] if client else ""
        presented = _presented(headers, scope.get("query_string", b""))
        self.service = self._key(presented[0], "service")
        self.browser = None if self.service is not None else self._key(presented[1], "relay")
        self.refusal = self._judge(any(presented))

    def _key(self, presented: tuple[Secret, ...], scope: KeyScope) -> Secret | None:
        return next((secret for secret in presented if self._counts(secret, scope) is not None), None)

    def _counts(self, secret: Secret, scope: KeyScope) -> ClientKey | None:
        key = self._keys.verify_fresh(secret)
        return key if key is not None and scope in key.scopes else None

    def _judge(self, presented: bool) -> tuple[int, str] | None:
        if self.service is None and self.browser is None and (presented or self._origin is not None):
            return 401, "This socket needs a key of scope `service` in a header, or of scope `relay` in `?key=`."
        if not self._origin_allowed():
            return 403, "Pages of this origin may not connect (setting relay.allowed_origins)."
        return None

    def _origin_allowed(self) -> bool:
        """A browser's page must come from an origin of the settings; a service is no page, and has none."""
        if self._origin is None:
            return self.browser is None
        allowed = self._settings().relay.allowed_origins
        return "*" in allowed or self._origin.lower() in {origin.lower().rstrip("/") for origin in allowed}

    def plain_peer(self) -> Peer:
        """The browser. Its key and its origin are looked at again while it is connected."""
        secret = self.browser or Secret("")
        key = self._counts(secret, "relay")
        name = key.name if key is not None else ""
        return Peer(name=name, address=self.address, allowed=lambda: self._still(secret, "relay"))

    def service_peer(self, hello: Hello) -> Peer | None:
        """The service that said `hello`; None where its key does not count."""
        secret = self.service if self.service is not None else Secret(hello.key)
        if self._counts(secret, "service") is None:
            return None
        return Peer(hello=replace(hello, key=""), address=self.address, allowed=lambda: self._still(secret, "service"))

    def _still(self, secret: Secret, scope: KeyScope) -> bool:
        key = self._keys.verify(secret)
        return key is not None and scope in key.scopes and self._origin_allowed()


class AsgiLink:
    """`router.relay.link.Link` over an accepted ASGI WebSocket."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._closed: int | None = None
        self._messages = 0
        extensions = scope.get("extensions", {})
        self.limit: Callable[[int], None] = extensions.get("socket.limit", _nothing)
        self._arrived: Callable[[], int] | None = extensions.get("socket.heard")

    async def accept(self) -> None:
        """Complete the handshake."""
        await self._send({"type": "websocket.accept"})

    async def send(self, text: str) -> None:
        if self._closed is not None:
            raise LinkClosed(self._closed)
        await self._send({"type": "websocket.send", "text": text})

    async def receive(self) -> str:
        if self._closed is not None:
            raise LinkClosed(self._closed)
        message: Message = await self._receive()
        if message["type"] == "websocket.disconnect":
            self._closed = message.get("code") or 1006
            raise LinkClosed(self._closed)
        self._messages += 1
        text = message.get("text")
        if not isinstance(text, str):
            raise ProtocolError("wrong_type", "a message is not text")
        return text

    async def close(self, code: int, reason: str = "") -> None:
        if self._closed is None:
            self._closed = code
            await self._send({"type": "websocket.close", "code": code, "reason": reason})

    def heard(self) -> int:
        return self._messages if self._arrived is None else self._arrived()


def _presented(headers: Mapping[str, str], query: bytes) -> tuple[tuple[Secret, ...], tuple[Secret, ...]]:
    """The keys of the headers, and those of the address."""
    found: list[str] = []
    with suppress(ValueError):  # more fields than any client sends
        fields = parse_qsl(query.decode("latin-1"), max_num_fields=100)
        found = [value.strip() for name, value in fields if name in QUERY_KEYS]
    return presented_keys(headers), tuple(Secret(key) for key in dict.fromkeys(found) if key)


def _error(text: str) -> JsonObject:
    return {"message": text, "type": "invalid_request_error", "param": None, "code": "relay_refused"}


def _nothing(size: int) -> None:
    """A server without bounds of its own (in tests)."""
