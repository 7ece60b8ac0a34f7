"""The simulated authorisation server is strict: what it takes and refuses, vendor by vendor."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import pytest_asyncio

from router.accounts import oauth
from router.accounts.asking import Ask, Reply, asker
from router.faults import Fault
from router.net.client import Net
from router.net.message import HttpRequest
from router.secret import Secret
from router.settings.sign_ins import SignIn, shipped_sign_ins
from router.wire import codec
from tests.simulators.authorisation import AuthorisationServer, faulty
from tests.simulators.authorisation.vendors import VENDORS
from tests.simulators.refusal import Refusal

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
STATE = "a-state-that-nobody-can-guess"
CODE_FLOWS = [name for name in VENDORS if "authorize" in VENDORS[name].paths]
ROTATING = [name for name in VENDORS if VENDORS[name].rotates]


class Bench:
    """A server and a way to ask it."""

    def __init__(self, server: AuthorisationServer, ask: Ask) -> None:
        self.server = server
        self.ask = ask

    async def tokens(self, request: HttpRequest) -> oauth.Tokens:
        """The tokens of an exchange. Raises `TokenTrouble`."""
        return oauth.read_tokens(await self.ask(request))

    async def post(self, url: str, body: bytes, kind: str = "application/x-www-form-urlencoded") -> Reply:
        """Any POST."""
        headers = {"content-type": kind, "accept": "application/json"}
        return await self.ask(HttpRequest("POST", url, headers, body))


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    async with AuthorisationServer() as server, Net() as net:
        yield Bench(server, asker(net, time.time))


def authorize_url(facts: SignIn, **changes: str | None) -> str:
    assert facts.code is not None
    query: dict[str, str | None] = {
        "client_id": facts.client_id,
        "response_type": "code",
        facts.code.redirect_parameter: facts.code.redirect_uri,
        "scope": " ".join(facts.code.scopes),
        "state": STATE,
        **facts.code.extra,
    }
    if facts.code.pkce:
        query |= {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    query |= changes
    return f"{facts.code.authorize_url}?{urlencode({k: v for k, v in query.items() if v is not None})}"


def code_of(redirected: str) -> str:
    query = parse_qs(urlsplit(redirected).query)
    assert query["state"] == [STATE]
    return query["code"][0]


def exchange(facts: SignIn, code: str, **changes: Any) -> HttpRequest:
    assert facts.code is not None
    values: dict[str, Any] = {
        "code": code,
        "redirect_uri": facts.code.redirect_uri,
        "verifier": VERIFIER if facts.code.pkce else None,
        "state": STATE,
    }
    return oauth.exchange_code(facts, **(values | changes))


def test_every_sign_in_but_the_pasted_one_has_a_vendor() -> None:
    assert set(VENDORS) == set(shipped_sign_ins()) - {"ctonew"}


@pytest.mark.parametrize("name", list(VENDORS))
async def test_no_address_of_the_facts_leads_away_from_the_simulator(bench: Bench, name: str) -> None:
    facts = bench.server.facts(name)
    addresses = [facts.token and facts.token.url, facts.code and facts.code.authorize_url, *facts.urls.values()]
    if facts.device is not None:
        addresses += [facts.device.device_url, facts.device.poll_url, facts.device.discovery_url]
    told = [address for address in addresses if address and facts.urls.get("origin") != address]
    outside = [address for address in told if not address.startswith(bench.server.address)]
    if name == "xai-oauth":
        assert facts.token is None
    assert told
    assert not outside


@pytest.mark.parametrize("name", CODE_FLOWS)
async def test_a_code_flow_gives_tokens_and_the_code_is_good_once(bench: Bench, name: str) -> None:
    facts = bench.server.facts(name)
    page = await bench.ask(HttpRequest("GET", authorize_url(facts), {}))
    assert page.status == 302
    code = code_of(page.headers["location"])
    tokens = await bench.tokens(exchange(facts, code))
    assert bench.server.grants.accepts(tokens.access.reveal())
    assert tokens.refresh is not None
    with pytest.raises(oauth.TokenTrouble, match="invalid_grant"):
        await bench.tokens(exchange(facts, code))


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "http://localhost:54545/callback/"},
        {"client_id": "somebody"},
        {"response_type": "token"},
        {"state": ""},
        {"code_challenge_method": "plain"},
        {"code_challenge": CHALLENGE + "="},
        {"scope": "user:profile"},
        {"code": None},
    ],
)
async def test_a_wrong_authorisation_request_is_never_redirected(bench: Bench, changes: dict[str, Any]) -> None:
    url = authorize_url(bench.server.facts("claude-oauth"), **changes)
    with pytest.raises(Refusal):
        bench.server.visit(url)
    assert (await bench.ask(HttpRequest("GET", url, {}))).status == 400


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"verifier": "w" * 43}, "invalid_grant"),
        ({"verifier": None}, "invalid_grant"),
        ({"redirect_uri": "http://127.0.0.1:54545/callback"}, "invalid_grant"),
        ({"state": "another state of some length"}, "invalid_request"),
    ],
)
async def test_a_code_needs_its_own_verifier_address_and_state(
    bench: Bench, changes: dict[str, Any], error: str
) -> None:
    facts = bench.server.facts("claude-oauth")
    code = code_of(bench.server.visit(authorize_url(facts)))
    with pytest.raises(oauth.TokenTrouble, match=error):
        await bench.tokens(exchange(facts, code, **changes))


@pytest.mark.parametrize("name", list(VENDORS))
async def test_a_token_endpoint_takes_one_encoding_only(bench: Bench, name: str) -> None:
    url = f"{bench.server.address}/{name}{VENDORS[name].paths['token']}"
    fields = {"grant_type": "refresh_token", "client_id": VENDORS[name].client_id, "refresh_token": "x"}
    wrong = (urlencode(fields).encode(), "application/x-www-form-urlencoded")
    if VENDORS[name].body == "form":
        wrong = (codec.dumps(fields), "application/json")
    answer = oauth.read_object(await bench.post(url, *wrong))
    assert answer is not None
    assert answer["error"] == "invalid_request"


@pytest.mark.parametrize("name", ["gemini-cli", "iflow"])
async def test_a_wrong_client_secret_is_the_clients_fault(bench: Bench, name: str) -> None:
    granted = bench.server.seed(name)
    facts = oauth_facts(bench.server.facts(name), client_secret="wrong")
    with pytest.raises(oauth.TokenTrouble) as caught:
        await bench.tokens(oauth.refresh(facts, Secret(granted.refresh or "")))
    assert caught.value.trouble == "misconfigured"
    assert bench.server.grants.good == [granted.refresh]


def oauth_facts(facts: SignIn, **changes: Any) -> SignIn:
    from msgspec.structs import replace

    return replace(facts, **changes)


@pytest.mark.parametrize("name", [name for name in ROTATING if name != "xai-oauth"])
async def test_a_refresh_rotates_and_reuse_ends_the_family(bench: Bench, name: str) -> None:
    granted = bench.server.seed(name)
    facts, grants = bench.server.facts(name), bench.server.grants
    first = await bench.tokens(oauth.refresh(facts, Secret(granted.refresh or "")))
    assert first.refresh is not None
    assert grants.good == [first.refresh.reveal()]
    with pytest.raises(oauth.TokenTrouble) as caught:
        await bench.tokens(oauth.refresh(facts, Secret(granted.refresh or "")))
    assert caught.value.trouble == "dead"
    assert (grants.good, grants.reused) == ([], [granted.refresh])
    assert not grants.accepts(first.access.reveal())
    with pytest.raises(oauth.TokenTrouble):
        await bench.tokens(oauth.refresh(facts, first.refresh))


async def test_within_its_grace_a_repeated_refresh_gets_the_same_pair() -> None:
    now = [1_800_000_000.0]
    async with AuthorisationServer(grace=30, wall=lambda: now[0]) as server, Net() as net:
        bench = Bench(server, asker(net, lambda: now[0]))
        granted = server.seed("claude-oauth")
        request = oauth.refresh(server.facts("claude-oauth"), Secret(granted.refresh or ""))
        server.script(faulty.lost(), grant="refresh_token")
        with pytest.raises(Fault):
            await bench.tokens(request)
        assert server.grants.rotations == 1
        again = await bench.tokens(request)
        assert again.refresh is not None
        assert (server.grants.good, server.grants.reused) == ([again.refresh.reveal()], [])
        now[0] += 31
        with pytest.raises(oauth.TokenTrouble):
            await bench.tokens(request)


async def test_google_keeps_the_refresh_token_and_sends_none(bench: Bench) -> None:
    granted = bench.server.seed("gemini-cli")
    tokens = await bench.tokens(oauth.refresh(bench.server.facts("gemini-cli"), Secret(granted.refresh or "")))
    assert tokens.refresh is None
    assert bench.server.grants.good == [granted.refresh]


@pytest.mark.parametrize("name", ["qwen-oauth", "kimi-oauth", "copilot"])
async def test_a_device_flow_waits_for_the_person(bench: Bench, name: str) -> None:
    facts = bench.server.facts(name)
    assert facts.device is not None
    assert facts.device.device_url is not None
    asked = {"client_id": facts.client_id, "scope": " ".join(facts.device.scopes)}
    if facts.device.pkce:
        asked |= {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    device = oauth.read_object(await bench.post(facts.device.device_url, urlencode(asked).encode()))
    assert device is not None
    request = oauth.device_token(facts, Secret(device["device_code"]), VERIFIER if facts.device.pkce else None)
    bench.server.polls(device["user_code"], "authorization_pending", "slow_down")
    for expected in ("pending", "slow_down", "pending"):
        with pytest.raises(oauth.TokenTrouble) as caught:
            await bench.tokens(request)
        assert caught.value.trouble == expected
    bench.server.approve(device["user_code"])
    tokens = await bench.tokens(request)
    assert bench.server.grants.accepts(tokens.access.reveal())
    assert tokens.answer.get("resource_url") == ("portal.qwen.ai" if name == "qwen-oauth" else None)
    with pytest.raises(oauth.TokenTrouble):
        await bench.tokens(request)


@pytest.mark.parametrize(("ends", "trouble"), [("deny", "denied"), ("expire", "expired")])
async def test_a_device_flow_ends_where_the_person_says_no_or_nothing(bench: Bench, ends: str, trouble: str) -> None:
    facts = bench.server.facts("copilot")
    assert facts.device is not None
    body = urlencode({"client_id": facts.client_id, "scope": "read:user"}).encode()
    reply = await bench.post(facts.device.device_url or "", body)
    device = oauth.read_object(reply) or {}
    getattr(bench.server, ends)(device["user_code"])
    answer = await bench.ask(oauth.device_token(facts, Secret(device["device_code"])))
    assert answer.status == 200
    with pytest.raises(oauth.TokenTrouble) as caught:
        oauth.read_tokens(answer)
    assert caught.value.trouble == trouble


async def test_chatgpts_device_flow_gives_a_code_and_its_verifier(bench: Bench) -> None:
    facts = bench.server.facts("chatgpt-oauth")
    assert facts.device is not None
    asked = codec.dumps({"client_id": facts.client_id})
    device = oauth.read_object(await bench.post(facts.device.device_url or "", asked, "application/json")) or {}
    poll = codec.dumps({"device_auth_id": device["device_auth_id"], "user_code": device["user_code"]})
    assert (await bench.post(facts.device.poll_url or "", poll, "application/json")).status == 403
    bench.server.approve(device["user_code"])
    found = oauth.read_object(await bench.post(facts.device.poll_url or "", poll, "application/json")) or {}
    request = oauth.exchange_code(
        facts,
        code=found["authorization_code"],
        redirect_uri=facts.device.redirect_uri or "",
        verifier=found["code_verifier"],
    )
    tokens = await bench.tokens(request)
    claims = oauth.claims(tokens.answer["id_token"])
    assert claims["email"] == bench.server.person.email
    assert claims["https://api.openai.com/auth"]["chatgpt_account_id"] == bench.server.person.account_id


async def test_xais_endpoints_are_in_its_discovery_document(bench: Bench) -> None:
    facts = bench.server.facts("xai-oauth")
    assert facts.device is not None
    reply = await bench.ask(HttpRequest("GET", facts.device.discovery_url or "", {}))
    found = oauth.read_object(reply) or {}
    assert found["token_endpoint"].startswith(bench.server.address)
    asked = urlencode({"client_id": facts.client_id, "scope": " ".join(facts.device.scopes)}).encode()
    assert (await bench.post(found["device_authorization_endpoint"], asked)).status == 200


async def test_sides_answer_only_for_a_good_token(bench: Bench) -> None:
    for name, endpoint in (("claude-oauth", "profile"), ("gemini-cli", "user_info"), ("copilot", "copilot_token")):
        granted = bench.server.seed(name)
        url = bench.server.facts(name).urls[endpoint]
        for token, status in ((granted.access, 200), ("another", 401)):
            request = HttpRequest("GET", url, {"authorization": f"Bearer {token}"})
            assert (await bench.ask(request)).status == status
    granted = bench.server.seed("iflow")
    url = bench.server.facts("iflow").urls["user_info"]
    answer = oauth.read_object(await bench.ask(HttpRequest("GET", f"{url}?accessToken={granted.access}", {})))
    assert answer is not None
    assert answer["data"]["apiKey"].startswith("sk-")


@pytest.mark.parametrize(
    ("bad", "status", "rotates"),
    [
        (faulty.html(502), 502, False),
        (faulty.html(504, processed=True), 504, True),
        (faulty.html(403), 403, False),
        (faulty.busy(30), 429, False),
        (faulty.broken(), 500, False),
        (faulty.refused(401, {"error": {"code": "refresh_token_expired"}}), 401, False),
        (faulty.cut(), 200, True),
        (faulty.slow(0.0001), 200, True),
    ],
)
async def test_misbehaviour_says_whether_tokens_rotated(
    bench: Bench, bad: faulty.Misbehaviour, status: int, rotates: bool
) -> None:
    granted = bench.server.seed("claude-oauth")
    bench.server.script(bad, endpoint="token")
    reply = await bench.ask(oauth.refresh(bench.server.facts("claude-oauth"), Secret(granted.refresh or "")))
    assert reply.status == status
    assert (bench.server.grants.rotations == 1) is rotates


async def test_refreshes_in_flight_are_counted(bench: Bench) -> None:
    granted = bench.server.seed("gemini-cli")
    release = asyncio.Event()
    bench.server.script(faulty.held(release), faulty.held(release))
    request = oauth.refresh(bench.server.facts("gemini-cli"), Secret(granted.refresh or ""))
    async with asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(bench.ask(request))
        await bench.server.arrived(2)
        release.set()
    assert bench.server.grants.most_in_flight == 2


async def test_a_drifting_clock_shows_in_date_and_absolute_times(bench: Bench) -> None:
    granted = bench.server.seed("copilot")
    bench.server.script(faulty.drifted(4000))
    url = bench.server.facts("copilot").urls["copilot_token"]
    reply = await bench.ask(HttpRequest("GET", url, {"authorization": f"token {granted.access}"}))
    answer = oauth.read_object(reply) or {}
    assert answer["expires_at"] - time.time() > 5000
    assert answer["refresh_in"] == 1500
