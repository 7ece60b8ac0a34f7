"""The router's schema describes and checks exactly what this service reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from router.settings.provider_blocks import AIStudio, Upstream
from services.aistudio.settings import ROUTERS, Settings, read

FOLLOW_THE_ROUTER = {"profiles", "relay.urls", "relay.key_file"}
"""Where the default comes from the router's other settings (`services.aistudio.beside`)."""


def flat(values: Mapping[str, Any], at: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{at}{name}.")
        else:
            yield f"{at}{name}", value


def of_the_router() -> dict[str, Any]:
    dumped = AIStudio().model_dump(exclude={*Upstream.model_fields, "service"})
    return dict(flat(dumped))


def of_the_service() -> dict[str, Any]:
    return dict(flat(msgspec.to_builtins(Settings(), enc_hook=str, builtin_types=(tuple,))))


def test_both_know_the_same_settings_with_the_same_defaults() -> None:
    router, service = of_the_router(), of_the_service()
    assert router.keys() == service.keys()
    for name in router.keys() - FOLLOW_THE_ROUTER:
        assert router[name] == service[name] or list(router[name]) == list(service[name]), name


def test_what_stands_in_the_block_for_the_router_is_none_of_the_services() -> None:
    assert {*Upstream.model_fields, "service"} == ROUTERS


@pytest.mark.parametrize("path", [*of_the_service()])
def test_a_value_of_the_router_is_one_of_the_service(path: str) -> None:
    value = of_the_router()[path]
    block: Any = value
    for name in reversed(path.split(".")):
        block = {name: block}
    assert isinstance(read(block), Settings)
    assert isinstance(read({"profiles": "x"}).profiles, Path)
