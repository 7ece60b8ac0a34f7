"""The waits of supervisor.conf lie above those of the programs, and below those of who stops supervisord."""

from __future__ import annotations

import configparser
import inspect
import re

import annotated_types
import msgspec
import pytest
from pydantic import BaseModel, ValidationError

from router import places
from router.cli import supervision
from router.server.parent import MARGIN
from router.settings.server import Timeouts
from router.settings.webai_blocks import WebAITimeouts
from services.aistudio.__main__ import DRAIN as AISTUDIO_DRAIN
from services.webai.settings import Timeouts as OwnTimeouts

CLOSING = 12.0
"""Seconds that a service takes at most after its drain, for what is still open to be closed."""


def longest_drain(block: type[BaseModel] = Timeouts) -> float:
    limits = [limit.le for limit in block.model_fields["drain"].metadata if isinstance(limit, annotated_types.Le)]
    return min(float(str(limit)) for limit in limits)


def stop_waits() -> dict[str, int]:
    conf = configparser.RawConfigParser(inline_comment_prefixes=(";",))
    conf.read(places.ROOT / "supervisor.conf", encoding="utf-8")
    return {name: conf.getint(name, "stopwaitsecs") for name in conf.sections() if name.startswith("program:")}


def test_the_services_get_their_whole_drain() -> None:
    waits = stop_waits()
    assert waits["program:webai"] >= longest_drain(WebAITimeouts) + CLOSING
    assert waits["program:aistudio"] >= AISTUDIO_DRAIN + CLOSING


def test_a_drain_of_webai_that_supervisord_would_cut_short_is_a_mistake_in_both_files() -> None:
    longest = longest_drain(WebAITimeouts)
    assert WebAITimeouts(drain=longest).drain == longest
    with pytest.raises(ValidationError, match="drain"):
        WebAITimeouts(drain=longest + 1)
    assert msgspec.convert({"drain": longest}, OwnTimeouts).drain == longest
    with pytest.raises(msgspec.ValidationError, match="drain"):
        msgspec.convert({"drain": longest + 1}, OwnTimeouts)


def test_a_router_gets_its_whole_drain() -> None:
    waits = stop_waits()
    assert waits["program:router"] >= longest_drain() + MARGIN
    down = inspect.signature(supervision.shut_down).parameters["within"].default
    unit = (places.ROOT / "scripts" / "systemd" / "switchyard.service").read_text(encoding="utf-8")
    found = re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    assert found is not None and max(waits.values()) < down < int(found[1])


def test_a_drain_that_supervisord_would_cut_short_is_a_mistake() -> None:
    assert Timeouts(drain=longest_drain()).drain == longest_drain()
    with pytest.raises(ValidationError, match="drain"):
        Timeouts(drain=longest_drain() + 1)
