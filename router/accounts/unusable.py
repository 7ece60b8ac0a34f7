"""Why a document gives no account. An exception, so that readers say it where they find it."""

from __future__ import annotations

from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["nothing", "corrupt", "locked", "newer"]
"""nothing: it is no account at all, and may be anything. corrupt: it should be one and cannot be understood. locked: it
cannot be decrypted. newer: a later version wrote it."""


class Unusable(Exception):
    """reason: continues the sentence "the file ...", without secrets. account: its id, "" where nobody can tell. ours:
    whether it has our marker. named: it has none, and yet nobody else would call a file so."""

    def __init__(self, kind: Kind, reason: str, *, ours: bool, account: str = "", named: bool = False) -> None:
        super().__init__(reason)
        self.kind: Kind = kind
        self.reason = reason
        self.account = account
        self.ours = ours
        self.named = named
