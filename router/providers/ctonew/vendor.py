"""cto.new with the tokens of its own command line tool: Chat Completions as anywhere else, tools included."""

from __future__ import annotations

from collections.abc import AsyncIterator

from msgspec.structs import replace

from router.accounts.record import Access, Account
from router.call import Call, Limits
from router.faults import Fault
from router.models.prepare import prepare
from router.net.client import HttpResponse, Net
from router.net.message import HttpRequest, Timeouts
from router.providers.config import ProviderConfig
from router.providers.ctonew.models import PREFIX
from router.providers.frames import HttpEvents
from router.providers.observed import Observed
from router.providers.sources import Source
from router.version import USER_AGENT
from router.wire import codec
from router.wire.capabilities import Capabilities
from router.wire.conversation import Conversation
from router.wire.dialects import DIALECTS
from router.wire.events import Event
from router.wire.notes import refuse_if_strict

_CHAT = DIALECTS["chat"]
_CAPABILITIES = Capabilities(
    max_tokens_key="max_tokens", developer_role=False, document_urls=False, images_in_results=False
)
"""Nobody documents these models: they are taken for capable ones behind an OpenAI-compatible server."""


class VendorEvents:
    """The events of a response, which are observed here because `HttpEvents` asks what was seen of them."""

    def __init__(self, response: HttpResponse, stall: float) -> None:
        self._observed = Observed()
        self._events = HttpEvents(response, _CHAT.stream_reader(_CAPABILITIES), self._observed, stall)

    async def __aiter__(self) -> AsyncIterator[list[Event]]:
        async for events in self._events:
            self._observed.note(events)
            yield events

    async def close(self) -> None:
        await self._events.close()


async def open_vendor(
    net: Net,
    call: Call,
    provider: ProviderConfig,
    account: Account,
    access: Access,
    limits: Limits,
    conversation: Conversation,
) -> Source:
    """Send it. Raises `Fault`."""
    told = replace(conversation, model=conversation.model.removeprefix(PREFIX))
    written = prepare(told, _CAPABILITIES, _CHAT)
    refuse_if_strict(written.notes, strict=call.strict)
    body = codec.dumps(written.body)
    headers = {
        "accept": "text/event-stream",
        "accept-encoding": "identity",
        "authorization": f"Bearer {access.secret.reveal()}",
        "content-type": "application/json",
        "user-agent": USER_AGENT,
        **{name.lower(): value for name, value in provider.headers.items()},
    }
    timeouts = Timeouts(connect=limits.connect, head=None, idle=limits.idle)  # the attempt's own limit holds
    unreachable: Fault | None = None
    for base_url in provider.base_urls:
        url = f"{base_url}/chat/completions"
        try:
            response = await net.send(
                HttpRequest("POST", url, headers, body, account.proxy or provider.proxy), timeouts
            )
        except Fault as fault:
            if fault.kind == "timeout":
                raise
            unreachable = fault
            continue
        await _refuse_error(response)
        return Source(VendorEvents(response, limits.content_stall), written.notes, written.undo)
    raise unreachable or Fault("unavailable", "cto.new has no base URL.")


async def _refuse_error(response: HttpResponse) -> None:
    if response.status == 200 and response.headers.get("content-type", "").startswith("text/event-stream"):
        return
    async with response:
        body = await response.read_some()
    status = response.status if response.status >= 400 else 502
    raise _CHAT.read_fault(status, response.headers, body)
