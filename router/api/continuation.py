"""Stored answers of the Responses dialect: `previous_response_id` and item references, resolved for any upstream."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec
from msgspec.structs import replace

from router.call import Call, Record
from router.faults import Fault
from router.routing.affinity import Digest, ids_of
from router.wire import codec, sse
from router.wire.conversation import JsonObject
from router.wire.response_store import Stored, continued, items_by_id, referred, response_not_found, stored

_log = logging.getLogger("switchyard.responses")
_TERMINAL = (b"response.completed", b"response.incomplete")
_NAMES_EARLIER = (b'"previous_response_id"', b'"item_reference"')
_decode = msgspec.msgpack.Decoder(Stored).decode


class Kept(Protocol):
    """One stored answer. account: the one that made it."""

    @property
    def account(self) -> str: ...

    @property
    def body(self) -> bytes: ...


class ResponseRows(Protocol):
    """Where answers are kept, for one client key each."""

    async def get(self, response_id: str, key_id: str) -> Kept | None: ...

    def put(self, response_id: str, key_id: str, account: str, body: bytes) -> bool: ...


class FinalAnswer:
    """Catches the finished response object as it passes by."""

    def __init__(self) -> None:
        self.response: JsonObject | None = None

    def frames(self, data: bytes) -> None:
        """Look at whole SSE frames."""
        if not any(name in data for name in _TERMINAL):
            return
        splitter = sse.Splitter()
        for frame in [*splitter.feed(data), *splitter.close()]:
            if frame.data is None or not any(name in frame.data for name in _TERMINAL):
                continue  # also what is no JSON, such as a [DONE] that some servers send behind the end
            payload = codec.loads(frame.data)
            if isinstance(payload, dict) and str(payload.get("type")).encode() in _TERMINAL:
                self.response = payload.get("response")

    def whole(self, body: bytes) -> None:
        """Look at an unstreamed answer."""
        payload = codec.loads(body)
        if isinstance(payload, dict):
            self.response = payload


class Continuations:
    """Resumes and keeps conversations. Without rows it keeps nothing and refuses what it would need."""

    def __init__(self, learn: Callable[[Iterable[Digest], str], None] | None = None) -> None:
        """learn: told which account keeps reasoning that is known by its id alone."""
        self._rows: ResponseRows | None = None
        self._learn = learn

    def use(self, rows: ResponseRows) -> None:
        """Keep answers there from now on."""
        self._rows = rows

    def wants(self, call: Call) -> bool:
        """Whether the answer to this call will be kept."""
        return (
            call.dialect == "responses" and self._rows is not None and codec.top_level(call.body, "store") is not False
        )

    async def resume(self, call: Call) -> Call:
        """The call with its whole conversation in its body, where it continues a stored one. Raises `Fault`."""
        if call.dialect != "responses" or not any(name in call.body for name in _NAMES_EARLIER):
            return call
        try:
            body = codec.loads(call.body)
        except codec.Malformed:
            return call  # the reader says it better
        if not isinstance(body, dict):
            return call
        row = await self._previous(call, body)
        previous = None if row is None else _decode(row.body)
        known = items_by_id(await self._referred(call, body))
        prefer = None if row is None else row.account
        return replace(call, body=codec.dumps(continued(body, previous, known.get)), prefer=prefer)

    async def _referred(self, call: Call, body: JsonObject) -> list[Stored]:
        """The stored answers whose items the request only names."""
        kept = (
            [await self._rows.get(one, call.caller.key_id) for one in referred(body)] if self._rows is not None else []
        )
        return [_decode(row.body) for row in kept if row is not None]

    async def _previous(self, call: Call, body: JsonObject) -> Kept | None:
        named = body.get("previous_response_id")
        if named is None:
            return None
        if not isinstance(named, str):
            raise Fault("bad_request", "`previous_response_id` must be a string.", param="previous_response_id")
        kept = await self._rows.get(named, call.caller.key_id) if self._rows is not None else None
        if kept is None:
            raise response_not_found(named)
        return kept

    def keep(self, call: Call, record: Record, final: FinalAnswer) -> None:
        """Store a finished answer, behind the request."""
        if self._rows is None or final.response is None:
            return
        request = codec.loads(call.body)
        kept = stored(request, final.response) if isinstance(request, dict) else None
        response_id = final.response.get("id")
        if kept is not None and isinstance(response_id, str):
            if self._learn is not None:
                self._learn(ids_of(kept.output), record.account)
            body = msgspec.msgpack.encode(kept)
            if not self._rows.put(response_id, call.caller.key_id, record.account, body):
                _log.warning("the answer %s was not kept: too large, or the store is behind", response_id)
