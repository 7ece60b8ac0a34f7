"""A router before the simulated authorisation servers; and what a browser does with its pages."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from router.accounts.credential import Credential
from router.accounts.login.flows import Flow
from router.memory import Memory
from tests.ports import free_port
from tests.router.api.harness import MANAGEMENT, Answer, Running, merged, running
from tests.simulators import Upstream
from tests.simulators.authorisation import AuthorisationServer

MANAGES = {"authorization": f"Bearer {MANAGEMENT}"}
BLOCKS = ("claude_oauth", "chatgpt_oauth", "qwen_oauth", "kimi_oauth")
PATHS = {"claude_oauth": "callback", "chatgpt_oauth": "auth/callback"}


@dataclass
class Signing:
    """A router that signs people in. folder: its account files."""

    router: Running
    server: AuthorisationServer
    folder: Path

    async def send(self, path: str, body: Any = None, **more: Any) -> Answer:
        """With the management key, unless headers say otherwise."""
        headers = {**MANAGES, **more.pop("headers", {})}
        return await self.router.send(path, body, headers=headers, **more)

    async def form(self, path: str, fields: dict[str, str], **headers: str) -> Answer:
        """A form as a browser sends it: without any key but the one in it."""
        kind = {"content-type": "application/x-www-form-urlencoded", "accept": "text/html", "authorization": None}
        return await self.router.send(path, urlencode(fields).encode(), headers={**kind, **headers})

    @property
    def memory(self) -> Memory:
        opened = self.router.router.recall.memory
        assert opened is not None
        return opened

    async def flows(self) -> list[Flow]:
        """Every sign-in that the database knows."""
        return await self.memory.flows.all()

    @property
    def accounts(self) -> list[Credential]:
        """What the router holds."""
        return list(self.router.router._sign_ins.keeper.credentials())

    @property
    def only(self) -> Credential:
        (one,) = self.accounts
        return one


@asynccontextmanager
async def signing(folder: Path, changes: dict[str, Any] | None = None, *, on: bool = True) -> AsyncIterator[Signing]:
    """A router. on: whether the providers are turned on in the settings."""
    async with AuthorisationServer() as server, Upstream() as upstream:
        blocks: dict[str, Any] = {"ctonew": {"enabled": True} if on else {}}
        for block in BLOCKS:
            name = block.replace("_", "-")
            redirect = f"http://localhost:{free_port()}/{PATHS[block]}" if block in PATHS else None
            blocks[block] = {"sign_in": server.overrides(name, redirect), **({"enabled": True} if on else {})}
        async with running(upstream, folder, merged({"providers": blocks}, changes or {})) as router:
            async with asyncio.timeout(40):
                while router.router._sign_ins.logins is None:
                    await asyncio.sleep(0.01)
            yield Signing(router, server, folder / "accounts")


def fields_of(page: str) -> tuple[str, dict[str, str]]:
    """Where the form of a page goes, and its hidden fields."""
    action = re.search(r'<form method="post" action="([^"]*)"', page)
    assert action is not None, page
    hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page)
    return unescape(action[1]), {unescape(name): unescape(value) for name, value in hidden}
