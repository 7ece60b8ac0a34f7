"""What a model name may look like, and what is said of one that nobody knows. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from router.faults import Fault, bad_request
from router.routing.nearest import did_you_mean, nearest

MAX_NAME = 256
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def check_name(asked: object) -> str:
    """The name itself, where it can be one. Raises `Fault` bad_request that says what is wrong with it."""
    if not isinstance(asked, str):
        raise bad_request("model must be a string that names a model.", "model")
    if not asked.strip():
        raise bad_request("model must not be empty; GET /v1/models lists the names.", "model")
    if len(asked) > MAX_NAME:
        raise bad_request(f"model is longer than {MAX_NAME} characters.", "model")
    if _CONTROL.search(asked):
        raise bad_request("model must not contain control characters.", "model")
    if _SURROGATE.search(asked):
        raise bad_request("model must be valid Unicode text.", "model")
    if ".." in asked or "\\" in asked or asked.startswith("/") or "//" in asked:
        raise bad_request("model must not contain '..', a backslash or an empty path segment.", "model")
    return asked.strip()


def unknown_model(asked: str, known: Iterable[str]) -> Fault:
    """404 with the nearest names."""
    hint = did_you_mean(nearest(asked, known))
    return Fault(
        "not_found",
        f"No model named '{asked}' is known here.{hint} GET /v1/models lists the names; a route for it can be "
        "added under models.routing.",
        param="model",
        code="model_not_found",
    )
