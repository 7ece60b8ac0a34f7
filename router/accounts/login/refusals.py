"""What a sign-in says where it does not do what was asked."""

from __future__ import annotations

from typing import Literal, TypeAlias

Reason: TypeAlias = Literal[
    "unknown",  # no such provider, no such sign-in
    "unfit",  # asked for in a way that this provider or this sign-in has not got
    "misconfigured",  # a setting is missing
    "consent",  # the caveat must be accepted first
    "busy",  # too many are open, or this process is being replaced
    "unreadable",  # what was pasted says nothing about this sign-in, which goes on
    "closed",  # this sign-in has ended, or its step was taken by somebody else
    "upstream",  # the provider could not be asked
]


class Refused(Exception):
    """The message is for the person and holds no secret. caveat: what must be accepted, for the reason ``consent``."""

    def __init__(self, reason: Reason, message: str, *, caveat: str = "") -> None:
        super().__init__(message)
        self.reason: Reason = reason
        self.message = message
        self.caveat = caveat
