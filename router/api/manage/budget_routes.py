"""How much of their budgets client keys have used: for whoever may look, and without anything else of the keys."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from router.access.keys import KeyRing
from router.access.limits import Period, Unit
from router.api.manage.operation import Asked, Operation
from router.clock import Clock
from router.money import MICRO
from router.usage.budgets import Budgets


class Budget(Struct, frozen=True):
    """One limit of a day or a month (UTC) of one key. key: its name. limit: as the settings call it. used, most: US
    dollars or tokens, running calls included. soft: the share from which its use is told. resets_at: Unix seconds."""

    key: str
    limit: str
    unit: Unit
    period: Period
    used: float
    most: float
    soft: float
    resets_at: float


class BudgetList(Struct, frozen=True):
    """Those of keys that can be used now, the fullest first."""

    budgets: list[Budget]


class BudgetDesk:
    """Reads; nothing can be changed here."""

    def __init__(self, ring: KeyRing, budgets: Budgets, clock: Clock) -> None:
        self._ring = ring
        self._budgets = budgets
        self._clock = clock

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/budgets", need="viewer", name="budgets", answer=BudgetList, handler=self.get,
                summary="Budgets of keys: what is used of them, and when they begin anew. Names, never keys.",
            )
        ]  # fmt: skip

    async def get(self, asked: Asked) -> BudgetList:
        now = self._clock.wall()
        known = self._ring.known()
        limited = [(key, key.limits) for key in known if key.limits is not None and key.usable(now)]
        await self._budgets.look(key for key, _ in limited)
        found = []
        for key, limits in limited:
            used = self._budgets.used(key)
            for cap in limits.caps():
                if cap.period == "minute":
                    continue
                dollars = MICRO if cap.unit == "usd" else 1
                found.append(
                    Budget(
                        key=key.name,
                        limit=cap.name,
                        unit=cap.unit,
                        period=cap.period,
                        used=used.get(cap.name, 0) / dollars,
                        most=cap.most / dollars,
                        soft=limits.soft,
                        resets_at=self._budgets.renewed_at(cap.period),
                    )
                )
        return BudgetList(sorted(found, key=lambda each: (-each.used / each.most, each.key, each.limit)))
