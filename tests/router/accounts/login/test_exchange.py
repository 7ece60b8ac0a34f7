"""The last step of a sign-in, where others take it at the same moment."""

from __future__ import annotations

import asyncio

from router.accounts.asking import Ask, Reply
from router.accounts.credential import Credential
from router.accounts.login.exchange import Exchange, Failed
from router.accounts.login.flows import Flow
from router.accounts.oauth import Tokens
from router.clock import FakeClock
from router.net.message import HttpRequest
from router.secret import Secret
from router.settings.sign_ins import shipped_sign_ins

FACTS = shipped_sign_ins()["claude-oauth"]
FLOW = Flow(id="x", provider="claude-oauth", kind="code", label="work", created_at=0.0, expires_at=1.0)


class Slow:
    """Accounts whose saving takes a turn of the event loop."""

    def __init__(self) -> None:
        self.saved: dict[str, Credential] = {}

    def credentials(self) -> list[Credential]:
        return list(self.saved.values())

    async def save(self, credential: Credential, who: str) -> Credential:
        await asyncio.sleep(0)
        self.saved[credential.id] = credential
        return credential


def tokens_of(name: str) -> Tokens:
    account = {"uuid": f"acc-{name}", "email_address": f"{name}@example.org"}
    return Tokens(
        access=Secret(f"at-{name}"), refresh=Secret(f"rt-{name}"), expires_at=9.0, answer={"account": account}
    )


async def test_two_people_who_sign_in_at_once_do_not_overwrite_each_other_under_one_label() -> None:
    def ask_for(provider: str) -> Ask:
        async def ask(request: HttpRequest) -> Reply:
            raise AssertionError(request)

        return ask

    accounts = Slow()
    exchange = Exchange(ask_for=ask_for, accounts=accounts, clock=FakeClock(), wait=asyncio.sleep, first={})
    ends = await asyncio.gather(
        *(exchange.tokens(FACTS, FLOW, tokens_of(name)) for name in ("ann", "bob")), return_exceptions=True
    )
    assert isinstance(ends[0], Credential) and isinstance(ends[1], Failed)
    assert "belongs to another account" in str(ends[1])
    assert accounts.saved["claude-oauth/work"].refresh.reveal() == "rt-ann"
