"""The relay from end to end: clients of four dialects, the real router, real sockets, services and a browser."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.router.api.harness import DIALECTS
from tests.router.api.relaying import relayed
from tests.simulators import Upstream

MODEL = "gemini-2.5-flash-aistudio"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_every_dialect_is_answered_through_a_service(
    upstream: Upstream, tmp_path: Path, dialect: str, stream: bool
) -> None:
    async with relayed(upstream, tmp_path, {"observe": {"account_header": True}}) as it:
        desk = await it.connect("desk")
        answer = await it.router.ask(dialect, MODEL, "grüß dich 👩‍🚀", stream=stream)
        assert answer.status == 200, answer.body
        assert "grüß dich 👩‍🚀" in answer.text
        assert answer.headers["x-switchyard-provider"] == "aistudio"
        assert answer.headers["x-switchyard-account"] == "aistudio/desk"
        assert "/models/gemini-2.5-flash:" in desk.service.asked[0].url
