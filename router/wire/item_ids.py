"""Ids of Responses output items that this gateway makes.

An id names its response and its position, behind the dialect's own prefix and a mark of ours. So the same answer gets
the same ids, a client that sends only ``item_reference`` leads us to the stored response, and the request writer knows
that no provider has ever stored such an item.
"""

from __future__ import annotations

import hashlib
import re

MARK = "gw1"
_RESPONSE = re.compile(r"resp_([A-Za-z0-9]{1,48})")


def item_id(prefix: str, response_id: str, index: int) -> str:
    """``msg_gw1<response>_<index>``; a hash where the response id is not of our form."""
    found = _RESPONSE.fullmatch(response_id)
    if found is not None:
        return f"{prefix}{MARK}{found.group(1)}_{index}"
    digest = hashlib.sha256(f"{response_id}/{index}".encode("utf-8", "surrogatepass")).hexdigest()
    return f"{prefix}{MARK}{digest[:32]}"


def is_own(identity: str) -> bool:
    """Was this id made by `item_id`?"""
    return identity.partition("_")[2].startswith(MARK)


def response_of(identity: str) -> str | None:
    """The id of the response that the item belongs to, as far as the item's id tells."""
    if not is_own(identity):
        return None
    response, _, index = identity.partition("_")[2][len(MARK) :].rpartition("_")
    return f"resp_{response}" if response and index.isdigit() else None
