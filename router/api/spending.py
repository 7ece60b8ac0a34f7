"""The way in for a call whose key has limits: what it is expected to use is held until it is settled."""

from __future__ import annotations

from router.access.keys import ClientKey
from router.call import Call, Record
from router.gateway import Gateway
from router.routing.spent import prompt_tokens
from router.snapshot import Snapshot
from router.usage.budgets import Estimate
from router.wire.messages import count_tokens

SHORT = 16 * 1024
"""Bytes of a body that is not read for this alone: at most its whole length counts too much then."""
HEADER = "x-switchyard-budget"


async def reserve(
    gateway: Gateway, snapshot: Snapshot, key: ClientKey, call: Call, record: Record, target: tuple[str, str] | None
) -> None:
    """Admit the call. target: the provider and the model that it will probably reach. Raises `Fault`, see
    `Budgets.reserve`."""
    if key.limits is None:
        return
    await gateway.budgets.ready(key, refuse=snapshot.settings.usage.unreadable == "refuse")
    metered = target is not None and snapshot.tariff.metered(target[0])
    price = snapshot.tariff.price(*target) if target is not None and metered else None
    tokens = _input(call)
    rates = price.rates_for(tokens) if price is not None else None
    each = (float(rates.input), float(rates.output)) if rates is not None else None
    record.budget = gateway.budgets.reserve(
        record.call_id, key, Estimate(call.asked, tokens, each, metered and price is None), record.began
    )


def _input(call: Call) -> int:
    """Tokens of the prompt, about. A long body may be pictures and documents in base64, which are few tokens."""
    if call.conversation is None and len(call.body) <= SHORT:
        return count_tokens.estimate_text(len(call.body))
    return prompt_tokens(call)
