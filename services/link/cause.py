"""Why a service cannot do its job, as its ``/readyz`` says it."""

from __future__ import annotations

from msgspec import Struct


class Cause(Struct, frozen=True, kw_only=True):
    """One reason why a service cannot do its job; where it is not blocking, why not as was meant. restart_helps:
    whether starting it anew could end that; a missing browser, a missing setting or a tired account never does."""

    cause: str
    text: str
    blocking: bool = True
    restart_helps: bool = False
