"""The settings of the ledger."""

from __future__ import annotations

from router.settings.block import Block, setting


class Usage(Block):
    """What calls used and what they cost."""

    prices: str | None = setting(
        None, "A price table of your own (`docs/usage.md`); its prices win over those that this version has."
    )
