"""A relay service in a process of its own, so that it can be killed: ``python -m tests.soak.service_process ROUTER
UPSTREAM KEY``. It answers for Gemini by asking the simulated one."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from typing import Any

import aiohttp

from router.relay.protocol.messages import Hello
from services.link.client import Link
from services.link.dialling import Dialler
from tests.services.link.gemini_service import GeminiService


class Address:
    """Of an upstream in another process."""

    def __init__(self, gemini: str) -> None:
        self._gemini = gemini

    def base_url(self, host: str) -> str:
        return self._gemini


class Forgetful(GeminiService):
    """Keeps nothing of what it was asked, since it is asked for half an hour."""

    async def answer(self, request: Any, answer: Any) -> None:
        try:
            await super().answer(request, answer)
        finally:
            self.asked.clear()


async def serve(router: str, gemini: str, key: str) -> None:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as http:
        link = Link(
            [router.replace("http", "ws", 1) + "/v1/ws"],
            Dialler(lambda: key, "switchyard-soak/1"),
            Hello(service="aistudio", name="desk", version="1", capacity=1000),
            Forgetful(Address(gemini), http),  # type: ignore[arg-type]
            random.Random(os.getpid()),
        )
        await link.run()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:4]))
