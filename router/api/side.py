"""The frame of every request that is answered in one piece: token counts, embeddings, pictures, model lists."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import closing
from typing import Any, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from router.accounts.health import Cooling, Crowded, Lease
from router.accounts.record import Account
from router.api.edge import Edge
from router.api.entry import enter
from router.api.exchange import Exchange
from router.api.frame import framed, in_line
from router.api.reply import Reply
from router.api.spending import HEADER, reserve
from router.api.understand import Addressed, model_and_stream
from router.call import Call, Record, Try
from router.faults import Fault
from router.providers.config import ProviderConfig
from router.providers.executor import FORWARDED, OPERATIONS, Operation
from router.routing.plan import Candidate
from router.routing.renewing import Renewing
from router.snapshot import Snapshot
from router.usage.ledger import USES_NOTHING
from router.wire import codec
from router.wire.conversation import JsonObject
from router.wire.dialect import DialectSpec
from router.wire.events import Usage

MAX_ANSWER = 128 * 1024 * 1024


class Side(Struct, kw_only=True):
    """One such request, understood. call.body is its body, empty for a GET. full: candidates whose providers had no
    place. patient: whether to wait for one. expected: what an attempt may be charged for although nobody saw its
    answer, None for nothing."""

    edge: Edge
    snapshot: Snapshot
    call: Call
    record: Record
    spec: DialectSpec
    full: list[Candidate] = field(default_factory=list)
    patient: bool = False
    expected: Usage | None = None

    async def ask(self, candidate: Candidate, operation: Operation, body: bytes) -> tuple[bytes, Mapping[str, str]]:
        """Ask one candidate, with one account after another. Raises the last `Fault`, or unavailable at once where the
        provider cannot do this."""
        gateway = self.edge.gateway
        provider = self.snapshot.providers_for(self.call.caller.key_id)[candidate.provider]
        if operation not in OPERATIONS[provider.kind]:
            raise Fault("not_found", f"The provider {provider.id} has nothing for this.")
        if self.record.surface not in USES_NOTHING:
            gateway.ledger.opened(self.record, candidate.provider, candidate.model)
        prefer = gateway.affinity.held(self.call.dialect, self.call.body, self.call.conversation).prefer
        tried: set[str] = set()
        renewing = Renewing(gateway.runner)
        again: str | None = None
        last: Fault | None = None
        while len(tried) < self.snapshot.limits.max_attempts:
            lease = await self._lease(provider, candidate, tried, again or prefer)
            again = None
            if isinstance(lease, Cooling):
                raise last or lease.fault()
            if isinstance(lease, Crowded):
                self.full.append(candidate)
                raise last or lease.fault()
            left = asyncio.Event()
            try:
                answer = await self._send(candidate, provider, lease.account, operation, body, left.set)
            except Fault as fault:
                unseen = self.expected if left.is_set() and fault.kind == "timeout" else None
                self._note(candidate, lease.account.id, fault, unseen)
                held_against = await self._judge(lease, fault, renewing)
                last = held_against or fault
                if held_against is None:
                    again = lease.account.id
                    continue
                if not last.meaning.moves_on or last.kind == "not_found":
                    raise last from None
                tried.add(lease.account.id)
            except BaseException:
                gateway.health.release(lease)
                if left.is_set():
                    self._add(candidate, lease.account.id, "cancelled", usage=self.expected)
                raise
            else:
                gateway.health.succeeded(lease)
                self._note(candidate, lease.account.id, None)
                return answer
        raise last or Fault("unavailable", f"The provider {provider.id} could not be asked.")

    async def _lease(
        self, provider: ProviderConfig, candidate: Candidate, tried: set[str], prefer: str | None
    ) -> Lease | Cooling | Crowded:
        """An account; where the provider is full and the call is `patient`, after a wait. Raises `Fault` where there
        was no place in time."""
        gateway = self.edge.gateway
        lease = gateway.health.lease(provider, candidate.model, avoid=tried, prefer=prefer)
        if not isinstance(lease, Crowded) or not self.patient:
            return lease
        began = gateway.clock.monotonic()
        try:
            place = await gateway.admission.crowd.place(
                (lease.gate,), self.call.caller.priority, self.snapshot.limits.deadline
            )
        finally:
            self.record.waited += gateway.clock.monotonic() - began
        return gateway.health.lease(provider, candidate.model, avoid=tried, prefer=prefer, place=place)

    async def _judge(self, lease: Lease, fault: Fault, renewing: Renewing) -> Fault | None:
        """Remember a failure; None where the account has another secret now and is to be asked once more."""
        health = self.edge.gateway.health
        try:
            held_against = await renewing.recover(lease.account, fault)
        except BaseException:
            health.release(lease)
            raise
        if held_against is None:
            health.release(lease)
        else:
            health.failed(lease, held_against, suspend=renewing.suspends(lease.account, held_against))
        return held_against

    async def _send(
        self,
        candidate: Candidate,
        provider: ProviderConfig,
        account: Account,
        operation: Operation,
        body: bytes,
        sent: Callable[[], None],
    ) -> tuple[bytes, Mapping[str, str]]:
        response = await self.edge.gateway.runner.send(
            self.call,
            candidate,
            candidate.through(provider),
            account,
            self.snapshot.limits,
            body=body,
            stream=False,
            operation=operation,
            sent=sent,
        )
        with closing(response):
            return await response.read(MAX_ANSWER), response.headers

    def used(self, usage: Usage) -> None:
        """What the attempt has used that has just been answered; the call, where it needed none."""
        if self.record.tries:
            self.record.tries[-1] = replace(self.record.tries[-1], usage=usage)
        else:
            self.record.usage = usage

    def _note(self, candidate: Candidate, account: str, fault: Fault | None, usage: Usage | None = None) -> None:
        record = self.record
        if fault is None:
            self._add(candidate, account, "ok")
        else:
            self._add(candidate, account, fault.kind, status=fault.status, reason=fault.message, usage=usage)
        if fault is None:
            record.provider, record.model, record.account = candidate.provider, candidate.model, account

    def _add(self, candidate: Candidate, account: str, outcome: str, **facts: Any) -> None:
        made = Try(provider=candidate.provider, model=candidate.model, account=account, outcome=outcome, **facts)
        self.record.tries.append(made)


class Answer(Struct, frozen=True):
    """What goes back: the body, and headers beside the usual ones."""

    body: bytes
    headers: Mapping[str, str] = {}


Work = Callable[[Side], Awaitable[Answer]]
T = TypeVar("T")


async def first_answer(
    side: Side, candidates: Sequence[Candidate], ask: Callable[[Candidate], Awaitable[T]], otherwise: str
) -> T:
    """What the first candidate says that can answer; where none can now, those are waited for that were full. Raises
    the last `Fault` that may be worth another try, at once one that is not, and unavailable with the words `otherwise`
    where there is nobody to ask."""
    last: Fault | None = None
    for side.patient in (False, True):
        for candidate in candidates:
            try:
                return await ask(candidate)
            except Fault as fault:
                if not fault.meaning.moves_on:
                    raise
                last = fault
        candidates, side.full = side.full, []
    raise last or Fault("unavailable", otherwise)


def answer_object(body: bytes) -> JsonObject:
    """A provider's unstreamed answer. Raises `Fault` upstream_broken for anything but an object."""
    try:
        value = codec.loads(body)
    except codec.Malformed as error:
        raise Fault("upstream_broken", f"The provider's answer is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise Fault("upstream_broken", "The provider's answer is not a JSON object.")
    return value


async def serve(
    edge: Edge, exchange: Exchange, spec: DialectSpec, surface: str, addressed: Addressed, work: Work
) -> None:
    """Authenticate, read, work, answer, settle. Every fault is told in the caller's dialect."""
    gateway = edge.gateway
    record = Record(call_id=gateway.ids.request(), dialect=spec.name, surface=surface, asked=addressed.model or "")
    record.began = gateway.clock.wall()
    reply = Reply(exchange.send, record.call_id)
    began = gateway.clock.monotonic()

    async def answered() -> None:
        answer = await _work(edge, exchange, spec, addressed, record, began, work)
        exchange.finished = True
        await reply.whole(200, {**answer.headers, **_headers(record)}, answer.body)

    def settle() -> None:
        record.status = 499 if exchange.gone else reply.status
        record.total = gateway.clock.monotonic() - began
        gateway.settle(record)

    await framed(
        gateway,
        exchange,
        record,
        answered(),
        refuse=lambda fault: _refuse(reply, spec, record, fault),
        settle=settle,
    )


async def _work(
    edge: Edge,
    exchange: Exchange,
    spec: DialectSpec,
    addressed: Addressed,
    record: Record,
    began: float,
    work: Work,
) -> Answer:
    gateway = edge.gateway
    key, record.caller = enter(exchange, gateway)
    counted = exchange.method == "POST"  # a list of models costs no provider anything
    with gateway.admission.entry(key, counted=counted) as entry, exchange.until_deadline():
        if entry.waits:
            await in_line(exchange, entry, record)
        await edge.known.wait()
        body, asked = b"", addressed.model or ""
        if exchange.method == "POST":
            body = await exchange.body(gateway.current.settings.server.limits.body_bytes, gateway.net.patience)
            asked, _ = model_and_stream(body, addressed)
        snapshot = gateway.current  # after all waiting: accounts may have come, and rights gone
        record.asked = asked
        call = Call(
            id=record.call_id,
            dialect=spec.name,
            asked=asked,
            stream=False,
            body=body,
            caller=record.caller,
            headers={name: exchange.headers[name] for name in FORWARDED[spec.name] if name in exchange.headers},
            pinned=addressed.provider or exchange.headers.get("x-switchyard-provider") or None,
            began=began,
            created=int(gateway.clock.wall()),
        )
        if record.surface not in USES_NOTHING:
            await reserve(gateway, snapshot, key, call, record, None)
        with exchange.watched(edge.watchers), gateway.net.patience.limit(snapshot.limits.total, exchange.task):
            return await work(Side(edge=edge, snapshot=snapshot, call=call, record=record, spec=spec))


async def _refuse(reply: Reply, spec: DialectSpec, record: Record, fault: Fault) -> None:
    record.outcome, record.reason = fault.kind, fault.message
    if fault.kind != "cancelled" and not reply.started:
        status, headers, body = spec.render_fault(fault, record.call_id)
        await reply.json(status, headers, body)


def _headers(record: Record) -> dict[str, str]:
    if not record.provider:
        return {}
    return {
        "x-switchyard-model": record.model,
        "x-switchyard-provider": record.provider,
        "x-switchyard-attempts": str(len(record.tries)),
        **({HEADER: record.budget} if record.budget else {}),
    }
