"""Whether another model than the one that was asked for may answer a call. Pure.

Another model may come through an alias or a combo of several models, as the smaller model where limits are met, or to
say the rest of an answer that broke off. All of them are candidates of the plan, so this is decided there.
"""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

from msgspec.structs import replace

from router.faults import Fault
from router.routing.plan import Candidate, Plan
from router.usage.prices import plain

Substitution: TypeAlias = Literal["never", "same_family", "any"]
_GENERATION = re.compile(r"-\d.*")


def without_substitutes(plan: Plan, allowed: Substitution, told: str) -> Plan:
    """The plan with such candidates alone as may answer. The first model that the name stands for is the one that was
    asked for. told: what says so. Raises `Fault` unavailable where that one cannot serve, and nothing else may."""
    if allowed == "any" or not plan.candidates:
        return plan
    meant = next((each for each in plan.candidates if not each.member), None)
    if meant is None:
        raise Fault(
            "unavailable",
            f"The first model that '{plan.asked[:200]}' stands for cannot serve now, and this key takes no other one "
            f"({told}: {allowed}).",
            param="model",
        )
    kept = tuple(each for each in plan.candidates if not each.member or _same(each, meant, allowed))
    smaller = tuple(each for each in plan.smaller if _same(each, meant, allowed))
    return replace(plan, candidates=kept, smaller=smaller)


def _same(candidate: Candidate, meant: Candidate, allowed: Substitution) -> bool:
    if plain(candidate.model) == plain(meant.model):
        return True
    family = _family(meant)
    return allowed == "same_family" and family != "" and _family(candidate) == family


def _family(candidate: Candidate) -> str:
    """Without its generation: what a reader would call a family."""
    return _GENERATION.sub("", candidate.capabilities.family)
