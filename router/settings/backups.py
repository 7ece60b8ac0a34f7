"""The block `backups`: how many of those that the running router makes are kept."""

from __future__ import annotations

from router.settings.block import Block, setting


class Backups(Block):
    """Backups that are made over the management API."""

    keep: int = setting(10, "Backups that are kept in the state folder; the oldest go first.", ge=1, le=1000)
    max_bytes: int = setting(
        4 * 1024**3, "Bytes that all of them may take; the oldest go first, and a larger one is not made.", ge=1024
    )
