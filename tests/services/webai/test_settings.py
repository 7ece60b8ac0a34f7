"""The router's schema describes and checks exactly what this service reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from router.settings.provider_blocks import Upstream, WebAI
from services.webai.settings import ROUTERS, Settings, read

FOLLOW_THE_ROUTER = {"relay.urls", "relay.key_file"}
"""Where the default comes from the router's other settings (`services.webai.beside`)."""
BOTH = {"endpoint", "api_key"}
"""What the router and the service both go by."""


def flat(values: Mapping[str, Any], at: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{at}{name}.")
        else:
            yield f"{at}{name}", value


def of_the_router() -> dict[str, Any]:
    own = {*Upstream.model_fields, "service", "allowed_endpoints"}
    return dict(flat(WebAI().model_dump(exclude=own)))


def of_the_service() -> dict[str, Any]:
    return dict(flat(msgspec.to_builtins(Settings(), enc_hook=str, builtin_types=(tuple,))))


def test_both_know_the_same_settings_with_the_same_defaults() -> None:
    router, service = of_the_router(), of_the_service()
    assert router.keys() == service.keys()
    for name in router.keys() - FOLLOW_THE_ROUTER:
        assert router[name] == service[name], name


def test_what_stands_in_the_block_for_the_router_alone_is_none_of_the_services() -> None:
    assert {*Upstream.model_fields, "service", "allowed_endpoints"} - {"proxy"} <= ROUTERS
    assert not ROUTERS & BOTH
    assert isinstance(read({"enabled": True, "prefix": "web", "allowed_endpoints": ["https://x"]}), Settings)
