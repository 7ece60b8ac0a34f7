"""Sends one upstream call and looks at the head of its answer. Shared by all providers; never retries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias
from weakref import WeakKeyDictionary

from msgspec.structs import replace

from router.accounts.record import Account
from router.call import Call, Limits
from router.faults import Fault
from router.hidden import Hidden, passwords
from router.net.client import Net
from router.net.message import HttpRequest, Response, Timeouts
from router.providers.config import Kind, ProviderConfig
from router.providers.credentials import Credentials
from router.providers.executor import FORWARDED, Operation, Outgoing, build, rules_of
from router.providers.protocol import ProtocolRules, said_in
from router.providers.raw_call import aimed
from router.routing.plan import Candidate
from router.secret import Secret
from router.trace import Trace
from router.wire import codec
from router.wire.conversation import JsonObject
from router.wire.dialect import DialectSpec
from router.wire.dialects import DIALECTS

Heard: TypeAlias = Callable[[Account, Mapping[str, str]], None]
"""Takes the headers (lower-case names) of an answer that an account got, good or bad."""


class Relay(Protocol):
    """The way to providers that are reached through a service (`router.relay.hub.Hub`)."""

    async def send(self, account: str, request: HttpRequest, timeouts: Timeouts) -> Response:
        """Send and wait for the head. Raises `Fault`."""
        ...


RELAYED: frozenset[Kind] = frozenset({"aistudio"})
"""Kinds whose accounts are services that have connected to this router."""


class Sender:
    """Sends with the credential of this moment. heard: is told of every answer: limits and windows stand there."""

    def __init__(
        self, net: Net, credentials: Credentials, heard: Heard | None = None, relay: Relay | None = None
    ) -> None:
        self._net = net
        self._credentials = credentials
        self._heard = heard
        self._relay = relay
        self._rejected: WeakKeyDictionary[Fault, Secret] = WeakKeyDictionary()

    async def renew(self, account: Account, fault: Fault) -> bool:
        """Whether another secret is there now for an account whose own was not taken, as `fault` (of `send`, or of
        `Runner.open`) says. False for every other fault, and where there is none to be had. Raises `Fault` as a renewal
        does."""
        rejected = self._rejected.get(fault)
        return rejected is not None and await self._credentials.renew(account, rejected)

    async def send(
        self,
        call: Call,
        candidate: Candidate,
        provider: ProviderConfig,
        account: Account,
        limits: Limits,
        *,
        body: bytes,
        stream: bool,
        operation: Operation,
        sent: Callable[[], None],
        betas: tuple[str, ...] = (),
        judge: Judge | None = None,
        left: Callable[[], None] | None = None,
    ) -> Response:
        """Send to the provider's base URLs in order until one can be reached. Raises `Fault` for every bad answer.

        body: with the candidate's name of the model; the account's own name for it goes out. betas: of Anthropic, that
        the body needs beside those that the caller names. judge: of faults inside the answer; learns what to hide.
        sent: is called when the request is ready. left: when something of it goes out, which takes a connection.
        """
        access = await self._credentials.resolve(provider, account)
        hidden = sent_with(provider, account, access.secret, self._net.passwords)
        if judge is not None:
            judge.hidden = hidden
        rules, model = rules_of(provider.kind), account.upstream(candidate.model)
        if model != candidate.model:
            body = renamed(body, candidate.model, model)
        headers = _headers(call, candidate, betas)
        timeouts = _timeouts(candidate, limits, stream=stream, generates=operation == "generate")
        unreachable: Fault | None = None
        for base_url in provider.base_urls:
            outgoing = Outgoing(
                operation=operation,
                dialect=candidate.dialect,
                model=model,
                stream=stream,
                body=body,
                base_url=base_url,
                credential=access.secret,
                headers=headers,
                facts=access.facts,
            )
            request = replace(build(provider, account, outgoing), left=left)
            sent()
            try:
                response = await self._heard_by(call.trace, provider, account, request, timeouts, hidden)
            except Fault as fault:
                if len(provider.base_urls) == 1 or fault.kind == "timeout":
                    raise
                unreachable = fault
                continue
            if self._heard is not None:
                self._heard(account, response.headers)
            try:
                await _check(response, DIALECTS[candidate.dialect], stream, rules, hidden)
            except Fault as fault:
                raise self.rejected(fault, access.secret, hidden) from None
            return response
        raise unreachable or Fault("unavailable", f"The provider {provider.id} has no base URL.")

    async def send_raw(
        self, provider: ProviderConfig, account: Account, method: str, path: str, body: bytes, timeouts: Timeouts
    ) -> tuple[Response, Hidden]:
        """Send what an operator wrote to the account's own origin (`router.providers.raw_call`); the answer whatever
        its status, and what must be taken out of it. Raises `Fault`."""
        access = await self._credentials.resolve(provider, account)
        request = aimed(provider, account, access, method, path, body)
        return await self._net.send(request, timeouts), sent_with(provider, account, access.secret)

    async def _heard_by(
        self,
        trace: Trace | None,
        provider: ProviderConfig,
        account: Account,
        request: HttpRequest,
        timeouts: Timeouts,
        hidden: Hidden,
    ) -> Response:
        """Carry the request; a call that is recorded hears both ways."""
        if trace is None:
            return await self._carry(provider, account, request, timeouts)
        kept = trace.sending(provider.id, account.id, request, hidden)
        try:
            return kept.answered(await self._carry(provider, account, request, timeouts))
        except Fault as fault:
            kept.fault = fault
            raise

    async def _carry(
        self, provider: ProviderConfig, account: Account, request: HttpRequest, timeouts: Timeouts
    ) -> Response:
        if provider.kind not in RELAYED:
            return await self._net.send(request, timeouts)
        if request.left is not None:
            request.left()
        if self._relay is None:
            raise Fault("unavailable", f"No service of {provider.id} can be reached from here.")
        return await self._relay.send(account.id, request, timeouts)

    def rejected(self, fault: Fault, credential: Secret, hidden: Hidden) -> Fault:
        """The fault without what was sent, which some servers quote in their errors; the credential is remembered
        beside it, where it was not taken."""
        if fault.kind == "upstream_auth":
            self._rejected[fault] = credential
        return hidden.fault(fault)


class Judge:
    """Sees the faults inside one answer as the protocol means them, without what was sent to get it."""

    def __init__(self, rules: ProtocolRules) -> None:
        self._rules = rules
        self.hidden = Hidden()

    def __call__(self, fault: Fault) -> Fault:
        return self.hidden.fault(self._rules.judge(fault))


def sent_with(provider: ProviderConfig, account: Account, credential: Secret, general: tuple[str, ...] = ()) -> Hidden:
    """What is sent and must not be repeated: the credential, the headers of the settings, the password of the proxy.
    general: those of the proxies that count for all."""
    proxy = account.proxy or provider.proxy
    return Hidden(credential, *provider.headers.values(), *passwords(proxy), *general)


def renamed(body: bytes, old: str, new: str) -> bytes:
    """A request body with another name of its model, in every place where a dialect says it."""
    changes: JsonObject = {}
    if codec.top_level(body, "model") == old:
        changes["model"] = new
    for key in ("generateContentRequest", "requests"):  # of Gemini: what is counted, what is embedded
        inner = codec.top_level(body, key)
        if isinstance(inner, dict) and "model" in inner:
            changes[key] = {**inner, "model": f"models/{new}"}
        elif isinstance(inner, list):
            changes[key] = [
                {**each, "model": f"models/{new}"} if isinstance(each, dict) and "model" in each else each
                for each in inner
            ]
    return codec.replace_top_level(body, changes) if changes else body


def _headers(call: Call, candidate: Candidate, betas: tuple[str, ...]) -> dict[str, str]:
    """The caller's headers that may go on, where the provider is spoken to in the caller's dialect."""
    allowed = FORWARDED[candidate.dialect] if candidate.dialect == call.dialect else ()
    headers = {name: call.headers[name] for name in allowed if name in call.headers}
    if betas:
        named = [beta.strip() for beta in headers.get("anthropic-beta", "").split(",") if beta.strip()]
        headers["anthropic-beta"] = ",".join(dict.fromkeys((*named, *betas)))
    return headers


def _timeouts(candidate: Candidate, limits: Limits, *, stream: bool, generates: bool) -> Timeouts:
    patient = candidate.capabilities.slow or not stream
    head = limits.slow_first_token if patient else limits.first_token
    return Timeouts(
        connect=limits.connect,
        head=None if generates else head,  # the attempt's own limit holds
        idle=max(limits.idle, head) if not stream else limits.idle,
    )


async def _check(response: Response, spec: DialectSpec, stream: bool, rules: ProtocolRules, hidden: Hidden) -> None:
    """Raise the fault of an answer that is not a success, or that cannot be what was asked for."""
    status, kind = response.status, response.headers.get("content-type", "")
    if (
        200 <= status < 300
        and not kind.startswith("text/html")
        and not (stream and kind.startswith("application/json"))
    ):
        return
    try:
        body = hidden.data(await response.read_some())  # before anything of it is cut
    finally:
        response.close()
    if 300 <= status < 400:
        raise Fault(
            "upstream_broken", "The provider answered with a redirect: its base URL is probably wrong.", status=status
        )
    if 200 <= status < 300 and stream and kind.startswith("application/json"):
        fault = spec.read_fault(500, response.headers, body)
        raise Fault("upstream_broken", f"The provider sent no stream: {fault.message}", status=status)
    fault = spec.read_fault(status if status >= 300 else 502, response.headers, body)
    raise rules.judge(fault, said_in(body))
