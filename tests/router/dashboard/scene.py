"""A router that has been used: accounts that rest, quotas, calls that went well and badly, and a ledger with a past."""

from __future__ import annotations

import math
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from router.accounts.quota import Window
from router.usage.entries import Attempt, Closed, Tokens
from tests.router.api.harness import Running, running, settings
from tests.simulators import Upstream
from tests.simulators.faulty import status

HOUR, DAY = 3600.0, 86_400.0
_TARGETS = (
    ("openai", "gpt-4.1", "laptop", 9.0), ("anthropic", "claude-sonnet-4-5", "editor", 14.0),
    ("gemini", "gemini-2.5-flash", "laptop", 1.2), ("openai", "our-own-finetune", "nightly", None),
)  # fmt: skip


def past(now: float, days: int = 30, seed: int = 7) -> list[Closed]:
    """Calls of the last days: more by day than by night, some that failed, one model whose price nobody knows."""
    chance, made = random.Random(seed), []
    for hour in range(days * 24):
        at = now - hour * HOUR
        busy = 1.5 + 4 * max(0.0, math.sin((at % DAY) / DAY * 2 * math.pi - 1.6))
        for _ in range(chance.randint(0, round(busy))):
            provider, model, key, price = chance.choices(_TARGETS, (5, 4, 4, 1))[0]
            failed = chance.random() < 0.06
            fresh, cached, out = (chance.randint(low, high) for low, high in ((300, 9000), (0, 20_000), (40, 1500)))
            tokens = Tokens() if failed else Tokens(fresh, cached, 0, 0, out, out // 4)
            cost = None if price is None else 0 if failed else round(price * (fresh / 4 + cached / 30 + out))
            outcome = "rate_limited" if failed else "ok"
            one = Attempt(
                provider=provider, model=model, account=f"{provider}/1", outcome=outcome, tokens=tokens, cost=cost,
                worth=cost,
            )  # fmt: skip
            made.append(
                Closed(
                    id=f"past_{len(made)}", at=at - chance.random() * 600, key_name=key, asked=model, attempts=(one,),
                    tokens=tokens, cost=cost, worth=cost, outcome=outcome, status=429 if failed else 200,
                    model=model, provider=provider, first_token=None if failed else chance.lognormvariate(-0.4, 0.5),
                )
            )  # fmt: skip
    return made


@asynccontextmanager
async def used(folder: Path, changes: dict[str, Any] | None = None) -> AsyncIterator[Running]:
    """The router; Anthropic's key was rejected, one call needed a second try, and windows are partly used. changes: to
    its settings."""
    folder.mkdir(parents=True)
    async with Upstream() as upstream:
        text = yaml.safe_dump(settings(upstream, folder, changes or {}), sort_keys=False)
        (folder / "config.yaml").write_text(f"# Settings of this gateway.\n{text}")
        async with running(upstream, folder, keep=True) as router:
            await _use(router)
            yield router


async def _use(router: Running) -> None:
    """Ends when the ledger has everything."""
    upstream = router.upstream
    await router.until(lambda: router.router.recall.memory)
    memory = router.router.recall.memory
    assert memory is not None
    await router.until(lambda: router.router._recent.loaded)  # what comes now is in the ledger alone
    now = router.router._clock.wall()
    memory.add_calls(past(now))
    await router.ask("chat", "gpt-4.1", headers={"user-agent": "openai-python/2.1"})
    await router.ask("gemini", "gemini-2.5-flash", stream=True, headers={"user-agent": "google-genai-sdk/1.30"})
    await router.ask("responses", "gemini-2.5-flash", stream=True, headers={"user-agent": "codex_cli_rs/0.50"})
    upstream.script(status(401), model="gpt-4.1")
    await router.ask("messages", "gpt-4.1", headers={"user-agent": "claude-cli/2.1.79"})
    await router.ask("messages", "claude-haiku-4-5", headers={"user-agent": "claude-cli/2.1.79"})
    upstream.script(status(429, retry_after="900"), model="claude-sonnet-4-5")
    await router.ask("messages", "claude-sonnet-4-5", headers={"user-agent": "claude-cli/2.1.79"})
    await router.ask("chat", "no-such-model", headers={"user-agent": "curl/8.5.0"})
    await router.ask("gemini", "demo/error-529", headers={"user-agent": "google-genai-sdk/1.30"})
    windows = router.router._gateway.windows
    for account, name, share, ends in (
        ("anthropic/1", "5h", 0.71, 2.2 * HOUR), ("anthropic/1", "7d", 0.38, 4 * DAY),
        ("openai/1", "requests", 0.12, 40.0), ("gemini/1", "1d", 0.94, 6 * HOUR),
    ):  # fmt: skip
        windows.told(account, [Window(name=name, used=share, resets_at=now + ends, seen_at=now)])
    await router.router._gateway.ledger.move()
