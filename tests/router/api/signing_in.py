"""A router with everything that signs people in, before the simulated authorisation servers; and a browser."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from msgspec.structs import replace

from router.accounts.asking import asker
from router.accounts.changes import Changes, changed
from router.accounts.importing import Imported, import_file
from router.accounts.listed import Listed, listed
from router.accounts.login.flows import MemoryFlows
from router.accounts.login.manager import Logins
from router.accounts.renewal import Renew
from router.accounts.stores.base import Trouble
from router.api.sign_in import SignIns
from router.clock import SystemClock
from router.settings.sign_in_blocks import sign_ins
from tests.router.accounts.login.making import Agreed, Held, free_port
from tests.router.api.harness import MANAGEMENT, Answer, Running, merged, running
from tests.simulators import Upstream
from tests.simulators.authorisation import AuthorisationServer

MANAGES = {"authorization": f"Bearer {MANAGEMENT}"}
BLOCKS = ("claude_oauth", "chatgpt_oauth", "gemini_cli", "antigravity", "qwen_oauth", "kimi_oauth", "iflow", "copilot")
PATHS = {"claude_oauth": "callback", "chatgpt_oauth": "auth/callback", "iflow": "oauth2callback"}


class Keeping(Held):
    """A holder of accounts in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[str, str, str]] = []

    def listed(self) -> list[Listed]:
        return [listed(one) for one in self.saved.values()]

    def troubles(self) -> list[Trouble]:
        return [Trouble("old.json", "corrupt", "moved aside")]

    async def change(self, account: str, changes: Changes, by: str) -> Listed:
        made = changed(self.saved[account], changes)
        if "label" in changes.given:
            made = replace(made, label=changes.label)
            if made.id != account and made.id in self.saved:
                raise ValueError(f"There is an account {made.id} already.")
        del self.saved[account]
        self.saved[made.id] = made
        self.told.append((by, "changed", account))
        return listed(made)

    async def delete(self, account: str, by: str) -> bool:
        self.told.append((by, "deleted", account))
        return self.saved.pop(account, None) is not None

    async def import_file(self, content: bytes, name: str, by: str) -> Imported:
        made = import_file(content, name)
        await self.save(made)
        self.told.append((by, "imported", made.id))
        return Imported(file=name, became="account", account=made.id, told=f"is the account {made.id}")


@dataclass
class Signing:
    """A router that signs people in."""

    router: Running
    server: AuthorisationServer
    logins: Logins
    keeper: Keeping
    consents: Agreed
    flows: MemoryFlows
    ports: dict[str, int]

    async def send(self, path: str, body: Any = None, **more: Any) -> Answer:
        """With the management key, unless headers say otherwise."""
        headers = {**MANAGES, **more.pop("headers", {})}
        return await self.router.send(path, body, headers=headers, **more)

    async def form(self, path: str, fields: dict[str, str], **headers: str) -> Answer:
        """A form as a browser sends it: without any key but the one in it."""
        kind = {"content-type": "application/x-www-form-urlencoded", "accept": "text/html", "authorization": None}
        return await self.router.send(path, urlencode(fields).encode(), headers={**kind, **headers})

    async def until(self, path: str, *states: str) -> Any:
        """Look at a sign-in until it is in one of `states`."""
        while True:
            now = (await self.send(path)).json
            if now["state"] in states:
                return now


@asynccontextmanager
async def signing(
    folder: Path,
    changes: dict[str, Any] | None = None,
    *,
    agreed: bool = True,
    first: dict[str, Renew] | None = None,
) -> AsyncIterator[Signing]:
    """A router. agreed: every caveat was accepted before."""
    ports: dict[str, int] = {}
    async with AuthorisationServer() as server, Upstream() as upstream:
        blocks: dict[str, Any] = {}
        for block in BLOCKS:
            name = block.replace("_", "-")
            redirect = None
            if block in PATHS:
                ports[name] = free_port()
                redirect = f"http://localhost:{ports[name]}/{PATHS[block]}"
            facts = server.overrides(name, redirect)
            blocks[block] = {"sign_in": facts}
        async with running(upstream, folder, merged({"providers": blocks}, changes or {})) as router:
            gateway = router.router._gateway
            clock = SystemClock()
            keeper = Keeping()
            consents = Agreed(*((*(one.replace("_", "-") for one in BLOCKS), "ctonew") if agreed else ()))
            flows = MemoryFlows()
            logins = Logins(
                facts=lambda: sign_ins(gateway.current.settings.providers),
                flows=flows,
                accounts=keeper,
                consents=consents,
                ask=asker(gateway.net, clock.wall),
                clock=clock,
                chance=os.urandom,
                first=first or {},
            )
            router.router.sign_ins = SignIns(logins, keeper)
            try:
                yield Signing(router, server, logins, keeper, consents, flows, ports)
            finally:
                await logins.close()


def fields_of(page: str) -> tuple[str, dict[str, str]]:
    """Where the form of a page goes, and its hidden fields."""
    action = re.search(r'<form method="post" action="([^"]*)"', page)
    assert action is not None, page
    hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page)
    return unescape(action[1]), {unescape(name): unescape(value) for name, value in hidden}
