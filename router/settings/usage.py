"""The settings of the ledger."""

from __future__ import annotations

from typing import Literal

from router.settings.block import Block, setting


class Usage(Block):
    """What calls used and what they cost."""

    enabled: bool = setting(True, "Whether what each call used and cost is kept in the ledger.")
    retention_days: int = setting(
        400,
        "Days for which the ledger keeps a call; this month's as long as a key has a limit of a month.",
        ge=1,
        le=3660,
    )
    prices: str | None = setting(
        None, "A price table of your own (`docs/usage.md`); its prices win over those that this version has."
    )
    unpriced: Literal["allow", "refuse"] = setting(
        "allow",
        "Whether keys with a limit in dollars, which does not count models whose price nobody knows, may use those.",
    )
    unreadable: Literal["allow", "refuse"] = setting(
        "allow",
        "What keys with limits get while the ledger cannot be read, so that nobody knows what they have used before: "
        "their limits count from zero, or each of their calls is refused (503).",
    )
