"""One short call with one very account, through the executor that serves clients: does it answer?"""

from __future__ import annotations

import asyncio

from msgspec import Struct

from router.access.keys import ClientKey
from router.accounts.record import Account
from router.call import Call, Caller, Record, Try
from router.faults import Fault
from router.gateway import Gateway
from router.models.catalogue import Model
from router.providers.config import ProviderConfig
from router.routing.plan import Candidate, Needs, Plan, draft
from router.routing.renewing import Renewing
from router.routing.spent import Progress, spent
from router.snapshot import Snapshot
from router.wire import codec

WITHIN = 60.0
"""Seconds for the whole answer."""
_TOKENS = 16
"""Of the answer: some providers refuse less."""


class Outcome(Struct, frozen=True):
    """fault: why it did not answer, None where it did. seconds: how long it took."""

    model: str
    fault: Fault | None
    seconds: float


class Target(Struct, frozen=True):
    """What is asked for, as the plan has it."""

    plan: Plan
    candidate: Candidate


def target(snapshot: Snapshot, provider: ProviderConfig, account: Account, model: str | None) -> Target | None:
    """`model`, else the cheapest one of the lists that the account may serve and that generates; None: there is none.
    Raises `Fault` where `model` cannot be asked for."""
    if model is not None:
        made = draft(snapshot.table, model, needs=Needs(dialect="chat"), pinned=provider.id)
        if made.fault is not None:
            raise made.fault
        return Target(made, made.candidates[0])
    names = [
        each.model
        for each in snapshot.catalogue.models
        if each.provider == provider.id and account.serves(each.model) and _generates(each)
    ]
    for name in sorted(names, key=lambda name: _price(snapshot, provider, name)):
        made = draft(snapshot.table, name, needs=Needs(dialect="chat"), pinned=provider.id)
        if made.candidates:
            return Target(made, made.candidates[0])
    return None


def _generates(model: Model) -> bool:
    known = model.capabilities
    return known is None or not (known.embeddings or known.image_output)


def _price(snapshot: Snapshot, provider: ProviderConfig, model: str) -> float:
    price = snapshot.tariff.price(provider.id, model)
    return float(price.rates.output) if price is not None else float("inf")


async def probe(
    gateway: Gateway, key: ClientKey, provider: ProviderConfig, account: Account, chosen: Target
) -> Outcome:
    """Ask, and account for it as for any call. What it finds changes nothing about the account's state."""
    began = gateway.clock.monotonic()
    candidate = chosen.candidate
    body = {
        "model": candidate.model,
        "messages": [{"role": "user", "content": "Say ok."}],
        "max_tokens": _TOKENS,
        "stream": True,
    }
    call = Call(
        id=gateway.ids.request(),
        dialect="chat",
        asked=candidate.model,
        stream=True,
        body=codec.dumps(body),
        caller=Caller(key_id=key.id, key_name=key.name, client="management"),
        began=began,
        created=int(gateway.clock.wall()),
    )
    record = Record(call_id=call.id, dialect="chat", surface="probe", asked=candidate.model, caller=call.caller)
    record.began, record.stream, record.upstream_dialect = gateway.clock.wall(), True, candidate.dialect
    record.provider, record.model, record.account = provider.id, candidate.model, account.id
    gateway.ledger.opened(record, provider.id, candidate.model)
    fault: Fault | None = None
    progress = Progress()
    try:
        await _answered(gateway, call, chosen, provider, account, progress)
        record.outcome, record.status = "ok", 200
    except Fault as problem:
        fault = problem
        record.outcome, record.reason, record.status = problem.kind, problem.message, problem.http_status
    except BaseException:
        record.outcome, record.reason = "cancelled", "the client went away"
        raise
    finally:
        record.total = gateway.clock.monotonic() - began
        record.tries.append(_try(call, record, fault, progress))
        gateway.settle(record)
    return Outcome(candidate.model, fault, record.total)


async def _answered(
    gateway: Gateway, call: Call, chosen: Target, provider: ProviderConfig, account: Account, progress: Progress
) -> None:
    """Read the answer to its end. Raises `Fault`. An account whose token was not taken gets another one, once."""
    renewing = Renewing(gateway.runner)

    async def once() -> None:
        limits = gateway.current.limits
        opened = await gateway.runner.open(
            call, chosen.plan, chosen.candidate, provider, account, limits, lambda: None, left=progress.left
        )
        progress.observed = opened.lane.observed
        try:
            async for _ in opened.lane.batches():
                continue
        finally:
            await opened.lane.close()

    try:
        async with asyncio.timeout(WITHIN):
            try:
                await once()
            except Fault as fault:
                held_against = await renewing.recover(account, fault)
                if held_against is not None:
                    raise held_against from None
                await once()
    except TimeoutError:
        raise Fault("timeout", f"There was no whole answer within {WITHIN:g} seconds.") from None


def _try(call: Call, record: Record, fault: Fault | None, progress: Progress) -> Try:
    answered = fault is None and progress.observed is not None and record.outcome == "ok"
    usage = spent(call, progress.observed) if answered and progress.observed else progress.spent(call, record.outcome)
    return Try(
        provider=record.provider,
        model=record.model,
        account=record.account,
        outcome=record.outcome,
        status=None if fault is None else fault.status,
        reason=record.reason,
        seconds=record.total,
        usage=usage,
    )
