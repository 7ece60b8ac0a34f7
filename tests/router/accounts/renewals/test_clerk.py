"""Tokens for cto.new: from Clerk's cookie, and from the vendor's own OAuth."""

from __future__ import annotations

from collections.abc import AsyncIterator
from http.cookies import SimpleCookie
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from router.accounts.asking import Ask, Reply, asker
from router.accounts.credential import Credential
from router.accounts.oauth import TokenTrouble
from router.accounts.renewal import Renewed
from router.accounts.renewals.clerk import (
    OAUTH,
    VENDOR_TOKEN,
    read_session,
    renew,
    replaced_cookie,
)
from router.clock import FakeClock
from router.faults import Fault
from router.net.client import Net
from router.net.message import HttpRequest
from router.secret import Secret
from router.settings.sign_ins import SignIn, overridden, shipped_sign_ins
from tests.simulators.ctonew import CtoNew, Person, Trouble
from tests.simulators.ctonew.answers import jwt

SHIPPED = shipped_sign_ins()["ctonew"]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest_asyncio.fixture
async def upstream(clock: FakeClock) -> AsyncIterator[CtoNew]:
    async with CtoNew(clock.wall) as started:
        yield started


@pytest_asyncio.fixture
async def ask(clock: FakeClock) -> AsyncIterator[Ask]:
    async with Net() as net:
        yield asker(net, clock.wall)


@pytest.fixture
def facts(upstream: CtoNew) -> SignIn:
    return overridden(SHIPPED, upstream.facts())


def account(person: Person, **more: Any) -> Credential:
    return Credential(provider="ctonew", label="default", refresh=Secret(person.cookie), **more)


def after(credential: Credential, renewed: Renewed) -> Credential:
    """What is stored then."""
    return replace(
        credential,
        access=renewed.access,
        expires_at=renewed.expires_at,
        refresh=renewed.refresh or credential.refresh,
        facts={**credential.facts, **renewed.facts},
        secrets={**credential.secrets, **renewed.secrets},
    )


async def failing(facts: SignIn, credential: Credential, ask: Ask) -> TokenTrouble:
    with pytest.raises(TokenTrouble) as raised:
        await renew(facts, credential, ask)
    assert "canary" not in raised.value.message
    assert "Clerk (127.0.0.1:" in raised.value.message
    return raised.value


async def test_a_cookie_becomes_a_token_of_a_minute_and_says_whose_it_is(
    upstream: CtoNew, facts: SignIn, ask: Ask, clock: FakeClock
) -> None:
    person = upstream.clerk.sign_in()
    made = await renew(facts, account(person), ask)
    assert upstream.clerk.accepts(made.access.reveal()) is person
    assert made.expires_at == clock.wall() + 60
    assert dict(made.facts) == {
        "session_id": "sess_ada",
        "user_id": "user_ada",
        "organisation": "org_ada",
        "email": "ada@example.test",
    }
    assert (made.refresh, made.persist) == (None, False)


async def test_a_known_session_costs_one_request(upstream: CtoNew, facts: SignIn, ask: Ask) -> None:
    credential = account(upstream.clerk.sign_in())
    credential = after(credential, await renew(facts, credential, ask))
    before = len(upstream.clerk.requests)
    await renew(facts, credential, ask)
    assert len(upstream.clerk.requests) == before + 1


async def test_another_clock_at_clerk_does_not_make_a_token_stale(clock: FakeClock, ask: Ask) -> None:
    ahead = FakeClock(clock.now - 400)
    async with CtoNew(ahead.wall) as upstream:
        made = await renew(overridden(SHIPPED, upstream.facts()), account(upstream.clerk.sign_in()), ask)
    assert made.expires_at == clock.wall() + 60


@pytest.mark.parametrize("partitioned", [True, False])
async def test_a_replaced_cookie_is_handed_on_and_is_the_one_that_works(
    upstream: CtoNew, facts: SignIn, ask: Ask, clock: FakeClock, partitioned: bool
) -> None:
    upstream.clerk.rotates, upstream.clerk.partitioned = True, partitioned
    person = upstream.clerk.sign_in()
    credential = account(person)
    for _ in range(3):
        old = credential.refresh
        made = await renew(facts, credential, ask)
        assert made.persist
        assert made.refresh is not None
        assert made.refresh.reveal() == person.cookie != old.reveal()
        credential = after(credential, made)
        clock.advance(upstream.clerk.grace + 1)
        assert (await failing(facts, replace(credential, refresh=old), ask)).trouble == "dead"


@pytest.mark.parametrize("breaking", [True, False])
async def test_a_cookie_that_was_replaced_on_the_way_to_a_failure_is_not_lost(facts: SignIn, breaking: bool) -> None:
    new = jwt({"rotating_token": "next-canary"})
    client = b'{"response": {"last_active_session_id": "sess_1", "sessions": []}}'

    async def ask(request: HttpRequest) -> Reply:
        if request.method == "GET":
            return Reply(200, {}, client, 100.0, (f"__client={new}; Path=/; Partitioned",))
        assert request.headers["cookie"] == f"__client={new}"
        if breaking:
            raise Fault("upstream_broken", "The connection to the provider broke.")
        return Reply(503, {}, b"{}", 100.0)

    credential = Credential(provider="ctonew", label="default", refresh=Secret(jwt({"rotating_token": "old"})))
    made = await renew(facts, credential, ask)
    assert made.refresh == Secret(new)
    assert not made.access
    assert made.persist


async def test_who_signed_out_must_sign_in(upstream: CtoNew, facts: SignIn, ask: Ask) -> None:
    person = upstream.clerk.sign_in()
    person.signed_out = True
    assert (await failing(facts, account(person), ask)).trouble == "dead"
    known = account(person, facts={"session_id": person.session})
    told = await failing(facts, known, ask)
    assert told.trouble == "dead"
    assert "signed out" in told.message


async def test_a_session_that_ended_is_looked_up_again_and_a_foreign_one_never_works(
    upstream: CtoNew, facts: SignIn, ask: Ask
) -> None:
    person = upstream.clerk.sign_in()
    made = await renew(facts, account(person, facts={"session_id": "sess_old"}), ask)
    assert made.facts["session_id"] == person.session
    answer = Trouble(status=404, body={"errors": [{"code": "resource_not_found", "message": "Session not found"}]})
    upstream.clerk.script.extend([None, answer])
    assert (await failing(facts, account(person), ask)).trouble == "dead"


@pytest.mark.parametrize(
    "trouble",
    [
        Trouble(status=502, html=True),
        Trouble(status=401, html=True),
        Trouble(status=200, html=True),
        Trouble(status=404, html=True),
        Trouble(status=500, body={"errors": [{"code": "internal", "message": "x"}]}),
        Trouble(status=429, body={"errors": [{"code": "too_many_requests", "message": "slow down"}]}),
        Trouble(status=401, body={"message": "an edge's own words"}),
        Trouble(status=200, body={"object": "token"}),
        Trouble(status=200, body=[]),
    ],
)
async def test_only_clerks_own_words_end_an_account(
    upstream: CtoNew, facts: SignIn, ask: Ask, trouble: Trouble
) -> None:
    credential = account(upstream.clerk.sign_in())
    upstream.clerk.script.extend([None, trouble])
    assert (await failing(facts, credential, ask)).trouble == "transient"
    assert (await renew(facts, credential, ask)).access


async def test_a_version_that_clerk_does_not_know_is_our_mistake(upstream: CtoNew, ask: Ask) -> None:
    changes = upstream.facts()
    changes["upstream"] = {**changes["upstream"], "extra": {"clerk_api_version": "1999-01-01"}}
    told = await failing(overridden(SHIPPED, changes), account(upstream.clerk.sign_in()), ask)
    assert told.trouble == "misconfigured"
    assert "api_version_invalid" in told.message


async def test_the_versions_of_both_years_are_data(upstream: CtoNew, ask: Ask) -> None:
    for extra in ({"clerk_api_version": "2025-04-10", "clerk_js_version": "5.102.0"}, {"clerk_js_version": ""}):
        changes = upstream.facts()
        changes["upstream"] = {**changes["upstream"], "extra": extra}
        assert (await renew(overridden(SHIPPED, changes), account(upstream.clerk.sign_in("x")), ask)).access
    assert "_clerk_js_version" not in upstream.clerk.requests[-1].query


async def test_no_answer_is_a_fault_that_names_clerk(upstream: CtoNew, facts: SignIn, ask: Ask) -> None:
    upstream.clerk.script.extend([None, Trouble(drop=True)])
    with pytest.raises(Fault, match=r"Clerk \(127\.0\.0\.1:\d+\) cannot be reached"):
        await renew(facts, account(upstream.clerk.sign_in()), ask)


async def test_the_vendors_own_tokens_rotate_and_need_no_cookie(
    upstream: CtoNew, facts: SignIn, ask: Ask, clock: FakeClock
) -> None:
    vendor = upstream.engine.vendor
    credential = Credential(provider="ctonew", label="cli", refresh=Secret(vendor.refresh))
    for _ in range(2):
        made = await renew(facts, credential, ask)
        assert (made.expires_at, made.persist, made.facts["way"]) == (clock.wall() + 900, True, OAUTH)
        assert made.refresh == Secret(vendor.refresh)
        assert made.access.reveal() in vendor.access
        credential = after(credential, made)
    assert not upstream.clerk.requests


async def test_the_vendors_token_goes_before_a_cookie_and_the_cookie_serves_when_it_is_dead(
    upstream: CtoNew, facts: SignIn, ask: Ask
) -> None:
    vendor, person = upstream.engine.vendor, upstream.clerk.sign_in()
    credential = account(person, secrets={VENDOR_TOKEN: Secret(vendor.refresh)})
    made = await renew(facts, credential, ask)
    assert (made.facts["way"], made.refresh) == (OAUTH, None)
    assert made.secrets[VENDOR_TOKEN] == Secret(vendor.refresh)
    credential = after(credential, made)
    vendor.revoked = True
    credential = after(credential, await renew(facts, credential, ask))
    assert upstream.clerk.accepts(credential.access.reveal()) is person
    assert (credential.facts["way"], bool(credential.secrets[VENDOR_TOKEN])) == ("", False)
    before = len(upstream.engine.requests)
    await renew(facts, credential, ask)
    assert len(upstream.engine.requests) == before


_VALUE = st.text("abcXYZ019_-.", min_size=1)
_ATTRIBUTE = st.sampled_from(
    [
        "Path=/",
        "HttpOnly",
        "Secure",
        "SameSite=Lax",
        "Partitioned",
        "Priority=High",
        "Domain=clerk.cto.new",
        "Max-Age=9",
    ]
)


@given(_VALUE, st.lists(_ATTRIBUTE), st.sampled_from(["__client_uat", "__session", "x"]))
def test_the_cookie_is_found_among_others_whatever_its_attributes(
    value: str, attributes: list[str], other: str
) -> None:
    headers = (f"{other}=1; Path=/", "; ".join((f"__client={value}", *attributes)), f"{other}=a; x=__client=b")
    assert replaced_cookie(headers, 0.0) == Secret(value)
    plain = [each for each in attributes if each not in ("Partitioned", "Priority=High")]
    assert SimpleCookie("; ".join((f"__client={value}", *plain)))["__client"].value == value


@pytest.mark.parametrize(
    "header",
    [
        "__client=; Path=/",
        "__client=x; Max-Age=0",
        "__client=x; max-age=-1; Expires=Fri, 01 Jan 2100 00:00:00 GMT",
        "__client=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        "other=1; __client=evil",
        "__client_uat=1",
        "",
    ],
)
def test_a_cookie_that_is_taken_away_or_another_one_is_none(header: str) -> None:
    assert replaced_cookie((header,), 1_800_000_000.0) is None


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["response", "client", "sessions", "id", "user", "last_active_session_id"]), inner
            )
        ),
        max_leaves=12,
    )
)
def test_any_answer_gives_texts_or_nothing(client: Any) -> None:
    found = read_session({"response": client})
    assert found == {} or all(isinstance(value, str) and value for value in found.values())
