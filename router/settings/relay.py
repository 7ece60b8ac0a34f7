"""The `relay` block: services and browsers that connect to this router and answer calls."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from router.settings.block import Block, Origins, Texts, setting

_ADDRESS = re.compile(r"wss?://[^\s/?#@]+(?:/[^\s?#]*)?")


def _addresses(value: tuple[str, ...]) -> tuple[str, ...]:
    for address in value:
        if not address.isprintable() or not _ADDRESS.fullmatch(address):
            raise ValueError("must be addresses like wss://host.example:8317/v1/ws, without a query or a password")
    return value


class Relay(Block):
    """Services and browsers that connect to `/v1/ws`."""

    allowed_origins: Origins = setting(
        (),
        "Origins such as `https://app.example` whose pages may connect with a key of scope `relay`. Empty: none may.",
    )
    max_message_bytes: int = setting(
        64 * 1024 * 1024, "Largest message on a socket, in bytes.", effect="restart", ge=1_048_576, le=268_435_456
    )
    routers: Annotated[Texts, AfterValidator(_addresses)] = setting(
        (), "Addresses of further routers, such as `wss://host.example:8317/v1/ws`, that services are told to dial too."
    )
    arrival_wait: float = setting(
        8.0,
        "Seconds for which calls that only a service could answer wait for it, after the router's start and after the "
        "service's connection was lost. 0: they are refused at once.",
        ge=0,
        le=60.0,
    )
