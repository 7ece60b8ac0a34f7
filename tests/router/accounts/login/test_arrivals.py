"""What an account is called, and what stays of it when its person signs in again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from router.accounts.credential import Credential
from router.accounts.labels import label_problem
from router.accounts.login.arrivals import Identity, LabelTaken, credential, ours, renewed, settled
from router.accounts.oauth import Tokens
from router.accounts.renewal import Renewed
from router.secret import Secret

NOW = 1_800_000_000.0
TOKENS = Tokens(access=Secret("at"), refresh=Secret("rt"), expires_at=NOW + 60, answer={"expires_in": 60})


def made(identity: Identity, **changes: Any) -> Credential:
    return replace(credential("chatgpt-oauth", TOKENS, identity, NOW, made_on_demand=False), **changes)


def who(email: str | None, account: str | None, plan: str | None = None) -> Identity:
    return Identity(email=email, more=plan, facts={"account_id": account} if account else {})


@given(st.builds(Identity, email=st.none() | st.text(), name=st.none() | st.text(), more=st.none() | st.text()))
def test_whatever_a_provider_says_gives_a_label_that_can_be_one(identity: Identity) -> None:
    known: list[Credential] = []
    for number in range(3):
        fresh = replace(made(identity), facts={"account_id": str(number)})
        account = settled(fresh, identity, known, None)
        assert label_problem(account.label) is None
        assert account.id not in {one.id for one in known}
        known.append(account)


def test_one_address_with_two_plans_is_two_accounts() -> None:
    first, second = who("Ada@Example.org", "acc-1", "plus"), who("Ada@Example.org", "acc-2", "team")
    one = settled(made(first), first, [], None)
    other = settled(made(second), second, [one], None)
    assert (one.label, other.label) == ("ada@example.org", "ada@example.org-team")
    again = settled(made(second), second, [one, other], None)
    assert again.label == other.label


def test_an_account_without_a_name_replaces_the_one_of_that_name() -> None:
    nobody = who(None, None)
    one = settled(made(nobody), nobody, [], None)
    again = settled(made(nobody, access=Secret("new")), nobody, [replace(one, priority=7)], None)
    assert (again.label, again.priority, again.access) == ("default", 7, Secret("new"))


def test_a_label_that_was_renamed_stays() -> None:
    ada = who("ada@example.org", "acc-1")
    known = replace(made(ada), label="work", disabled=True, unknown={"note": "mine"}, created_at=1.0)
    for chosen in (None, "home"):
        again = settled(made(ada), ada, [known], chosen)
        assert (again.label, again.disabled, again.unknown, again.created_at) == ("work", True, {"note": "mine"}, 1.0)


@pytest.mark.parametrize("chosen", ["work", "WORK"])
def test_another_accounts_label_is_refused(chosen: str) -> None:
    bob = who("bob@example.org", "acc-2")
    known = replace(made(who("ada@example.org", "acc-1")), label="work")
    with pytest.raises(LabelTaken, match=chosen):
        settled(made(bob), bob, [known], chosen)


def test_only_our_own_accounts_of_the_provider_are_replaced() -> None:
    ada = made(who("ada@example.org", "acc-1"))
    found, other = replace(ada, owner="found"), replace(ada, provider="kimi-oauth")
    assert ours([found, other, ada], "chatgpt-oauth") == [ada]


def test_what_is_made_on_demand_keeps_what_it_is_made_of() -> None:
    tokens = Tokens(access=Secret("ghu"), expires_at=NOW + 600)
    account = credential("copilot", tokens, Identity(name="ada"), NOW, made_on_demand=True)
    assert (account.refresh, bool(account.access), account.expires_at) == (Secret("ghu"), False, None)
    passing = Renewed(access=Secret("short"), expires_at=NOW + 1, facts={"base_url": "x"}, persist=False)
    assert renewed(account, passing) == replace(account, facts={"base_url": "x"})
    lasting = Renewed(access=Secret("jwt"), expires_at=NOW + 1, refresh=Secret("next"))
    assert renewed(account, lasting) == replace(
        account, access=Secret("jwt"), expires_at=NOW + 1, refresh=Secret("next")
    )


def test_a_token_without_an_end_and_without_a_successor_is_not_said_to_end() -> None:
    tokens = Tokens(access=Secret("at"), expires_at=NOW + 600)
    assert credential("claude-oauth", tokens, Identity(), NOW, made_on_demand=False).expires_at is None
