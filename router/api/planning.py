"""The plan of one call within what its key may use: the one way from a call to its candidates."""

from __future__ import annotations

from router.access.rights import Rights
from router.call import Call
from router.gateway import Snapshot
from router.models.catalogue import Model
from router.routing.plan import Needs, Plan, draft, plan


def planned(snapshot: Snapshot, call: Call, needs: Needs, *, rotation: int = 0) -> Plan:
    """Candidates for a call. Raises `Fault` as `plan` does, and forbidden where its key may use none of them."""
    chosen = plan(snapshot.table, call.asked, needs=needs, pinned=call.pinned, rotation=rotation)
    return snapshot.access.of(call.caller.key_id).narrowed(chosen)


def shown(snapshot: Snapshot, rights: Rights, model: Model) -> bool:
    """Whether a list shows a model to a key: whether a call for it would be let through."""
    if not rights.limited:
        return True
    made = draft(snapshot.table, model.id, needs=Needs(dialect="chat"))
    return any(rights.permits(made.asked, candidate) for candidate in made.candidates)
