"""One account over the management API: does it answer, forget what calls met, and a call of one's own with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from router.accounts.record import Account
from router.api.accounts import AccountViews
from router.api.manage.operation import Asked, Operation, Refused
from router.api.manage.probe import probe, target
from router.faults import Fault
from router.gateway import Gateway
from router.net.message import Timeouts
from router.observe.redact import redact
from router.providers.config import ProviderConfig
from router.providers.free_calls import State
from router.providers.raw_call import PATH
from router.settings.provider_names import SIGN_INS
from router.settings.sign_in_blocks import facts_of

LONGEST = 256 * 1024
"""Bytes of an answer that are given back."""
_SPARE = 16 * 1024
"""Bytes behind it that are read too: a secret that is cut in two could not be recognised."""
WITHIN = 60.0
_TIMEOUTS = Timeouts(connect=10.0, head=WITHIN, idle=30.0)


class Probe(Struct, forbid_unknown_fields=True):
    """model: to ask for; without one the cheapest that is listed."""

    model: Annotated[str, Meta(min_length=1, max_length=200)] | None = None


class Probed(Struct, frozen=True):
    """text: the result in words. kind: of the fault, "" where it answered. status: of the provider, where it refused.
    state: of the account, which a probe does not change."""

    account: str
    model: str
    ok: bool
    text: str
    kind: str
    status: int | None
    seconds: float
    state: str


class Checked(Struct, frozen=True):
    """state: what the provider says of the credential. text: the same in words. models: how many it lists, None where
    no list was read. status: of the provider. retry_after: seconds, where it said. kind: of the fault, "" where there
    was none."""

    account: str
    state: State
    text: str
    models: int | None
    status: int | None
    retry_after: float | None
    kind: str


class Reset(Struct, frozen=True):
    """state: of the account afterwards: what its keeper knows (a missing sign-in) stays."""

    account: str
    state: str
    text: str


class RawCall(Struct, forbid_unknown_fields=True):
    """path: at the account's own origin, with its query. body: JSON, where there is one."""

    path: Annotated[str, Meta(pattern=PATH, max_length=4096)]
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    body: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Answered(Struct, frozen=True):
    """status: of the provider. body: secrets masked. cut: there was more of it."""

    status: int
    content_type: str
    body: str
    cut: bool


class AccountDesk:
    """audit: takes who, what and which."""

    def __init__(self, gateway: Gateway, views: AccountViews, audit: Callable[[str, str, str], None]) -> None:
        self._gateway = gateway
        self._views = views
        self._audit = audit

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="POST", path="/accounts/{id:path}/probe", need="operator", name="account_probe", body=Probe,
                answer=Probed, handler=self.probe, audited=True,
                summary="One short call with this very account, which may cost a few tokens: does it answer?",
            ),
            Operation(
                method="POST", path="/accounts/{id:path}/check", need="operator", name="account_check", answer=Checked,
                handler=self.check, audited=True,
                summary="A call that costs nothing: does the provider take this account's key or sign-in?",
            ),
            Operation(
                method="POST", path="/accounts/{id:path}/reset", need="operator", name="account_reset", answer=Reset,
                handler=self.reset, audited=True,
                summary="Forget what calls met with this account: it may serve again at once.",
            ),
            Operation(
                method="POST", path="/accounts/{id:path}/call", need="admin", name="account_call", body=RawCall,
                answer=Answered, handler=self.call, size=LONGEST,
                summary="A call of one's own with the account's credential, to its own origin only.",
            ),
        ]  # fmt: skip

    async def probe(self, asked: Asked) -> Probed:
        wanted: Probe = asked.body
        provider, account = self._serving(asked.path["id"])
        gateway = self._gateway
        try:
            chosen = target(gateway.current, provider, account, wanted.model)
        except Fault as fault:
            raise Refused(fault.http_status if fault.http_status < 500 else 503, fault.message) from None
        if chosen is None:
            raise Refused(409, f"No model of {provider.id} is listed that {account.id} may serve: give `model`.")
        found = await probe(gateway, asked.who.key, provider, account, chosen)
        resting = gateway.health.resting(account.id)
        failure = found.fault
        text = f"{account.id} answered with {found.model} in {found.seconds:.1f} s."
        if failure is not None:
            text = f"{account.id} did not answer with {found.model}: {failure.message}"
        elif resting is not None:
            text += f" It rests all the same ({resting.cause or resting.state}): reset it to have it serve at once."
        return Probed(
            account=account.id,
            model=found.model,
            ok=failure is None,
            text=text,
            kind="" if failure is None else failure.kind,
            status=None if failure is None else failure.status,
            seconds=round(found.seconds, 3),
            state=resting.state if resting is not None else "ready",
        )

    async def check(self, asked: Asked) -> Checked:
        provider, account = self._serving(asked.path["id"])
        usage_url = None
        if provider.id in SIGN_INS:
            usage_url = facts_of(self._gateway.current.settings.providers, provider.id).upstream.usage_url
        found = await self._gateway.free_check.look(provider, account, usage_url)
        return Checked(
            account=account.id,
            state=found.state,
            text=redact(found.text),
            models=found.models,
            status=found.status,
            retry_after=found.retry_after,
            kind=found.kind,
        )

    async def reset(self, asked: Asked) -> Reset:
        name = asked.path["id"]
        if self._views.one(name) is None:
            raise _unknown(name)
        health = self._gateway.health
        health.forget(name)
        resting = health.resting(name)
        if resting is None:
            return Reset(name, "ready", f"What calls met with {name} is forgotten.")
        return Reset(name, resting.state, f"What calls met with {name} is forgotten, but: {resting.cause}")

    async def call(self, asked: Asked) -> Answered:
        wanted: RawCall = asked.body
        provider, account = self._serving(asked.path["id"])
        body = b"" if isinstance(wanted.body, msgspec.UnsetType) else bytes(wanted.body)
        place = wanted.path.partition("?")[0]
        self._audit(asked.who.key.name, f"account_call {wanted.method} {place}", account.id)  # also where it fails
        try:
            async with asyncio.timeout(WITHIN):
                return await self._raw(provider, account, wanted, body)
        except TimeoutError:
            raise Refused(503, f"There was no whole answer within {WITHIN:g} seconds.") from None
        except Fault as fault:
            raise Refused(fault.http_status if fault.http_status < 500 else 503, fault.message) from None

    async def _raw(self, provider: ProviderConfig, account: Account, wanted: RawCall, body: bytes) -> Answered:
        runner = self._gateway.runner
        response, hidden = await runner.send_raw(provider, account, wanted.method, wanted.path, body, _TIMEOUTS)
        with closing(response):
            parts: list[bytes] = []
            size = 0
            async for chunk in response.chunks():
                parts.append(chunk)
                size += len(chunk)
                if size > LONGEST + _SPARE:
                    break
        data = hidden.data(b"".join(parts))  # before anything of it is cut
        return Answered(
            status=response.status,
            content_type=hidden.text(response.headers.get("content-type", ""))[:200],
            body=redact(data[:LONGEST].decode("utf-8", "replace")),
            cut=size > LONGEST,
        )

    def _serving(self, name: str) -> tuple[ProviderConfig, Account]:
        for provider in self._gateway.current.providers.values():
            for account in provider.accounts:
                if account.id == name:
                    return provider, account
        seen: dict[str, Any] | None = self._views.one(name)
        if seen is None:
            raise _unknown(name)
        raise Refused(409, f"{name} serves nothing: {seen['reason'] or seen['state']}.")


def _unknown(name: str) -> Refused:
    return Refused(404, f"There is no account {name[:200]!r}; GET /accounts lists them.")
