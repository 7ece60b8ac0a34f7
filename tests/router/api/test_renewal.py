"""A provider does not take a stored account's token: one renewal and one replay for a call, then the account rests."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.router.api.harness import DIALECTS, Running
from tests.router.api.manage.desk import manage
from tests.router.api.subscribed import MODELS, subscribed, token_of
from tests.simulators import Upstream
from tests.simulators.connection import read_request

CLAUDE = MODELS["claude-oauth"]
OLD, NEW, DEAD = "oat-sim-revoked-canary", "oat-sim-new-canary", "oat-sim-revoked-too-canary"


class Tokens:
    """A token endpoint that gives one access token to everybody. url: its address."""

    def __init__(self, access: str | None) -> None:
        self.access = access
        self.url = ""
        self.exchanges = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        self.exchanges += 1
        status, answer = "400 Bad Request", json.dumps({"error": "invalid_grant"}).encode()
        if self.access is not None:
            tokens = {"access_token": self.access, "refresh_token": f"rt-{self.exchanges}-canary", "expires_in": 3600}
            status, answer = "200 OK", json.dumps(tokens).encode()
        head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(answer)}\r\n\r\n"
        writer.write(head.encode() + answer)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def renewing(access: str | None) -> AsyncIterator[Tokens]:
    tokens = Tokens(access)
    server = await asyncio.start_server(tokens.serve, "127.0.0.1", 0)
    tokens.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/token"
    try:
        yield tokens
    finally:
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def before(
    upstream: Upstream, folder: Path, access: str | None, *labels: str, **more: Any
) -> AsyncIterator[tuple[Running, Tokens]]:
    """A router whose account "a" has a token that is an hour old and not taken, and who gives it another one."""
    async with renewing(access) as tokens:
        changes = {"providers": {"claude_oauth": {"sign_in": {"token": {"url": tokens.url}}}}, **more}
        rejected = {"claude-oauth/a": OLD}
        old = time.time() - 3600
        async with subscribed(upstream, folder, *labels, changes=changes, tokens=rejected, issued_at=old) as router:
            yield router, tokens


def keys(upstream: Upstream) -> list[str]:
    return [attempt.key for attempt in upstream.requests]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_the_same_account_is_asked_again_with_its_new_token(
    upstream: Upstream, tmp_path: Path, dialect: str, stream: bool
) -> None:
    async with before(upstream, tmp_path, NEW, "a", "b") as (router, tokens):
        answer = await router.ask(dialect, f"claude-oauth/{CLAUDE}", stream=stream)
        assert answer.status == 200
        assert "hello there" in answer.text
        assert answer.headers["x-switchyard-attempts"] == "2"
        assert keys(upstream) == [OLD, NEW]
        assert tokens.exchanges == 1
        states = {each["account"]: each["state"] for each in (await router.management("accounts"))["accounts"]}
        assert states["claude-oauth/a"] == "ready"
        assert NEW not in router.log
        series = 'switchyard_account_renewals_total{account="claude-oauth/a",outcome="ok",provider="claude-oauth"}'
        assert (await router.metrics())[series] == 1


async def test_a_probe_of_management_renews_too(upstream: Upstream, tmp_path: Path) -> None:
    async with before(upstream, tmp_path, NEW, "a", "b") as (router, tokens):
        told = await manage(router, "POST", "/accounts/claude-oauth/a/probe", {"model": CLAUDE})
        assert told.status == 200 and told.json["ok"] is True, told.body
        assert keys(upstream) == [OLD, NEW] and tokens.exchanges == 1
        assert (await manage(router, "POST", "/accounts/claude-oauth/b/probe", {"model": CLAUDE})).json["ok"] is True
        assert keys(upstream)[2:] == [token_of("claude-oauth", "b")]


async def test_a_call_by_hand_carries_the_token_of_a_sign_in(upstream: Upstream, tmp_path: Path) -> None:
    async with before(upstream, tmp_path, NEW, "a", "b") as (router, _):
        told = await manage(router, "POST", "/accounts/claude-oauth/b/call", {"path": "/claude/v1/models"})
        assert told.status == 200, told.body
        assert keys(upstream) == [token_of("claude-oauth", "b")]


async def test_many_calls_at_once_share_one_renewal(upstream: Upstream, tmp_path: Path) -> None:
    async with before(upstream, tmp_path, NEW) as (router, tokens):
        answers = await asyncio.gather(*(router.ask("messages", f"claude-oauth/{CLAUDE}") for _ in range(8)))
        assert {answer.status for answer in answers} == {200}
        assert tokens.exchanges == 1


async def test_a_second_401_suspends_the_account_and_another_answers(upstream: Upstream, tmp_path: Path) -> None:
    async with before(upstream, tmp_path, DEAD, "a", "b") as (router, tokens):
        answer = await router.ask("messages", f"claude-oauth/{CLAUDE}")
        assert answer.status == 200
        assert keys(upstream) == [OLD, DEAD, token_of("claude-oauth", "b")]
        assert answer.headers["x-switchyard-attempts"] == "3"
        for _ in range(4):
            assert (await router.ask("messages", f"claude-oauth/{CLAUDE}")).status == 200
        assert set(keys(upstream)[3:]) == {token_of("claude-oauth", "b")}
        assert tokens.exchanges == 1
        resting = router.router._health.resting("claude-oauth/a")
        assert resting is not None
        assert resting.state == "refused"
        assert resting.until is not None
        assert resting.until - resting.at == 1800


async def test_without_another_account_the_client_is_not_logged_out(upstream: Upstream, tmp_path: Path) -> None:
    async with before(upstream, tmp_path, DEAD) as (router, _tokens):
        answer = await router.ask("messages", f"claude-oauth/{CLAUDE}")
        assert answer.status == 502
        assert keys(upstream) == [OLD, DEAD]


async def test_where_nothing_can_be_renewed_the_next_account_is_asked_at_once(
    upstream: Upstream, tmp_path: Path
) -> None:
    async with before(upstream, tmp_path, None, "a", "b") as (router, _tokens):
        answer = await router.ask("chat", f"claude-oauth/{CLAUDE}")
        found = await router.metrics()
        series = 'switchyard_account_renewals_total{account="claude-oauth/a",outcome="failed",provider="claude-oauth"}'
        assert found[series] == 1
        assert all(found[f'switchyard_disk_free_bytes{{folder="{name}"}}'] > 0 for name in ("state", "accounts"))
        assert answer.status == 200
        assert keys(upstream) == [OLD, token_of("claude-oauth", "b")]
        resting = router.router._health.resting("claude-oauth/a")
        assert resting is not None
        assert resting.state == "needs_login"


async def test_a_replay_counts_against_the_budget(upstream: Upstream, tmp_path: Path) -> None:
    async with before(upstream, tmp_path, NEW, retry={"max_attempts": 1}) as (router, _tokens):
        assert (await router.ask("messages", f"claude-oauth/{CLAUDE}")).status == 502
        assert keys(upstream) == [OLD]
        assert (await router.ask("messages", f"claude-oauth/{CLAUDE}")).status == 200


async def test_side_surfaces_renew_as_well(upstream: Upstream, tmp_path: Path) -> None:
    async with before(upstream, tmp_path, NEW) as (router, _tokens):
        body = {"model": f"claude-oauth/{CLAUDE}", "messages": [{"role": "user", "content": "hello"}]}
        answer = await router.send("/v1/messages/count_tokens", body)
        assert answer.status == 200
        assert "x-switchyard-notes" not in answer.headers  # counted there, not estimated
        assert keys(upstream) == [OLD, NEW]
