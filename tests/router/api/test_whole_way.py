"""The whole way: a person signs in, all four dialects are answered, tokens end and are renewed, and nobody notices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_port
from tests.router.api.harness import DIALECTS, MANAGEMENT, Answer, Running, running
from tests.router.api.subscribed import HOSTS, MODELS
from tests.simulators import Upstream
from tests.simulators.authorisation import AuthorisationServer
from tests.simulators.authorisation.people import iflow_key

MANAGES = {"authorization": f"Bearer {MANAGEMENT}"}
BY_BROWSER = {
    "claude-oauth": "callback",
    "chatgpt-oauth": "auth/callback",
    "gemini-cli": "oauth2callback",
    "antigravity": "oauth-callback",
    "iflow": "oauth2callback",
}
"""Sign-ins by browser, with the path of their callback; the others show a code."""
MADE = ("copilot", "iflow")
"""Providers that take something which is made of the token."""


@dataclass
class World:
    """A router between simulated sign-ins and simulated back ends, which take what those give out."""

    router: Running
    server: AuthorisationServer
    upstream: Upstream

    async def sign_in(self, provider: str) -> str:
        """As a program does it; the id of the account."""
        name = "codex" if provider == "chatgpt-oauth" else provider
        begun = await self.router.send(f"/v1/auth/{name}/login", {"accept": True}, headers=MANAGES)
        assert begun.status == 200, begun.body
        shown = begun.json
        path = f"/v1/auth/{name}/login/{shown['login_id']}"
        if provider in BY_BROWSER:
            await self.router.send(f"{path}/callback", {"url": self.server.visit(shown["url"])}, headers=MANAGES)
        else:
            self.server.approve(shown["user_code"])
        ended: dict[str, Any] = {}
        async with asyncio.timeout(40):
            while ended.get("state") not in ("done", "failed"):
                ended = (await self.router.send(path, headers=MANAGES)).json
                await asyncio.sleep(0.05)
        assert ended["state"] == "done", ended
        return str(ended["account"])

    async def ask(self, provider: str, dialect: str, **more: Any) -> Answer:
        return await self.router.ask(dialect, f"{provider}/{MODELS[provider]}", **more)

    async def account(self, account: str) -> dict[str, Any]:
        listed = (await self.router.management("accounts"))["accounts"]
        return next(one for one in listed if one["account"] == account)


@asynccontextmanager
async def world(folder: Path, *, grace: float = 0.0) -> AsyncIterator[World]:
    async with AuthorisationServer(grace=grace) as server, Upstream() as upstream:
        grants = server.grants

        def takes(token: str) -> bool:
            made = token.startswith("tid=") or token == iflow_key(server.person)
            return made or grants.accepts(token)

        upstream.service.takes = takes
        server.devices.interval = 1
        blocks: dict[str, Any] = {}
        for provider, host in HOSTS.items():
            redirect = f"http://localhost:{free_port()}/{BY_BROWSER[provider]}" if provider in BY_BROWSER else None
            facts = server.overrides(provider, redirect)
            block: dict[str, Any] = {"base_url": upstream.base_url(host)}
            if "client_secret" in facts:
                block["client_secret"] = facts.pop("client_secret")
            if provider not in BY_BROWSER:
                facts.setdefault("device", {})["interval"] = 1
            blocks[provider.replace("-", "_")] = {**block, "sign_in": facts}
        async with running(upstream, folder, {"providers": blocks}) as router:
            await router.until(lambda: router.router._sign_ins.logins is not None)
            yield World(router, server, upstream)


@pytest.mark.parametrize("provider", HOSTS)
async def test_a_person_signs_in_and_every_dialect_is_answered(tmp_path: Path, provider: str) -> None:
    async with world(tmp_path) as one:
        for dialect in DIALECTS:
            assert (await one.ask(provider, dialect)).status == 503, "off, and without an account"
        account = await one.sign_in(provider)
        for dialect in DIALECTS:
            for stream in (False, True):
                answer = await one.ask(provider, dialect, stream=stream)
                assert answer.status == 200, answer.body
                assert answer.text
        view = await one.account(account)
        assert (view["state"], view["requests"], view["failures"]) == ("ready", 8, 0)
        assert view["output_tokens"] > 0


@pytest.mark.parametrize("provider", [name for name in HOSTS if name not in MADE])
async def test_a_token_that_the_provider_takes_no_more_is_renewed_behind_the_call(
    tmp_path: Path, provider: str
) -> None:
    async with world(tmp_path) as one:
        account = await one.sign_in(provider)
        family = one.server.grants.families[-1]
        keeper = one.router.router._sign_ins.keeper
        held = keeper.find(account)
        assert held is not None and held.issued_at is not None
        # the vendor ends the token early, and long after it was given
        aged = {"issued_at": held.issued_at - 7200.0}
        await keeper.change(account, aged, "tests")
        family.access.append("another")
        assert family.last is not None
        ended = family.last.access
        family.last = type(family.last)("another", family.last.refresh, family.last.expires_at)
        answer = await one.ask(provider, "chat")
        assert answer.status == 200, answer.body
        assert answer.headers["x-switchyard-attempts"] == "2"
        renewed = keeper.find(account)
        assert renewed is not None and renewed.access.reveal() != ended
        assert one.server.grants.reused == []
        assert (await one.account(account))["state"] == "ready"


async def test_what_ends_for_good_needs_a_person_and_the_other_account_serves_on(tmp_path: Path) -> None:
    async with world(tmp_path) as one:
        first = await one.sign_in("claude-oauth")
        keeper = one.router.router._sign_ins.keeper
        held = keeper.find(first)
        assert held is not None and held.issued_at is not None
        await keeper.change(first, {"issued_at": held.issued_at - 7200.0}, "tests")
        one.server.grants.revoke(held.refresh.reveal())
        assert (await one.ask("claude-oauth", "messages")).status == 502
        view = await one.account(first)
        assert view["state"] == "needs_login"
        assert "switchyard login claude" in view["reason"]
        ready = (await one.router.send("/readyz")).json
        assert {cause["cause"] for cause in ready["causes"]} >= {"needs_login"}
        metrics = await one.router.metrics()
        state = f'switchyard_account_state{{account="{first}",provider="claude-oauth",state="needs_login"}}'
        assert metrics[state] == 1
        await one.router.until(lambda: "needs_login" in one.router.log or "cannot serve" in one.router.log)
        listed = (await one.router.send("/v1/models")).json["data"]
        waiting = [model for model in listed if model.get("state") == "needs_login"]
        assert waiting and all(model["owned_by"] == "claude-oauth" for model in waiting)
        again = await one.sign_in("claude-oauth")
        assert again == first
        assert (await one.ask("claude-oauth", "messages")).status == 200
        assert not [m for m in (await one.router.send("/v1/models")).json["data"] if m.get("state") == "needs_login"]


async def test_an_account_survives_a_restart_with_what_it_has_done(tmp_path: Path) -> None:
    async with world(tmp_path) as one:
        account = await one.sign_in("qwen-oauth")
        assert (await one.ask("qwen-oauth", "chat")).status == 200
        await one.router.stop()
        async with running(one.upstream, tmp_path, keep=True) as second:
            await second.router.recall.known.wait()
            answer = await second.ask("messages", f"qwen-oauth/{MODELS['qwen-oauth']}")
            assert answer.status == 200
            listed = (await second.management("accounts"))["accounts"]
            (view,) = [each for each in listed if each["account"] == account]
            await second.until(lambda: second.router._gateway.tallies.of(account).calls == 2)
            assert view["label"] == "default" or "@" in view["label"]
