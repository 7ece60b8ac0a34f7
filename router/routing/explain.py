"""Why a name leads where it leads, and what would happen now: told by the engine that routes. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from router.providers.config import ProviderConfig
from router.routing.choose import Outlook, View, Waiting, look
from router.routing.plan import Candidate, Plan
from router.wire.conversation import JsonObject


def explain(plan: Plan, providers: Mapping[str, ProviderConfig], view: View) -> JsonObject:
    """What `plan` and the health in `view` say together, as JSON.

    ``outcome``: ``serve`` with the target and account of the first attempt, ``wait`` with the seconds until somebody
    can serve, or ``refuse`` with the fault that the client would get.
    """
    outlooks = [look(providers[each.provider], each.model, view) for each in plan.candidates]
    first = next((index for index, outlook in enumerate(outlooks) if outlook.account is not None), None)
    return {
        "asked": plan.asked,
        "how": list(plan.how),
        "reasoning": _reasoning(plan),
        "outcome": _outcome(plan, outlooks, first),
        "candidates": [
            _candidate(candidate, outlook, view, index == first)
            for index, (candidate, outlook) in enumerate(zip(plan.candidates, outlooks, strict=True))
        ],
        "smaller": [{"provider": each.provider, "model": each.model, "why": each.why} for each in plan.smaller],
        "skipped": [{"provider": skip.provider, "model": skip.model, "reason": skip.reason} for skip in plan.skipped],
    }


def as_text(told: JsonObject) -> str:
    """`explain`'s answer as aligned lines for a terminal, without a final newline."""
    lines = [f"{told['asked']}", *(f"  {step}" for step in told["how"])]
    if told["reasoning"] is not None:
        wishes = ", ".join(f"{key} {value}" for key, value in told["reasoning"].items())
        lines.append(f"  thinking: {wishes}")
    lines += ["", f"would {_outcome_text(told['outcome'])}"]
    if told["candidates"]:
        lines += ["", *_columns([_row(number, each) for number, each in enumerate(told["candidates"], 1)])]
    for number, each in enumerate(told["candidates"], 1):
        lines += [f"  {number}. waiting: {_waiting_text(wait)}" for wait in each["waiting"]]
    if told.get("smaller"):  # a gateway of an older version says nothing of it
        rows = [["", f"{each['provider']}/{each['model']}", each["why"]] for each in told["smaller"]]
        lines += ["", "where all limits are met:", *_columns(rows)]
    if told["skipped"]:
        rows = [[f"{each['provider']}/{each['model']}", each["reason"]] for each in told["skipped"]]
        lines += ["", "left out:", *_columns([["", *row] for row in rows])]
    if told.get("key"):
        lines += ["", *_of_key(told["key"])]
    return "\n".join(line.rstrip() for line in lines)


def _of_key(key: JsonObject) -> list[str]:
    """What the key of a gateway's answer loses, in lines."""
    if not key["lost"] and not key["fewer"]:
        return [f"the key {key['name']} may use all of it"]
    head = f"the key {key['name']} loses {len(key['lost'])} of {key['of']} candidates"
    rows = [["", f"{each['provider']}/{each['model']}", each["reason"]] for each in key["lost"]]
    rows += [
        ["", each["provider"], f"{len(each['accounts'])} of {each['of']} accounts alone ({each['reason']})"]
        for each in key["fewer"]
    ]
    return [f"{head}:", *_columns(rows)]


def _reasoning(plan: Plan) -> JsonObject | None:
    asked = plan.reasoning
    if asked is None:
        return None
    return {"effort": asked.effort} if asked.effort is not None else {"budget": asked.budget}


def _outcome(plan: Plan, outlooks: Sequence[Outlook], first: int | None) -> JsonObject:
    if plan.fault is not None:
        return {"action": "refuse", "kind": plan.fault.kind, "reason": plan.fault.message}
    if first is None:
        times = [outlook.retry_after for outlook in outlooks if outlook.retry_after is not None]
        return {"action": "wait", "retry_after": min(times) if times else None}
    candidate, outlook = plan.candidates[first], outlooks[first]
    account = outlook.account
    return {
        "action": "serve",
        "provider": candidate.provider,
        "model": candidate.model,
        "account": account.id if account is not None else None,
        "probe": bool(outlook.probes),
    }


def _candidate(candidate: Candidate, outlook: Outlook, view: View, chosen: bool) -> JsonObject:
    return {
        "provider": candidate.provider,
        "model": candidate.model,
        "dialect": candidate.dialect,
        "lane": candidate.lane,
        "rank": candidate.rank,
        "why": candidate.why,
        "chosen": chosen,
        "context_window": candidate.capabilities.context_window,
        "max_output": candidate.capabilities.max_output,
        "account": outlook.account.id if outlook.account is not None else None,
        "account_why": outlook.why,
        "probe": bool(outlook.probes),
        "retry_after": outlook.retry_after,
        "waiting": [_waiting(wait, view) for wait in outlook.waiting],
    }


def _waiting(wait: Waiting, view: View) -> JsonObject:
    seconds = max(0.0, wait.until - view.now) if wait.until is not None else None
    return {"account": wait.account, "state": wait.state, "cause": wait.cause, "seconds": seconds}


def _outcome_text(outcome: JsonObject) -> str:
    if outcome["action"] == "serve":
        probe = ", as a probe" if outcome["probe"] else ""
        return f"serve: {outcome['provider']}/{outcome['model']} with account {outcome['account']}{probe}"
    if outcome["action"] == "wait":
        seconds = outcome["retry_after"]
        return "refuse: no account can serve" if seconds is None else f"wait: an account can serve in {seconds:.0f} s"
    return f"refuse ({outcome['kind']}): {outcome['reason']}"


def _row(number: int, each: Mapping[str, Any]) -> list[str]:
    mark = "->" if each["chosen"] else ""
    account = each["account"] or "no account free"
    if chosen := each.get("account_why"):
        account = f"{account} ({chosen})"
    return [
        mark,
        f"{number}.",
        f"{each['provider']}/{each['model']}",
        each["lane"],
        each["dialect"],
        account,
        each["why"],
    ]


def _waiting_text(wait: Mapping[str, Any]) -> str:
    until = f", {wait['seconds']:.0f} s" if wait["seconds"] is not None else ""
    return f"{wait['account'] or 'the whole target'}: {wait['state']}{until}, {wait['cause']}"


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
