"""The client-facing paths of the four dialects, and which handler serves each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from msgspec.structs import replace
from starlette.types import Receive, Scope, Send

from router.api import counting, embedding, images, listing
from router.api.edge import Edge
from router.api.exchange import Exchange
from router.api.generation import generate
from router.api.refusal import refuse
from router.api.understand import Addressed, Surface
from router.faults import Fault
from router.wire import completions, sse
from router.wire.dialects import DIALECTS
from router.wire.gemini import array_close, as_array_item

CHAT = Surface(name="chat", spec=DIALECTS["chat"])
RESPONSES = Surface(name="responses", spec=DIALECTS["responses"])
MESSAGES = Surface(name="messages", spec=DIALECTS["messages"])
GEMINI = Surface(name="gemini", spec=DIALECTS["gemini"])
COMPLETIONS = Surface(
    name="completions",
    spec=replace(
        DIALECTS["chat"],
        read_request=completions.read_request,
        stream_writer=completions.CompletionsStreamWriter,
        write_reply=completions.write_reply,
    ),
    raw=False,
)

Handler = Callable[[Edge, Exchange, Addressed], Awaitable[None]]


def _generation(surface: Surface) -> Handler:
    async def serve(edge: Edge, exchange: Exchange, addressed: Addressed) -> None:
        await generate(edge, exchange, surface, addressed)

    return serve


POSTS: dict[str, tuple[Surface, Handler]] = {
    "chat/completions": (CHAT, _generation(CHAT)),
    "completions": (COMPLETIONS, _generation(COMPLETIONS)),
    "responses": (RESPONSES, _generation(RESPONSES)),
    "messages": (MESSAGES, _generation(MESSAGES)),
    "messages/count_tokens": (MESSAGES, counting.count_messages),
    "responses/input_tokens": (RESPONSES, counting.count_responses),
    "embeddings": (CHAT, embedding.embed_openai),
    "images/generations": (CHAT, images.generate_images),
}
"""Behind ``/v1/`` or ``/v1/providers/{provider}/``."""

GEMINI_METHODS: dict[str, Handler] = {
    "countTokens": counting.count_gemini,
    "embedContent": embedding.embed_gemini,
    "batchEmbedContents": embedding.embed_gemini_batch,
}


class ModelSurfaces:
    """The ASGI application behind ``/v1`` and ``/v1beta``: everything that clients of the four dialects call.

    provider: pinned by the path ``/v1/providers/{provider}/…``.
    """

    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, receive, send)
        provider, rest = _split(exchange.path.rstrip("/"))
        post = POSTS.get(rest)
        if post is not None and exchange.method == "POST":
            await post[1](self._edge, exchange, Addressed(provider=provider))
        elif rest == "models" or rest.startswith("models/"):
            await self._models(exchange, provider, rest.removeprefix("models").removeprefix("/"))
        elif post is not None:
            await refuse(self._edge, exchange, post[0].spec, _wrong_method(exchange))
        else:
            await refuse(self._edge, exchange, None, _no_such_path(exchange))

    async def _models(self, exchange: Exchange, provider: str | None, rest: str) -> None:
        model, colon, method = rest.rpartition(":")
        if exchange.method in ("GET", "HEAD"):
            await listing.models(self._edge, exchange, Addressed(model=rest or None, provider=provider))
            return
        if exchange.method != "POST" or not colon:
            await refuse(self._edge, exchange, GEMINI.spec, _wrong_method(exchange))
            return
        addressed = Addressed(model=model, stream=False, provider=provider)
        if method == "generateContent":
            await generate(self._edge, exchange, GEMINI, addressed)
        elif method == "streamGenerateContent":
            array = exchange.query.get("alt") != "sse"
            addressed = Addressed(addressed.model, True, provider, array)
            await generate(self._edge, exchange, GEMINI, addressed, _Array() if array else None)
        elif method in GEMINI_METHODS:
            await GEMINI_METHODS[method](self._edge, exchange, addressed)
        else:
            await refuse(self._edge, exchange, GEMINI.spec, _no_such_path(exchange))


def _split(path: str) -> tuple[str | None, str]:
    """The pinned provider, if any, and the path behind the version."""
    rest = path.removeprefix("/v1beta/") if path.startswith("/v1beta/") else path.removeprefix("/v1/")
    if not rest.startswith("providers/"):
        return None, rest
    provider, _, rest = rest.removeprefix("providers/").partition("/")
    for version in ("v1/", "v1beta/"):
        rest = rest.removeprefix(version)
    return provider, rest


class _Array:
    """Gemini's stream without ``alt=sse``: one JSON array that grows."""

    def __init__(self) -> None:
        self._splitter = sse.Splitter()
        self._first = True

    def feed(self, data: bytes) -> bytes:
        items: list[bytes] = []
        for frame in self._splitter.feed(data):
            item = as_array_item(frame.raw, self._first)
            if item:
                items.append(item)
                self._first = False
        return b"".join(items)

    def close(self) -> bytes:
        return array_close(self._first)


def _wrong_method(exchange: Exchange) -> Fault:
    return Fault("bad_request", f"{exchange.path} takes POST, not {exchange.method}.", status=405)


def _no_such_path(exchange: Exchange) -> Fault:
    return Fault(
        "not_found",
        f"There is nothing at {exchange.path[:200]}. GET / lists what this gateway serves; a base URL usually ends "
        "in /v1 (OpenAI clients) or has no path (Anthropic and Gemini clients).",
        code="unknown_url",
    )
