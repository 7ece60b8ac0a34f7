"""The plan of one call within what its key may use, and the call as the operator's policies want it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from msgspec.structs import replace

from router.access.rights import Rights
from router.api.understand import Surface, read
from router.call import Call
from router.faults import Fault
from router.gateway import Gateway
from router.models.catalogue import Model
from router.policies.shapes import Shape, Shapes
from router.policies.system_prompt import with_prompt
from router.policies.thinking import Wish
from router.providers.run import THINKING
from router.routing.combos import Combo, in_order
from router.routing.plan import Candidate, Needs, Plan, draft, plan
from router.snapshot import Snapshot
from router.wire.conversation import Text
from router.wire.written import Note

Order: TypeAlias = Callable[[Plan], Plan]
"""Puts the members of a combo in the order of its strategy."""


def planned(
    snapshot: Snapshot, call: Call, needs: Needs, *, rotation: int = 0, order: Order = lambda plan: plan
) -> Plan:
    """Candidates for a call. order: see `ordering`. Raises `Fault` as `plan` does, and forbidden where its key may use
    none of them."""
    chosen = plan(snapshot.table, call.asked, needs=needs, pinned=call.pinned, rotation=rotation)
    chosen = snapshot.access.of(call.caller.key_id).narrowed(chosen)
    chosen = replace(chosen, payload=snapshot.payload) if snapshot.payload else chosen
    return order(chosen) if chosen.combo is not None else chosen


def ordering(gateway: Gateway, snapshot: Snapshot, call: Call) -> Order:
    """The order for one call, in which a turn of a combo counts once, however often it is planned."""
    turn: int | None = None

    def order(plan: Plan) -> Plan:
        nonlocal turn
        if plan.combo is None:
            return plan
        turn = gateway.turns.next(plan.combo.name) if turn is None else turn
        return _in_turn(gateway, snapshot, plan, plan.combo, turn, stream=call.stream)

    return order


def explained(gateway: Gateway, snapshot: Snapshot, made: Plan, key: str | None) -> Plan:
    """What a plan would be for the next streamed call of this key (its id; None: one with all rights). Where the key
    may not have it, `Plan.fault` says why."""
    try:
        made = made if key is None else snapshot.access.of(key).narrowed(made)
    except Fault as fault:
        return replace(made, candidates=(), smaller=(), fault=fault)
    if made.combo is None:
        return made
    return _in_turn(gateway, snapshot, made, made.combo, gateway.turns.coming(made.combo.name), stream=True)


def _in_turn(gateway: Gateway, snapshot: Snapshot, plan: Plan, combo: Combo, turn: int, *, stream: bool) -> Plan:
    times, tariff = gateway.attempts.first_tokens, snapshot.tariff
    candidates = in_order(
        combo,
        plan.candidates,
        turn,
        seconds=lambda each: times.typical(each.provider, each.model, stream),
        price=lambda each: tariff.per_token(each.provider, each.model),
    )
    return replace(plan, candidates=candidates)


def shown(snapshot: Snapshot, rights: Rights, model: Model) -> bool:
    """Whether a list shows a model to a key: whether a call for it would be let through."""
    if not rights.limited:
        return True
    made = draft(snapshot.table, model.id, needs=Needs(dialect="chat"))
    return any(rights.permits(made.asked, candidate) for candidate in made.candidates)


def prompted(call: Call, shape: Shape, surface: Surface | None = None) -> Call:
    """The call with the operator's words in its system prompt. surface: of a generation. Raises `Fault` bad_request."""
    if not shape.system:
        return call
    call = replace(call, notes=(*call.notes, Note("policy", "system_prompt")))
    if surface is None or surface.raw:
        return replace(call, body=with_prompt(call.dialect, call.body, shape.system))
    conversation = read(call, surface.spec.read_request)  # legacy completions, which have no system prompt
    return replace(call, conversation=replace(conversation, system=(Text(shape.system.alone),)))


def thoughtful(call: Call, shapes: Shapes, shape: Shape, chosen: Plan, surface: Surface) -> tuple[Call, Plan]:
    """The plan with what is to be asked for of thinking, nothing where the body says it; and the call, read where that
    took it. shape: of this call. Where an account may have a word of its own, each attempt decides (`Plan.wish`)."""
    if shape.thinking is None and not shapes.accounts:
        return call, chosen
    thinking = [each for each in (*chosen.candidates, *chosen.smaller) if _thinks(each)]
    providers = () if shape.final or not shapes.accounts else dict.fromkeys(each.provider for each in thinking)
    rules = tuple(rule for provider in providers for rule in shapes.accounts.get(provider, ()))
    if not thinking or (shape.thinking is None and not rules):
        return call, chosen
    conversation = call.conversation or read(call, surface.spec.read_request)
    call = replace(call, conversation=conversation)
    asked = chosen.reasoning or conversation.reasoning
    tunes = chosen.reasoning is None and call.dialect == "messages"
    if rules:
        return call, replace(chosen, wish=Wish(asked, tunes, shape.thinking, rules))
    wanted = shape.thinking.decide(asked, tunes=tunes) if shape.thinking is not None else None
    if wanted is None:
        return call, chosen
    return replace(call, notes=(*call.notes, THINKING)), replace(chosen, reasoning=wanted)


def _thinks(candidate: Candidate) -> bool:
    """Whether there is anything to say to this model about thinking: others stay in the raw lane, and get no note."""
    return candidate.capabilities.thinking != "none"
