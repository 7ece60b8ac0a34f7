"""The waits of supervisor.conf lie above those of the programs, and below those of who stops supervisord."""

from __future__ import annotations

import configparser
import inspect
import re

import annotated_types
import pytest
from pydantic import ValidationError

from router import places
from router.cli import supervision
from router.server.parent import MARGIN
from router.settings.server import Timeouts


def longest_drain() -> float:
    limits = [limit.le for limit in Timeouts.model_fields["drain"].metadata if isinstance(limit, annotated_types.Le)]
    return min(float(str(limit)) for limit in limits)


def test_a_router_gets_its_whole_drain() -> None:
    conf = configparser.RawConfigParser(inline_comment_prefixes=(";",))
    conf.read(places.ROOT / "supervisor.conf", encoding="utf-8")
    waits = {name: conf.getint(name, "stopwaitsecs") for name in conf.sections() if name.startswith("program:")}
    assert waits["program:router"] >= longest_drain() + MARGIN
    down = inspect.signature(supervision.shut_down).parameters["within"].default
    unit = (places.ROOT / "config" / "systemd" / "switchyard.service").read_text(encoding="utf-8")
    found = re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    assert found is not None and max(waits.values()) < down < int(found[1])


def test_a_drain_that_supervisord_would_cut_short_is_a_mistake() -> None:
    assert Timeouts(drain=longest_drain()).drain == longest_drain()
    with pytest.raises(ValidationError, match="drain"):
        Timeouts(drain=longest_drain() + 1)
