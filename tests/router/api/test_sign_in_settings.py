"""What the settings of sign-ins change, seen from outside."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from router.secret import Secret
from tests.ports import free_port
from tests.router.api.harness import MANAGEMENT, Running, running
from tests.router.api.parrot import Proxy
from tests.router.api.subscribed import HOSTS, MODELS, write_account
from tests.simulators import Upstream
from tests.simulators.authorisation import AuthorisationServer

MANAGES = {"authorization": f"Bearer {MANAGEMENT}"}
MODEL = f"claude-oauth/{MODELS['claude-oauth']}"


def claude(upstream: Upstream, block: str = "claude_oauth", **more: Any) -> dict[str, Any]:
    base: dict[str, Any] = {"base_url": upstream.base_url(HOSTS["claude-oauth"]), **more}
    return {"providers": {"llmux": {"claude_pro": base}} if block == "llmux" else {block: base}}


@pytest.mark.parametrize("block", ["claude_oauth", "llmux"])
async def test_a_subscription_serves_only_while_it_is_turned_on(upstream: Upstream, tmp_path: Path, block: str) -> None:
    write_account(tmp_path, "claude-oauth", "me")
    async with running(upstream, tmp_path, claude(upstream, block)) as router:
        refused = await router.ask("chat", MODEL)
        assert refused.status == 503 and "off: turn it on" in refused.body.decode()
        await router.reloaded(claude(upstream, block, enabled=True))
        assert (await router.ask("chat", MODEL)).status == 200
        await router.reloaded(claude(upstream, block, enabled=False))
        assert (await router.ask("chat", MODEL)).status == 503
        shown = (await router.management("accounts"))["accounts"]
        (view,) = [each for each in shown if each["account"] == "claude-oauth/me"]
        assert view["state"] == "disabled" and "off" in view["reason"]


async def test_accounts_come_from_the_folder_that_is_set(upstream: Upstream, tmp_path: Path) -> None:
    write_account(tmp_path / "elsewhere", "claude-oauth", "me")
    async with running(upstream, tmp_path, claude(upstream, enabled=True)) as router:
        assert (await router.ask("chat", MODEL)).status == 503
    changes = claude(upstream, enabled=True) | {"auth": {"dir": str(tmp_path / "elsewhere" / "accounts")}}
    async with running(upstream, tmp_path, changes) as router:
        assert (await router.ask("chat", MODEL)).status == 200


async def begun(router: Running, name: str) -> Any:
    return await router.send(f"/v1/auth/{name}/login", {"accept": True}, headers=MANAGES)


async def test_the_secret_of_the_client_decides_a_sign_in(upstream: Upstream, tmp_path: Path) -> None:
    async with AuthorisationServer() as server:
        facts = server.overrides("gemini-cli", f"http://localhost:{free_port()}/oauth2callback")
        secret = facts.pop("client_secret")
        file = tmp_path / "secret"
        file.write_text(f"{secret}\n")

        def changes(**block: str) -> dict[str, Any]:
            return {"providers": {"gemini_cli": {"sign_in": facts, **block}}}

        async with running(upstream, tmp_path / "router", changes()) as router:
            await router.until(lambda: router.router._sign_ins.logins is not None)
            without = await begun(router, "gemini-cli")
            assert without.status == 409 and "client_secret" in without.body.decode()
            for block, state in (
                ({"client_secret": "wrong"}, "failed"),
                ({"client_secret": secret}, "done"),
                ({"client_secret_file": str(file)}, "done"),
            ):
                await router.reloaded(changes(**block))
                shown = (await begun(router, "gemini-cli")).json
                path = f"/v1/auth/gemini-cli/login/{shown['login_id']}"
                ended = await router.send(f"{path}/callback", {"url": server.visit(shown["url"])}, headers=MANAGES)
                assert ended.json["state"] == state, ended.body
                assert secret not in ended.body.decode() + router.log


async def test_facts_of_a_sign_in_follow_the_settings_at_once(upstream: Upstream, tmp_path: Path) -> None:
    def changes(client: str) -> dict[str, Any]:
        return {"providers": {"claude_oauth": {"sign_in": {"client_id": client}}}}

    async with running(upstream, tmp_path, changes("first-client")) as router:
        await router.until(lambda: router.router._sign_ins.logins is not None)
        assert "client_id=first-client" in (await begun(router, "claude")).json["url"]
        await router.reloaded(changes("second-client"))
        assert "client_id=second-client" in (await begun(router, "claude")).json["url"]


@pytest.mark.parametrize("whose", ["the provider's", "the account's"])
async def test_renewals_leave_by_the_outbound_proxy(upstream: Upstream, tmp_path: Path, whose: str) -> None:
    async with AuthorisationServer() as server, Proxy() as proxy:
        granted = server.seed("claude-oauth")
        upstream.service.takes = server.grants.accepts
        assert granted.refresh is not None
        url = proxy.url("word")
        account: dict[str, Any] = {"refresh": Secret(granted.refresh), "expires_at": time.time() - 60.0}
        block: dict[str, Any] = {"enabled": True, "sign_in": server.overrides("claude-oauth")}
        if whose == "the account's":
            account["proxy"], block["proxy"] = url, "http://127.0.0.1:9"
        else:
            block["proxy"] = url
        write_account(tmp_path, "claude-oauth", "me", **account)
        async with running(upstream, tmp_path, claude(upstream, **block)) as router:
            assert (await router.ask("chat", MODEL)).status == 200
        assert b"/claude-oauth/v1/oauth/token" in proxy.heard


async def test_the_proxy_of_a_provider_counts_for_renewals_and_usage_too(upstream: Upstream, tmp_path: Path) -> None:
    async with AuthorisationServer() as server, Proxy() as proxy:
        refresh = server.seed("claude-oauth").refresh
        account = write_account(tmp_path, "claude-oauth", "me", refresh=Secret(str(refresh)), issued_at=1_000.0)
        changes = claude(upstream, enabled=True, proxy=proxy.url("pw"), sign_in=server.overrides("claude-oauth"))
        async with running(upstream, tmp_path, changes) as router:
            signs = router.router._sign_ins
            await signs.refresher.renew(account, rejected=account.access)
            assert b"/claude-oauth/v1/oauth/token" in proxy.heard
            assert [one.proxy for one in signs.keeper.accounts()["claude-oauth"]] == [None]
            assert [one.proxy for one in signs.usable()] == [proxy.url("pw")]
