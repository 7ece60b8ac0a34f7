"""The ordinary way, with every vendor that it serves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import replace

from router.accounts import oauth as requests
from router.accounts.asking import Ask, Reply, asker
from router.accounts.oauth import TokenTrouble
from router.accounts.renewals import RENEWALS, oauth
from router.clock import FakeClock
from router.net.client import Net
from router.net.message import HttpRequest
from router.settings.sign_ins import overridden, shipped_sign_ins
from router.wire import codec
from tests.router.accounts.keeping import account_of
from tests.simulators.authorisation import AuthorisationServer, faulty
from tests.simulators.authorisation.people import Person, jwt
from tests.simulators.authorisation.vendors import VENDORS

ORDINARY = [name for name, way in RENEWALS.items() if way is oauth.renew]


class Bench:
    """A server, a clock and a way to ask."""

    def __init__(self, server: AuthorisationServer, clock: FakeClock, ask: Ask) -> None:
        self.server, self.clock, self.ask = server, clock, ask


@pytest_asyncio.fixture
async def at() -> AsyncIterator[Bench]:
    clock = FakeClock()
    async with AuthorisationServer(wall=clock.wall) as server, Net() as net:
        yield Bench(server, clock, asker(net, clock.wall))


def test_every_sign_in_has_its_way_but_the_one_of_another_module() -> None:
    assert set(shipped_sign_ins()) - {"ctonew"} <= set(RENEWALS) <= set(shipped_sign_ins())


@pytest.mark.parametrize("name", ORDINARY)
async def test_a_refresh_token_gives_an_access(at: Bench, name: str) -> None:
    granted = at.server.seed(name)
    old = account_of(name, granted, at.clock.now, at.clock.now)
    renewed = await oauth.renew(at.server.facts(name), old, at.ask)
    assert at.server.grants.accepts(renewed.access.reveal())
    assert renewed.expires_at == at.clock.now + (VENDORS[name].life or 0)
    assert (renewed.refresh is not None) is VENDORS[name].rotates
    assert renewed.persist
    kept = renewed.refresh.reveal() if renewed.refresh is not None else granted.refresh
    assert at.server.grants.good == [kept]


async def test_a_new_plan_and_a_new_address_are_taken_over(at: Bench) -> None:
    person = Person(plan="pro", account_id="acc-2")
    codex = account_of("chatgpt-oauth", at.server.seed("chatgpt-oauth", person), None, at.clock.now)
    renewed = await oauth.renew(at.server.facts("chatgpt-oauth"), codex, at.ask)
    assert renewed.facts == {"account_id": "acc-2", "plan": "pro"}
    assert requests.claims(renewed.secrets["id_token"].reveal())["email"] == person.email
    qwen = account_of("qwen-oauth", at.server.seed("qwen-oauth"), None, at.clock.now)
    at.server.script(faulty.changed(resource_url="portal.qwen.example"), endpoint="token")
    renewed = await oauth.renew(at.server.facts("qwen-oauth"), qwen, at.ask)
    assert renewed.facts == {"resource_url": "portal.qwen.example"}


@pytest.mark.parametrize(
    "answer",
    [
        {"id_token": 5, "resource_url": ["x"]},
        {"id_token": "no.jwt"},
        {"id_token": jwt({"https://api.openai.com/auth": "text"})},
        {"id_token": jwt({"https://api.openai.com/auth": {"chatgpt_account_id": 7, "chatgpt_plan_type": ""}})},
    ],
)
async def test_odd_facts_are_left_out(at: Bench, answer: dict[str, Any]) -> None:
    async def ask(request: HttpRequest) -> Reply:
        return Reply(200, {}, codec.dumps({"access_token": "a", **answer}), 5.0)

    old = account_of("chatgpt-oauth", at.server.seed("chatgpt-oauth"), None, at.clock.now)
    renewed = await oauth.renew(at.server.facts("chatgpt-oauth"), old, ask)
    assert renewed.facts == {}
    assert renewed.expires_at == 605.0


async def test_a_discovered_endpoint_must_be_the_providers_own(at: Bench) -> None:
    old = account_of("xai-oauth", at.server.seed("xai-oauth"), None, at.clock.now)
    asked: list[str] = []

    async def ask(request: HttpRequest) -> Reply:
        asked.append(request.url)
        endpoints = {"token_endpoint": "https://evil.example/token", "device_authorization_endpoint": "https://x.ai/d"}
        return Reply(200, {}, codec.dumps(endpoints))

    with pytest.raises(TokenTrouble) as caught:
        await oauth.renew(shipped_sign_ins()["xai-oauth"], old, ask)
    assert caught.value.trouble == "misconfigured"
    assert asked == ["https://auth.x.ai/.well-known/openid-configuration"]


async def test_facts_without_any_token_endpoint_are_a_mistake_of_the_settings(at: Bench) -> None:
    old = account_of("claude-oauth", at.server.seed("claude-oauth"), None, at.clock.now)
    with pytest.raises(TokenTrouble) as caught:
        await oauth.renew(replace(at.server.facts("claude-oauth"), token=None), old, at.ask)
    assert caught.value.trouble == "misconfigured"


@pytest.mark.parametrize(
    ("status", "body", "unknown"),
    [
        (200, b"", True),
        (200, b'{"access_to', True),
        (200, b"<html>", True),
        (200, b'{"error":"bad_refresh_token"}', False),
        (502, b"<html>", True),
        (504, b'{"message":"upstream timed out"}', True),
        (502, b'{"error":"server_error"}', False),
        (403, b"<html>", False),
        (500, b"", False),
        (429, b"", False),
    ],
)
def test_an_answer_without_a_word_of_the_endpoint_itself_may_have_been_lost(
    status: int, body: bytes, unknown: bool
) -> None:
    with pytest.raises(TokenTrouble) as caught:
        requests.read_tokens(Reply(status, {}, body))
    assert caught.value.unknown is unknown


def test_settings_may_name_an_endpoint_where_one_is_discovered() -> None:
    facts = overridden(shipped_sign_ins()["xai-oauth"], {"token": {"url": "https://auth.x.ai/token"}})
    assert facts.token is not None
