"""What `doctor` says of keys, sign-ins and plans."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from router.accounts.quota import Window
from router.accounts.view import moment
from router.cli import doctor
from router.cli.credential_findings import credentials, quotas
from router.cli.finding import Finding
from router.cli.findings import ASKING, CHECKS
from router.cli.talk import Place, find_place
from tests.ports import free_port
from tests.router.api.harness import ANTHROPIC_KEY, GEMINI_KEY, MANAGEMENT, OPENAI_KEYS, Running, running
from tests.router.cli.test_verbs import READY, Answers, gateway, place
from tests.simulators import Upstream
from tests.simulators.faulty import status
from tests.simulators.proxies import HttpProxy

__all__ = ["gateway", "place"]


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with Upstream() as one:
        yield one


@pytest.fixture
async def router(upstream: Upstream, tmp_path: Path) -> AsyncIterator[Running]:
    async with running(upstream, tmp_path / "router") as one:
        await one.until(lambda: one.router.recall.memory)
        yield one


def beside(router: Running) -> Place:
    """The installation of a running router."""
    port = int(router.url.rpartition(":")[2])

    class Here(Place):
        @property
        def process(self) -> dict[str, Any]:
            return {"pid": os.getpid(), "addresses": [("127.0.0.1", port)], "scheme": "http"}

    settings = router.router._gateway.current.settings
    return Here(settings, router.config, router.state)


async def found(check: Callable[..., Any], place: Place) -> list[Finding]:
    return await asyncio.to_thread(lambda: list(check(place, os.environ)))


async def test_a_running_gateway_asks_about_every_account(router: Running) -> None:
    where = beside(router)
    assert where.key("management") == MANAGEMENT
    assert [(each.level, each.what) for each in await found(credentials, where)] == [
        ("ok", "4 of 4 are taken by their providers")
    ]
    router.upstream.always(status(401, message=f"Incorrect API key: {OPENAI_KEYS[0]}"), key=OPENAI_KEYS[0])
    router.upstream.always(status(403, message="This key may not"), key=ANTHROPIC_KEY)
    router.upstream.always(status(429, retry_after="90", message="slow down"), key=GEMINI_KEY)
    told = {each.what.partition(" ")[0]: each for each in await found(credentials, where)}
    assert told["openai/1"].level == "error" and "is not accepted" in told["openai/1"].what
    assert told["openai/1"].fix == "Give openai another key in the settings"
    assert told["anthropic/1"].level == "error" and "Give anthropic another key" in told["anthropic/1"].fix
    assert told["gemini/1"].level == "warning" and "has met a limit" in told["gemini/1"].what
    assert "openai/2" not in told and told["1"].level == "ok"
    assert not any(key in repr(told) for key in (*OPENAI_KEYS, ANTHROPIC_KEY, GEMINI_KEY))


async def test_windows_that_are_nearly_used_up_are_told(router: Running) -> None:
    where, now = beside(router), time.time()
    known = router.router._gateway.windows
    assert await found(quotas, where) == []
    known.told("openai/2", [Window(name="requests", used=0.9, seen_at=now, resets_at=now + 7200)])
    assert [each.level for each in await found(quotas, where)] == ["ok"]
    known.told("openai/1", [Window(name="5h", used=0.91, seen_at=now, resets_at=now + 7290)])
    known.told("anthropic/1", [Window(name="7d", used=1.0, seen_at=now, resets_at=now + 7290)])
    spent, nearly = await found(quotas, where)
    assert spent.what.startswith("anthropic/1: the window 7d is used up, and begins anew ")
    assert "(in 2 h)" in spent.what and str(moment(now + 7290))[:10] in spent.what
    assert nearly.what.startswith("openai/1: the window 5h is used to 91 %")
    assert all(each.level == "warning" and each.why and each.fix for each in (spent, nearly))


def write(make: Callable[..., Place], upstream: Upstream, more: str = "") -> Place:
    return make(
        free_port(),
        f"providers: {{openai: {{base_url: '{upstream.base_url('openai')}', "
        f"api_keys: ['{OPENAI_KEYS[0]}', 'sk-sim-revoked']{more}}}}}\n",
    )


async def test_without_a_gateway_the_keys_of_the_settings_are_asked_from_here(
    place: Callable[..., Place], upstream: Upstream
) -> None:
    where = write(place, upstream)
    good, bad = await found(credentials, where)
    assert (good.level, good.what) == ("ok", "1 of 2 are taken by their providers")
    assert bad.level == "error" and bad.what.startswith("openai/2 is not accepted") and "revoked" not in bad.what
    assert [each.path for each in upstream.requests] == ["/v1/models"] * 2
    off = place(
        where.settings.server.port,
        f"providers: {{openai: {{base_url: '{upstream.base_url('openai')}', "
        f"api_keys: [{{key: {OPENAI_KEYS[0]}}}, {{key: sk-sim-revoked, disabled: true}}]}}}}\n",
    )
    assert [each.level for each in await found(credentials, off)] == ["ok"]


async def test_a_key_is_asked_about_through_its_own_proxy(place: Callable[..., Place], upstream: Upstream) -> None:
    host, _, port = upstream.address.rpartition("//")[2].rpartition(":")
    async with HttpProxy((host, int(port))) as proxy:
        where = write(place, upstream, f", proxy: '{proxy.url()}'")
        assert [each.level for each in await found(credentials, where)] == ["ok", "error"]
        assert proxy.asked == [f"{host}:{port}"] * 2


async def test_offline_asks_no_provider(
    place: Callable[..., Place], upstream: Upstream, capsys: pytest.CaptureFixture[str]
) -> None:
    assert all(check in CHECKS for check in ASKING) and credentials in ASKING
    write(place, upstream)
    await asyncio.to_thread(doctor.doctor, as_json=True, offline=True)
    assert "credentials" not in capsys.readouterr().out and upstream.requests == []
    await asyncio.to_thread(doctor.doctor, as_json=True)
    assert "credentials" in capsys.readouterr().out and upstream.requests != []


def test_what_other_checks_tell_is_not_asked_again(
    place: Callable[..., Place], gateway: Callable[[Answers], int]
) -> None:
    views = [{"account": "a/1", "provider": "a", "state": state} for state in ("needs_login", "refused", "disabled")]
    shown = {"accounts": [*views, {"account": "a/2", "provider": "a", "state": "ready"}], "files": []}
    where = place(gateway({**READY, "/v0/management/accounts": (200, shown)}))
    asked: list[str] = []

    def ask(view: Any) -> None:
        asked.append(view["account"])

    assert list(credentials(where, os.environ, ask)) == [] and asked == ["a/2"]
    assert find_place().settings.server.port == where.settings.server.port
