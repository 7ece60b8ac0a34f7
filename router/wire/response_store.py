"""Conversations that a client continues by id (`previous_response_id`, `item_reference`): the pure part.

Only Responses has state on the server (`wire.md` 7.3). What is kept of a finished response is its whole input and its
output items; the next request is rebuilt into one that needs no state. Instructions do not carry over. Where and how
long things are kept is not decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct

from router.faults import Fault, bad_request
from router.wire.conversation import JsonObject
from router.wire.item_ids import response_of

MAX_REFERRED = 64


class Stored(Struct, frozen=True):
    """What one finished response leaves behind. input: the whole conversation that was sent, earlier turns included."""

    input: list[Any]
    output: list[Any]


def input_items(body: JsonObject) -> list[Any]:
    """The input of a request as items: a string is one user message. Raises `Fault` for anything else."""
    given = body.get("input")
    if given is None:
        return []
    if isinstance(given, str):
        return [{"type": "message", "role": "user", "content": given}]
    if not isinstance(given, list):
        raise bad_request("input must be a string or a list of items.", "input")
    return given


def references(body: JsonObject) -> list[str]:
    """Ids of the items that a request only names."""
    return [item["id"] for item in input_items(body) if _is_reference(item)]


def referred(body: JsonObject) -> list[str]:
    """Ids of the responses whose items a request names, as far as the items' ids tell; at most `MAX_REFERRED`."""
    found = (response_of(identity) for identity in references(body))
    return list(dict.fromkeys(one for one in found if one is not None))[:MAX_REFERRED]


def needs_store(body: JsonObject) -> bool:
    """Does this request build on something that was stored?"""
    return body.get("previous_response_id") is not None or bool(references(body))


def continued(body: JsonObject, previous: Stored | None, find: Callable[[str], JsonObject | None]) -> JsonObject:
    """A body that says everything itself: earlier input, earlier output, then the new items.

    previous: what `previous_response_id` names, None if the request has none. find: an item of other stored responses
    by its id. A reference to what is not stored here stays: the provider may know it, other dialects refuse it.
    """
    earlier = [] if previous is None else [*previous.input, *previous.output]
    by_id = {item["id"]: item for item in earlier if isinstance(item, dict) and isinstance(item.get("id"), str)}
    items: list[Any] = list(earlier)
    for item in input_items(body):
        if not _is_reference(item):
            items.append(item)
            continue
        found = by_id.get(item["id"]) or find(item["id"])
        if found is None:
            items.append(item)
        elif item["id"] not in by_id:  # what the history holds already is not said twice
            items.append(found)
            by_id[item["id"]] = found
    rebuilt = {key: value for key, value in body.items() if key != "previous_response_id"}
    rebuilt["input"] = items
    return rebuilt


def stored(request: JsonObject, response: JsonObject) -> Stored | None:
    """What to keep of a finished response; None for one that cannot be continued.

    request: the body that was sent, rebuilt by `continued` where it named an earlier response. response: the unstreamed
    answer, or `response` of a stream's last event.
    """
    output = response.get("output")
    if response.get("status") not in ("completed", "incomplete") or not isinstance(output, list):
        return None
    return Stored(input_items(request), output)


def items_by_id(kept: Iterable[Stored]) -> dict[str, JsonObject]:
    """Every item that can be referred to, later ones winning."""
    return {
        item["id"]: item
        for one in kept
        for item in (*one.input, *one.output)
        if isinstance(item, dict) and isinstance(item.get("id"), str)
    }


def response_not_found(response_id: str) -> Fault:
    """As the API itself says it; clients then send the whole conversation."""
    return bad_request(
        f"Previous response with id '{response_id}' not found. It may have expired, or was made with another key or "
        "without storage. Send the whole conversation as input instead.",
        "previous_response_id",
        code="previous_response_not_found",
    )


def _is_reference(item: Any) -> bool:
    """The type may be left out where there is nothing but an id."""
    if not isinstance(item, dict) or not isinstance(item.get("id"), str):
        return False
    return item.get("type") == "item_reference" or (item.get("type") is None and "role" not in item)
