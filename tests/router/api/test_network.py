"""Outbound proxies of the settings and of the environment, on a router that serves."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.router.api.harness import Running, running
from tests.router.api.manage.desk import made_key, manage
from tests.simulators import Upstream
from tests.simulators.proxies import HttpProxy, Proxy, SocksProxy

HOST = "llm.office.example"
PASSWORD = "word-canary-0123456789"


def target(upstream: Upstream) -> tuple[str, int]:
    parts = urlsplit(upstream.address)
    return parts.hostname or "", parts.port or 0


def office(upstream: Upstream, **network: Any) -> dict[str, Any]:
    """OpenAI at a name that only a proxy can resolve."""
    path = urlsplit(upstream.base_url("openai")).path
    return {"providers": {"openai": {"base_url": f"http://{HOST}{path}"}}, "network": network}


@pytest.mark.parametrize("kind", [HttpProxy, SocksProxy])
async def test_the_proxy_for_all_counts_where_none_is_named_and_follows_a_reload(
    upstream: Upstream, tmp_path: Path, kind: type[Proxy]
) -> None:
    async with kind(target(upstream), f"me:{PASSWORD}") as proxy, running(upstream, tmp_path) as router:
        await router.reloaded(office(upstream, proxy=proxy.url(user=f"me:{PASSWORD}")))
        assert (await router.ask("chat", "gpt-4.1")).status == 200
        assert (await router.ask("chat", "gpt-4.1", stream=True)).status == 200
        assert set(proxy.asked) == {f"{HOST}:80"}
        assert (await router.ask("messages", "claude-sonnet-4-5")).status == 200  # which is on loopback
        assert set(proxy.asked) == {f"{HOST}:80"}
        await router.reloaded(office(upstream, proxy=proxy.url(user=f"me:{PASSWORD}"), no_proxy=[".office.example"]))
        told = await router.ask("chat", "gpt-4.1")
        assert (told.status, "cannot be resolved" in told.body.decode()) == (502, True)
        assert PASSWORD not in router.log + told.body.decode()


async def test_the_environment_counts_behind_the_settings(upstream: Upstream, tmp_path: Path) -> None:
    async with HttpProxy(target(upstream)) as first, HttpProxy(target(upstream)) as second:
        environ = {"HTTP_PROXY": first.url(), "NO_PROXY": "other.example"}
        async with running(upstream, tmp_path, office(upstream), environ=environ) as router:
            assert (await router.ask("chat", "gpt-4.1")).status == 200
            assert (first.asked, second.asked) == ([f"{HOST}:80"], [])
            await router.reloaded(office(upstream, proxy=second.url()))
            assert (await router.ask("chat", "gpt-4.1")).status == 200
            assert (first.asked, second.asked) == ([f"{HOST}:80"], [f"{HOST}:80"])


async def looked_at(router: Running, **which: str) -> Any:
    answer = await manage(router, "POST", "/network/test", which)
    assert answer.status == 200, answer.body
    return answer.json["tests"]


async def test_management_says_which_way_is_taken_and_whether_the_origin_answers(
    upstream: Upstream, tmp_path: Path
) -> None:
    async with SocksProxy(target(upstream), f"me:{PASSWORD}") as proxy:
        good = proxy.url(user=f"me:{PASSWORD}")
        changes = office(upstream, proxy=good)
        changes["providers"]["openai"]["api_keys"] = ["sk-a", {"key": "sk-b", "proxy": proxy.url(user="me:wrong-word")}]
        async with running(upstream, tmp_path, changes) as router:
            await router.until(lambda: router.router.recall.memory)
            shared, own = await looked_at(router, provider="openai")
            assert (shared["reachable"], shared["source"], shared["accounts"]) == (True, "network.proxy", ["openai/1"])
            assert shared["proxy"] == f"socks5h://***@{proxy.address}" and shared["status"] >= 200
            assert (own["reachable"], own["source"], own["accounts"]) == (False, "account or provider", ["openai/2"])
            assert "another user name or password" in own["problem"] and PASSWORD not in str([shared, own])
            assert len(await looked_at(router, provider="openai", account="openai/2")) == 1
            (here,) = await looked_at(router, url=upstream.base_url("anthropic"))
            assert (here["proxy"], here["source"]) == (None, "the target is on this machine") and here["reachable"]
            assert upstream.requests[-1].headers.get("x-api-key") is None
            for wrong in ({"url": "http://169.254.169.254/"}, {}, {"provider": "nobody"}, {"provider": "demo"}):
                assert (await manage(router, "POST", "/network/test", wrong)).status in (400, 404)
            looking = await made_key(router, "looker", "viewer")
            refused = await manage(router, "POST", "/network/test", {"provider": "openai"}, key=looking)
            assert refused.status == 403
