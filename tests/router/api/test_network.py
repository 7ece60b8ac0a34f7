"""Outbound proxies of the settings and of the environment, on a router that serves."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.router.api.harness import OPENAI_KEYS, Running, running
from tests.router.api.manage.desk import made_key, manage
from tests.router.api.test_effects import put
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
            assert (own["reachable"], own["source"], own["accounts"]) == (False, "account", ["openai/2"])
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


LEVELS = ("account", "combo", "provider", "network.proxy", "HTTP_PROXY")


def named_from(upstream: Upstream, level: str, first: Proxy, second: Proxy) -> dict[str, Any]:
    """The first proxy at one level, the second at all behind it."""
    at = LEVELS.index(level)
    address = [None if n < at else (first if n == at else second).url() for n in range(len(LEVELS) - 1)]
    changes = office(upstream, **({"proxy": address[3]} if address[3] else {}))
    changes["providers"]["openai"] |= {"api_keys": [{"key": OPENAI_KEYS[0], "proxy": address[0]}], "proxy": address[2]}
    outer = second.url() if level in ("account", "combo") else None
    inner = {"targets": ["gpt-4.1"], "proxy": address[1]}
    changes["models"] = {"combos": {"smart": inner, "around": {"targets": ["smart"], "proxy": outer}}}
    return changes


async def test_the_nearest_proxy_carries_the_calls_of_a_combo_and_is_told(upstream: Upstream, tmp_path: Path) -> None:
    async with (
        HttpProxy(target(upstream)) as second,
        running(upstream, tmp_path, environ={"HTTP_PROXY": second.url()}) as router,
    ):
        await router.until(lambda: router.router.recall.memory)
        for level in LEVELS:
            async with HttpProxy(target(upstream)) as first:
                carries, other = (second, first) if level == "HTTP_PROXY" else (first, second)
                await put(router, named_from(upstream, level, first, second))
                for name in ("smart", "around"):  # of a combo within a combo the nearer word counts
                    for stream in (False, True):
                        assert (await router.ask("chat", name, stream=stream)).status == 200
                    (told,) = await looked_at(router, combo=name)
                    assert told["proxy"] == f"http://{carries.address}" and told["reachable"]
                    assert told["source"] == ("combo 'smart'" if level == "combo" else level)
                    assert (told["provider"], told["accounts"]) == ("openai", ["openai/1"])
                assert (set(carries.asked), other.asked) == ({f"{HOST}:80"}, []), level
        for wrong in ({"combo": "nothing"}, {"combo": "smart", "provider": "anthropic"}):
            assert (await manage(router, "POST", "/network/test", wrong)).status in (400, 404)


async def test_the_proxy_of_a_combo_is_for_its_own_calls_alone(upstream: Upstream, tmp_path: Path) -> None:
    async with HttpProxy(target(upstream), f"me:{PASSWORD}") as proxy:
        combo = {"targets": ["gpt-4.1"], "proxy": proxy.url(user=f"me:{PASSWORD}")}
        async with running(upstream, tmp_path, {"models": {"combos": {"smart": combo}}}) as router:
            assert (await router.ask("chat", "gpt-4.1")).status == 200
            assert proxy.asked == []
            counted = await router.send("/v1/responses/input_tokens", {"model": "smart", "input": "hello"})
            assert counted.status == 200 and len(proxy.asked) == 1
            assert (await router.ask("messages", "smart")).status == 200
            told = await router.management("explain?model=smart")
            assert any("go through the one of 'smart'" in step for step in told["how"])
            await put(router, {"models": {"combos": {"smart": {**combo, "proxy": proxy.url(user="me:wrong")}}}})
            assert (await router.ask("chat", "smart")).status == 502
            assert PASSWORD not in router.log + str(told)
