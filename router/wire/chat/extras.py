"""The side channel of this dialect: keys of a wire object that the neutral form has no field for."""

from __future__ import annotations

from router.wire.conversation import Extra, JsonObject


def kept(others: JsonObject) -> Extra:
    """`others` as the side channel of a neutral object."""
    return {"chat": others} if others else {}
