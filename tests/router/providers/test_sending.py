"""What goes out with which credential, and what is known of it when it was not taken."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import replace

from router.accounts.record import Access, Account
from router.call import Call, Caller, Limits
from router.clock import FakeClock
from router.faults import Fault
from router.net.client import Net
from router.providers.config import ProviderConfig
from router.providers.credentials import Credentials
from router.providers.sending import Sender, renamed
from router.routing.plan import Candidate
from router.secret import Secret
from router.wire.capabilities import Capabilities
from tests.simulators import Upstream
from tests.simulators.faulty import status

ACCOUNT = Account(id="claude-oauth/a", provider="claude-oauth", label="a", secret=Secret(""), stored=True)
MODEL = "claude-sonnet-4-5"
CALL = Call(id="req", dialect="messages", asked=MODEL, stream=False, body=b"", caller=Caller(key_id="k", key_name="n"))


@dataclass
class SignedIn:
    """A stand-in for the keeper. renewals: account id -> the tokens that come next, as they are asked for."""

    tokens: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Mapping[str, str]] = field(default_factory=dict)
    renewals: dict[str, list[str]] = field(default_factory=dict)
    rejected: list[tuple[str, str]] = field(default_factory=list)

    async def access(self, account: str) -> Access:
        return Access(Secret(self.tokens[account]), self.facts.get(account, {}))

    async def renew(self, account: str, rejected: Secret) -> bool:
        self.rejected.append((account, rejected.reveal()))
        coming = self.renewals.get(account, [])
        if coming:
            self.tokens[account] = coming.pop(0)
        return self.tokens[account] != rejected.reveal()


class World:
    """A sender before the simulated Claude, with one account."""

    def __init__(self, net: Net, upstream: Upstream) -> None:
        self.upstream = upstream
        self.signed_in = SignedIn({ACCOUNT.id: "oat-sim-first-canary"})
        self.heard: list[tuple[str, Mapping[str, str]]] = []
        credentials = Credentials(net, FakeClock(), self.signed_in)
        self.sender = Sender(net, credentials, lambda account, headers: self.heard.append((account.id, headers)))
        self.urls: tuple[str, ...] = (upstream.base_url("claude"),)
        self.headers: Mapping[str, str] = {}

    async def send(self, account: Account = ACCOUNT, *, model: str = MODEL, operation: Any = "generate") -> Any:
        provider = ProviderConfig(
            id="claude-oauth",
            kind="claude-oauth",
            dialects=("messages",),
            base_urls=self.urls,
            accounts=(account,),
            headers=self.headers,
        )
        candidate = Candidate(
            provider="claude-oauth",
            model=model,
            dialect="messages",
            lane="raw",
            rank=0,
            why="",
            capabilities=Capabilities(),
        )
        body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
        if operation == "generate":
            body["max_tokens"] = 100
        response = await self.sender.send(
            CALL,
            candidate,
            provider,
            account,
            Limits(),
            body=json.dumps(body).encode(),
            stream=False,
            operation=operation,
            sent=lambda: None,
        )
        async with response:
            return json.loads(await response.read(100_000))

    async def fault(self) -> Fault:
        with pytest.raises(Fault) as raised:
            await self.send()
        return raised.value


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    async with Upstream() as upstream, Net() as net:
        yield World(net, upstream)


async def test_a_secret_that_was_not_taken_is_renewed_by_the_fault_that_says_so(world: World) -> None:
    world.signed_in.tokens[ACCOUNT.id] = "oat-sim-revoked-canary"
    world.signed_in.renewals[ACCOUNT.id] = ["oat-sim-second-canary"]
    fault = await world.fault()
    assert fault.kind == "upstream_auth"
    assert await world.sender.renew(ACCOUNT, fault) is True
    assert world.signed_in.rejected == [(ACCOUNT.id, "oat-sim-revoked-canary")]
    assert (await world.send())["role"] == "assistant"


async def test_where_there_is_no_other_secret_it_says_so(world: World) -> None:
    world.signed_in.tokens[ACCOUNT.id] = "oat-sim-revoked-canary"
    assert await world.sender.renew(ACCOUNT, await world.fault()) is False


async def test_no_other_fault_renews_anything(world: World) -> None:
    world.upstream.script(status(500), status(403), status(429))
    for _ in range(3):
        assert await world.sender.renew(ACCOUNT, await world.fault()) is False
    assert await world.sender.renew(ACCOUNT, Fault("upstream_auth", "somebody else's")) is False
    assert world.signed_in.rejected == []


async def test_the_secret_is_nowhere_in_the_fault(world: World) -> None:
    world.signed_in.tokens[ACCOUNT.id] = "oat-sim-revoked-canary"
    world.upstream.script(
        status(401, message="bad oat-sim-revoked-canary"), status(400, message="oat-sim-revoked-canary")
    )
    for _ in range(2):
        fault = await world.fault()
        told = f"{fault!r} {fault} {vars(fault)} {fault.args} {fault.__cause__!r}"
        assert "canary" not in told


async def test_a_secret_in_a_header_of_the_settings_is_nowhere_in_the_fault(world: World) -> None:
    world.headers = {"x-house": "house-canary", "authorization": "Basic canary-of-basic"}
    world.upstream.script(status(400, message="you sent house-canary and canary-of-basic", body=None))
    fault = await world.fault()
    assert fault.message == "you sent *** and ***"
    assert fault.passthrough is None or b"canary" not in fault.passthrough


async def test_the_headers_of_good_and_of_bad_answers_are_told(world: World) -> None:
    world.upstream.script(status(429, retry_after="7"))
    await world.fault()
    await world.send()
    assert [(account, headers.get("retry-after")) for account, headers in world.heard] == [
        (ACCOUNT.id, "7"),
        (ACCOUNT.id, None),
    ]


@pytest.mark.parametrize("operation", ["generate", "count_tokens"])
async def test_an_accounts_own_name_of_a_model_goes_out(world: World, operation: str) -> None:
    account = replace(ACCOUNT, aliases={"mine": MODEL})
    await world.send(account, model="mine", operation=operation)
    assert world.upstream.requests[-1].body["model"] == MODEL


async def test_the_next_address_is_asked_where_the_first_cannot_be_reached(world: World) -> None:
    async with Upstream() as other:
        gone = other.base_url("claude")
    world.urls = (gone, *world.urls)
    assert (await world.send())["role"] == "assistant"
    assert len(world.heard) == 1


def test_a_model_is_renamed_in_every_place_where_a_dialect_says_it() -> None:
    assert renamed(b'{"x":1.0,"model":"a","y":"a"}', "a", "b") == b'{"x":1.0,"model":"b","y":"a"}'
    assert renamed(b'{"model":"other"}', "a", "b") == b'{"model":"other"}'
    counted = {"generateContentRequest": {"model": "models/a", "contents": []}}
    assert json.loads(renamed(json.dumps(counted).encode(), "a", "b")) == {
        "generateContentRequest": {"model": "models/b", "contents": []}
    }
    embedded = {"requests": [{"model": "models/a", "content": {}}, {"content": {}}]}
    assert json.loads(renamed(json.dumps(embedded).encode(), "a", "b")) == {
        "requests": [{"model": "models/b", "content": {}}, {"content": {}}]
    }
    assert renamed(b'{"contents":[]}', "a", "b") == b'{"contents":[]}'
