"""What a call takes from earlier answers and leaves for later ones: the cache of exact repetitions, and the keys that
make a call happen once. Both are off unless the settings turn them on."""

from __future__ import annotations

from collections.abc import Mapping

from router.access.keys import ClientKey
from router.api.edge import Edge
from router.api.exchange import Exchange
from router.api.reply import Reply
from router.call import Call, Limits, Record
from router.faults import bad_request
from router.gateway import Gateway
from router.policies import fingerprints
from router.policies.idempotency import HEADER, tenant_key
from router.policies.kept import CACHE, Answer
from router.routing.plan import Plan

REPEATED = "idempotent-replayed"
_WISHES = ("no-store", "only-if-cached")
_PIECE = 64 * 1024
"""Bytes of a kept answer that are written at once."""
_OF_ITS_OWN_CALL = ("x-switchyard-attempts", "x-switchyard-overhead-ms", "x-switchyard-budget", CACHE)
"""Headers that are not kept: they are about the call that made the answer."""


def _tenant(key: ClientKey) -> str:
    """A client key with what it may do: what it was given before its rights changed is not given again."""
    return key.id if key.rights is None else f"{key.id} {key.rights.model_dump_json(exclude_defaults=True)}"


class Replay:
    """For one call. Close it on every path: then its key is free again, or has an answer."""

    def __init__(
        self, gateway: Gateway, exchange: Exchange, key: ClientKey, call: Call, surface: str, *, array: bool
    ) -> None:
        """key: the caller's. call: as its caller wrote it. array: whether a stream is asked for as a JSON array.
        Raises `Fault` bad_request for headers that mean nothing."""
        self._gateway = gateway
        self._asked = call
        self._array = array
        self._surface = surface
        self._settings = gateway.current.settings
        self._wish = _wish(exchange.headers)
        once = exchange.headers.get(HEADER) if self._settings.policies.idempotency.enabled else None
        self._once = None if once is None else tenant_key(_tenant(key), once)
        self._claimed = False
        self._request: bytes | None = None
        self._cached: bytes | None = None
        self._says = ""
        self._parts: list[bytes] = []
        self._room = 0
        self._answer: Answer | None = None

    def close(self) -> None:
        """The call is over, however that went. Safe to call twice."""
        if self._claimed and self._once is not None:
            self._claimed = False
            self._gateway.idempotency.end(self._once, self._answer, self._now())

    def repeated(self) -> Answer | None:
        """The answer to an earlier call with the same key. Raises `Fault`."""
        if self._once is None:
            return None
        found = self._gateway.idempotency.begin(self._once, self._fingerprint(), self._now())
        self._claimed = found is None
        if self._claimed:
            self._room = self._gateway.idempotency.largest
        return found

    def cached(self, call: Call, chosen: Plan, limits: Limits) -> Answer | None:
        """The answer to an earlier call that was the same. call: as it goes on. Raises `Fault` bad_request (412) where
        only such an answer was wanted and there is none."""
        usable = limits.cache and self._wish != "no-store"
        found = None
        if usable:
            targets = [(each.provider, each.model) for each in (*chosen.candidates, *chosen.smaller)]
            continued = b"" if call.body is self._asked.body else call.body
            key = fingerprints.of_call(self._fingerprint(), call, targets, (chosen.reasoning, chosen.wish), continued)
            found = self._gateway.cache.get(key, self._now())
            if found is None:
                self._cached = key
                self._room = max(self._room, self._gateway.cache.largest)
        if self._wish == "only-if-cached" and found is None:
            why = "there is none" if usable else "the cache is off for this call (policies.cache, and the route's)"
            raise bad_request(
                f"`{CACHE}: only-if-cached` asks for an earlier answer to the same request, and {why}.",
                status=412,
                code="not_cached",
            )
        if usable:
            self._says = "hit" if found is not None else "miss"
        elif self._wish or self._settings.policies.cache.enabled:
            self._says = "off"
        return found

    @property
    def headers(self) -> dict[str, str]:
        """What the answer says about this."""
        return {CACHE: self._says} if self._says else {}

    def wrote(self, data: bytes) -> None:
        """A piece of the answer went out. Those of an answer that is too large are let go of."""
        if self._room <= 0 or not data:
            return
        self._room -= len(data)
        if self._room <= 0:
            self._parts = []
        else:
            self._parts.append(data)

    def whole(self, record: Record, headers: Mapping[str, str], *, events: bool) -> None:
        """All of the answer went out, and it is a success."""
        if self._room <= 0:
            return
        answer = Answer(
            body=b"".join(self._parts),
            headers={name: value for name, value in headers.items() if name not in _OF_ITS_OWN_CALL},
            events=events,
            provider=record.provider,
            model=record.model,
            upstream_dialect=record.upstream_dialect,
            finish=record.finish,
        )
        self._answer = answer
        same = self._settings is self._gateway.current.settings  # else it may be what other settings would not give
        if self._cached is not None and same:
            self._gateway.cache.put(self._cached, answer, self._now())

    async def give(self, answer: Answer, reply: Reply, exchange: Exchange, record: Record) -> None:
        """Answer with what is kept; nobody is asked and nothing is paid."""
        self._answer = answer
        record.lane = "cache" if self._says == "hit" else "replay"
        record.provider, record.model = answer.provider, answer.model
        record.upstream_dialect, record.finish = answer.upstream_dialect, answer.finish
        told = self.headers or {REPEATED: "true"}
        headers = {**answer.headers, "x-switchyard-attempts": "0", **told}
        if not self._asked.stream:
            exchange.finished = True
            await reply.whole(200, headers, answer.body)
            return
        await reply.head(200, headers, stream=answer.events)
        for at in range(0, len(answer.body), _PIECE):
            await reply.write(answer.body[at : at + _PIECE])
        exchange.finished = True
        await reply.end()

    def _fingerprint(self) -> bytes:
        if self._request is None:
            self._request = fingerprints.of_request(self._asked, self._surface, array=self._array)
        return self._request

    def _now(self) -> float:
        return self._gateway.clock.monotonic()


async def given_again(
    edge: Edge, replay: Replay, answer: Answer | None, reply: Reply, exchange: Exchange, record: Record
) -> bool:
    """Whether there was an answer to be given again; then the client has it."""
    if answer is None:
        return False
    total = edge.gateway.current.limits.total
    with exchange.watched(edge.watchers), edge.gateway.net.patience.limit(total, exchange.task):
        await replay.give(answer, reply, exchange, record)
    return True


def _wish(headers: Mapping[str, str]) -> str:
    """Raises `Fault` bad_request for a word that means nothing."""
    word = headers.get(CACHE, "").strip().lower()
    if word and word not in _WISHES:
        raise bad_request(f"{CACHE} must be one of {', '.join(_WISHES)}, not '{word[:40]}'.")
    return word
