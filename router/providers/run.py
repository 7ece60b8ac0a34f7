"""Opens one attempt: body, request, send, status check, lane. Shared by all providers; never retries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from weakref import WeakKeyDictionary

from msgspec import Struct
from msgspec.structs import replace

from router.accounts.record import Account
from router.call import Call, Limits
from router.faults import Fault, bad_request
from router.models.prepare import prepare
from router.net.client import HttpResponse, Net
from router.net.message import Timeouts
from router.providers.config import Kind, ProviderConfig
from router.providers.credentials import Credentials
from router.providers.executor import FORWARDED, Operation, Outgoing, build
from router.providers.frames import HttpEvents
from router.providers.lanes import Lane, RawReply, RawStream, Typed, TypedReply
from router.providers.observed import Observed
from router.providers.raw_body import raw_body
from router.providers.sources import SOURCES, OpenSource
from router.routing.affinity import Digest, without
from router.routing.plan import Candidate, Plan
from router.secret import Secret
from router.wire import codec, sse
from router.wire.conversation import Conversation
from router.wire.dialect import DialectSpec, ReplyContext
from router.wire.dialects import DIALECTS
from router.wire.notes import refuse_if_strict
from router.wire.written import Note, Undo, Written


class Opened(Struct, frozen=True, kw_only=True):
    """An attempt whose head has arrived with a success."""

    lane: Lane
    name: str  # raw | translated
    notes: tuple[Note, ...] = ()


def _unheard(account: Account, headers: Mapping[str, str]) -> None:
    """Nobody wants to know."""


class Runner:
    """Everything an attempt needs from outside.

    sources: providers that give events, beside the shipped ones. heard: told the headers (lower-case names) of every
    answer that an account got, good or bad: limits and windows stand there.
    """

    def __init__(
        self,
        net: Net,
        credentials: Credentials,
        *,
        sources: Mapping[Kind, OpenSource] | None = None,
        heard: Callable[[Account, Mapping[str, str]], None] = _unheard,
    ) -> None:
        self._net = net
        self._credentials = credentials
        self._sources = {**SOURCES, **(sources or {})}
        self._heard = heard
        self._rejected: WeakKeyDictionary[Fault, Secret] = WeakKeyDictionary()

    async def renew(self, account: Account, fault: Fault) -> bool:
        """Whether another secret is there now for an account whose own was not taken, as `fault` (of `open` or `send`)
        says. False for every other fault, and where there is none to be had. Raises `Fault` as a renewal does."""
        rejected = self._rejected.get(fault)
        return rejected is not None and await self._credentials.renew(account, rejected)

    async def open(
        self,
        call: Call,
        plan: Plan,
        candidate: Candidate,
        provider: ProviderConfig,
        account: Account,
        limits: Limits,
        sent: Callable[[], None],
        foreign: frozenset[Digest] = frozenset(),
    ) -> Opened:
        """Send one attempt and give its lane. `sent` is called when the request leaves. foreign: opaque items that
        other accounts made, which are left out. Raises `Fault`."""
        spec = call.spec or DIALECTS[call.dialect]
        opener = self._sources.get(provider.kind)
        if opener is not None:
            return await self._open_source(opener, call, plan, candidate, provider, account, limits, sent, foreign)
        raw = raw_body(call, plan, candidate) if not foreign else None
        written = Written({})
        betas: tuple[str, ...] = ()
        if raw is not None:
            body, stream = raw.body, call.stream
        else:
            call = _with_conversation(call, spec)
            conversation = self._conversation(call, plan, candidate, account)
            written = prepare(without(conversation, foreign), candidate.capabilities, DIALECTS[candidate.dialect])
            if foreign:
                written = replace(written, notes=(*written.notes, Note("dropped", "opaque")))
            refuse_if_strict(written.notes, strict=call.strict)
            body, stream, betas = codec.dumps(written.body), True, _betas(candidate, written)
        response = await self.send(
            call,
            candidate,
            provider,
            account,
            limits,
            body=body,
            stream=stream,
            operation="generate",
            sent=sent,
            betas=betas,
        )
        if raw is not None:
            lane: Lane = _raw_lane(response, spec, candidate, call, raw.drop, limits.content_stall)
            return Opened(lane=lane, name="raw")
        observed = Observed()
        reader = DIALECTS[candidate.dialect].stream_reader(candidate.capabilities)
        source = HttpEvents(response, reader, observed, limits.content_stall)
        return Opened(
            lane=_typed(call, spec, source, observed, written.undo, candidate.capabilities.family),
            name="translated",
            notes=written.notes,
        )

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
    ) -> HttpResponse:
        """Send to the provider's base URLs in order until one can be reached. Raises `Fault` for every bad answer.

        betas: of Anthropic, that the body needs beside those that the caller names.
        """
        access = await self._credentials.resolve(provider, account)
        allowed = FORWARDED[candidate.dialect] if candidate.dialect == call.dialect else ()
        headers = {name: call.headers[name] for name in allowed if name in call.headers}
        if betas:
            named = [beta.strip() for beta in headers.get("anthropic-beta", "").split(",") if beta.strip()]
            headers["anthropic-beta"] = ",".join(dict.fromkeys((*named, *betas)))
        patient = candidate.capabilities.slow or not stream
        head = limits.slow_first_token if patient else limits.first_token
        timeouts = Timeouts(
            connect=limits.connect,
            head=None if operation == "generate" else head,  # the attempt's own limit holds
            idle=max(limits.idle, head) if not stream else limits.idle,
        )
        unreachable: Fault | None = None
        for base_url in provider.base_urls:
            outgoing = Outgoing(
                operation=operation,
                dialect=candidate.dialect,
                model=candidate.model,
                stream=stream,
                body=body,
                base_url=base_url,
                credential=access.secret,
                headers=headers,
                facts=access.facts,
            )
            request = build(provider, account, outgoing)
            sent()
            try:
                response = await self._net.send(request, timeouts)
            except Fault as fault:
                if len(provider.base_urls) == 1 or fault.kind == "timeout":
                    raise
                unreachable = fault
                continue
            self._heard(account, response.headers)
            try:
                await _check(response, DIALECTS[candidate.dialect], stream)
            except Fault as fault:
                raise self._without(fault, access.secret) from None
            return response
        raise unreachable or Fault("unavailable", f"The provider {provider.id} has no base URL.")

    async def _open_source(
        self,
        opener: OpenSource,
        call: Call,
        plan: Plan,
        candidate: Candidate,
        provider: ProviderConfig,
        account: Account,
        limits: Limits,
        sent: Callable[[], None],
        foreign: frozenset[Digest],
    ) -> Opened:
        spec = call.spec or DIALECTS[call.dialect]
        call = _with_conversation(call, spec)
        conversation = without(self._conversation(call, plan, candidate, account), foreign)
        access = await self._credentials.resolve(provider, account)
        sent()
        try:
            source = await opener(call, candidate, provider, account, access, limits, conversation)
        except Fault as fault:
            raise self._without(fault, access.secret) from None
        notes = (*source.notes, Note("dropped", "opaque")) if foreign else source.notes
        family = candidate.capabilities.family or provider.kind
        lane = _typed(call, spec, source.events, Observed(), source.undo, family)
        return Opened(lane=lane, name="translated", notes=notes)

    def _without(self, fault: Fault, credential: Secret) -> Fault:
        """The fault without the credential: some servers quote in their errors what they were sent."""
        if fault.kind == "upstream_auth":
            self._rejected[fault] = credential
        secret = credential.reveal()
        if len(secret) >= 8:
            fault.message = fault.message.replace(secret, "***")
            if fault.passthrough is not None:
                fault.passthrough = fault.passthrough.replace(secret.encode(), b"***")
        return fault

    def _conversation(self, call: Call, plan: Plan, candidate: Candidate, account: Account) -> Conversation:
        changes: dict[str, object] = {"model": account.upstream(candidate.model), "stream": True}
        read = _read(call)
        if plan.reasoning is not None:  # how much to think, not whether to show it
            said = read.reasoning
            changes["reasoning"] = replace(plan.reasoning, show=said.show, summary=said.summary)
        return replace(read, **changes)


def _read(call: Call) -> Conversation:
    if call.conversation is None:
        raise Fault("internal", "A translated attempt was planned for a request that was not read.")
    return call.conversation


def _with_conversation(call: Call, spec: DialectSpec) -> Call:
    """A call that was to go raw, read after all, as it must be changed. Raises `Fault` bad_request."""
    if call.conversation is not None:
        return call
    try:
        body = codec.loads(call.body)
    except codec.Malformed as error:
        raise bad_request(f"The body is not valid JSON: {error}.") from error
    said = {"model": call.asked, "stream": call.stream} if call.dialect == "gemini" else {}
    return replace(call, conversation=spec.read_request(body, **said))


def context_of(call: Call, conversation: Conversation) -> ReplyContext:
    """What the answer's writer needs."""
    return ReplyContext(
        response_id=call.response_id,
        model=call.asked,
        created=call.created,
        request=conversation,
        thinking_output=call.thinking_output,
    )


def _typed(call: Call, spec: DialectSpec, source: object, observed: Observed, undo: Undo, family: str) -> Lane:
    kind = Typed if call.stream else TypedReply
    context = context_of(call, _read(call))
    return kind(source, spec, context, observed, undo=undo, family=family)  # type: ignore[arg-type]


def _raw_lane(
    response: HttpResponse,
    spec: DialectSpec,
    candidate: Candidate,
    call: Call,
    drop: Callable[[sse.Frame], bool] | None,
    stall: float,
) -> Lane:
    if not call.stream:
        return RawReply(response, spec, candidate.capabilities, shown=call.asked)
    return RawStream(response, spec, candidate.capabilities, shown=call.asked, stall=stall, drop=drop)


_BETAS = {"web_fetch_20250910": "web-fetch-2025-09-10"}
"""Tools of Anthropic that need a beta (https://docs.claude.com/en/docs/agents-and-tools/tool-use/web-fetch-tool)."""


def _betas(candidate: Candidate, written: Written) -> tuple[str, ...]:
    if candidate.dialect != "messages":
        return ()
    types = [tool.get("type") for tool in written.body.get("tools", ()) if isinstance(tool, dict)]
    return tuple(beta for kind, beta in _BETAS.items() if kind in types)


async def _check(response: HttpResponse, spec: DialectSpec, stream: bool) -> None:
    """Raise the fault of an answer that is not a success, or that cannot be what was asked for."""
    status, kind = response.status, response.headers.get("content-type", "")
    if (
        200 <= status < 300
        and not kind.startswith("text/html")
        and not (stream and kind.startswith("application/json"))
    ):
        return
    try:
        body = await response.read_some()
    finally:
        response.close()
    if 300 <= status < 400:
        raise Fault(
            "upstream_broken", "The provider answered with a redirect: its base URL is probably wrong.", status=status
        )
    if 200 <= status < 300 and stream and kind.startswith("application/json"):
        fault = spec.read_fault(500, response.headers, body)
        raise Fault("upstream_broken", f"The provider sent no stream: {fault.message}", status=status)
    raise spec.read_fault(status if status >= 300 else 502, response.headers, body)
