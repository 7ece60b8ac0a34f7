"""What an exchange adds to a way of renewing: the account's proxy, one repetition, bounds."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from router.accounts.asking import Ask, Reply
from router.accounts.credential import Credential
from router.accounts.exchange import Exchange, Failed
from router.accounts.oauth import TokenTrouble, shortened
from router.accounts.renewal import Renewed
from router.clock import FakeClock
from router.faults import Fault
from router.net.message import HttpRequest
from router.secret import Secret
from router.settings.sign_ins import SignIn, shipped_sign_ins

ACCOUNT = Credential(provider="claude-oauth", label="ada", refresh=Secret("r"))
RENEWED = Renewed(access=Secret("a"), expires_at=None)


def failing(*errors: Exception | None, proxy: str | None = None) -> tuple[Exchange, list[HttpRequest]]:
    """An exchange whose way fails so, one time after the other; None: it works."""
    left, asked = list(errors), []

    async def ask(request: HttpRequest) -> Reply:
        asked.append(request)
        return Reply(200, {}, b"{}")

    async def way(facts: SignIn, credential: Credential, ask: Ask) -> Renewed:
        await ask(HttpRequest("POST", "https://example.org", {}))
        error = left.pop(0)
        if error is not None:
            raise error
        return RENEWED

    facts_of = shipped_sign_ins().__getitem__
    exchange = Exchange({"claude-oauth": way}, facts_of, ask, FakeClock(), proxy_of=lambda provider: proxy)
    return exchange, asked


BROKEN = Fault("upstream_broken", "it broke")
LOST = TokenTrouble("transient", "502", unknown=True)
DEAD = TokenTrouble("dead", "invalid_grant")
BUSY = TokenTrouble("transient", "429", 30.0)


@pytest.mark.parametrize(
    ("errors", "requests", "result"),
    [
        ((None,), 1, RENEWED),
        ((BROKEN, None), 2, RENEWED),
        ((LOST, None), 2, RENEWED),
        ((BROKEN, BROKEN), 2, Failed(trouble="transient", message="it broke", lost=True)),
        ((BROKEN, DEAD), 2, Failed(trouble="dead", message="invalid_grant", lost=True)),
        ((BROKEN, BUSY), 2, Failed(trouble="transient", message="429", retry_after=30.0, lost=True)),
        ((DEAD,), 1, Failed(trouble="dead", message="invalid_grant")),
        ((BUSY,), 1, Failed(trouble="transient", message="429", retry_after=30.0)),
    ],
)
async def test_only_a_lost_answer_is_asked_for_again_and_once(
    errors: tuple[Exception | None, ...], requests: int, result: Renewed | Failed
) -> None:
    exchange, asked = failing(*errors)
    assert await exchange.renewed(ACCOUNT) == result
    assert len(asked) == requests


@pytest.mark.parametrize("own", [None, "http://own.example:3128"])
@pytest.mark.parametrize("of_provider", [None, "http://provider.example:3128"])
async def test_the_accounts_own_proxy_is_used_else_its_providers(own: str | None, of_provider: str | None) -> None:
    exchange, asked = failing(None, proxy=of_provider)
    await exchange.renewed(replace(ACCOUNT, proxy=own))
    assert [request.proxy for request in asked] == [own or of_provider]


async def test_the_reason_of_a_failure_repeats_no_token_and_no_secret_of_the_client() -> None:
    account = replace(ACCOUNT, refresh=Secret("rt-canary-one"), secrets={"id_token": Secret("id-canary-two")})
    facts = replace(shipped_sign_ins()["gemini-cli"], client_secret="client-canary")
    pair = base64.b64encode(f"{facts.client_id}:client-canary".encode()).decode()
    words = f"rt-canary-one id-canary-two client-canary Basic {pair}"
    for error in (TokenTrouble("dead", words), Fault("upstream_broken", words)):

        async def way(facts: SignIn, credential: Credential, ask: Ask, error: Exception = error) -> Renewed:
            raise error

        async def ask(request: HttpRequest) -> Reply:
            raise AssertionError(request)

        failed = await Exchange({"claude-oauth": way}, lambda _: facts, ask, FakeClock()).renewed(account)
        assert isinstance(failed, Failed)
        assert failed.message == "*** *** *** Basic ***"


@given(st.text())
def test_words_of_a_provider_are_cut_between_words_and_on_one_line(words: str) -> None:
    kept = shortened(words, 20)
    assert len(kept) <= 20 and (kept.isprintable() or not kept)
    printable = "".join(letter if letter.isprintable() else " " for letter in words)
    assert printable == kept or printable.startswith(f"{kept} ") or not kept


def test_it_knows_what_it_has_a_way_for() -> None:
    exchange, _ = failing()
    assert exchange.knows("claude-oauth")
    assert not exchange.knows("ctonew")
