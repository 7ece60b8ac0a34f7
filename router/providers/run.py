"""Opens one attempt: body, request, send, status check, lane. Shared by all providers; never retries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from router.accounts.record import Account
from router.call import Call, Limits
from router.faults import Fault, bad_request
from router.models.prepare import prepare
from router.net.client import Net
from router.policies.payload import NOTE, Payload, changed, changed_bytes
from router.providers.config import Kind, ProviderConfig
from router.providers.credentials import Credentials
from router.providers.executor import rules_of
from router.providers.frames import HttpEvents
from router.providers.lanes import Lane, RawReply, RawStream, Typed, TypedReply
from router.providers.observed import Observed
from router.providers.protocol import PLAIN, fitted, fitted_bytes, told_by
from router.providers.raw_body import RawBody, raw_body
from router.providers.sending import Heard, Judge, Relay, Sender, sent_with
from router.providers.sources import Demo, OpenSource
from router.routing.affinity import Digest, without
from router.routing.plan import Candidate, Plan
from router.wire import codec
from router.wire.conversation import Conversation
from router.wire.delivered import Delivered
from router.wire.dialect import DialectSpec, ReplyContext
from router.wire.dialects import DIALECTS
from router.wire.notes import refuse_if_strict
from router.wire.written import Note, Undo, Written

THINKING = Note("policy", "thinking")
"""That the operator's word about thinking counted, and not the caller's."""


class Opened(Struct, frozen=True, kw_only=True):
    """An attempt whose head has arrived with a success."""

    lane: Lane
    name: str  # raw | translated
    notes: tuple[Note, ...] = ()


class _One(Struct, frozen=True):
    """One attempt, as `Runner.open` was told of it."""

    call: Call
    spec: DialectSpec
    plan: Plan
    candidate: Candidate
    provider: ProviderConfig
    account: Account
    limits: Limits
    sent: Callable[[], None]
    foreign: frozenset[Digest]
    left: Callable[[], None] | None


class Runner(Sender):
    """Everything an attempt needs from outside. sources: providers that give events, beside the demo."""

    def __init__(
        self,
        net: Net,
        credentials: Credentials,
        *,
        sources: Mapping[Kind, OpenSource] | None = None,
        heard: Heard | None = None,
        relay: Relay | None = None,
    ) -> None:
        super().__init__(net, credentials, heard, relay)
        self._sources: dict[Kind, OpenSource] = {"demo": Demo().open, **(sources or {})}

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
        left: Callable[[], None] | None = None,
    ) -> Opened:
        """Send one attempt and give its lane. sent: is called when the request is ready to leave. foreign: opaque items
        that other accounts made, which are left out. left: is called when something of it goes out. Raises `Fault`."""
        spec = call.spec or DIALECTS[call.dialect]
        one = _One(call, spec, plan, candidate, provider, account, limits, sent, foreign, left)
        if plan.wish is not None and candidate.capabilities.thinking != "none":
            wanted = plan.wish.at(account.thinking)
            if wanted is not None:
                opened = await self._open(replace(one, plan=replace(plan, reasoning=wanted)))
                return replace(opened, notes=(THINKING, *opened.notes))
        return await self._open(one)

    async def _open(self, one: _One) -> Opened:
        call, candidate, foreign = one.call, one.candidate, one.foreign
        opener = self._sources.get(one.provider.kind)
        if opener is not None:
            return await self._open_source(opener, one)
        rules = rules_of(one.provider.kind)
        raw = raw_body(call, one.plan, candidate) if not foreign and (call.stream or not rules.streams_only) else None
        if raw is not None:
            return await self._open_raw(raw, one)
        call = with_conversation(call, one.spec)
        conversation = _conversation(call, one)
        if call.trace is not None:
            call.trace.neutral = conversation
        written = prepare(without(conversation, foreign), candidate.capabilities, DIALECTS[candidate.dialect])
        if foreign:
            written = replace(written, notes=(*written.notes, Note("dropped", "opaque")))
        written = fitted(written, rules)
        refuse_if_strict(written.notes, strict=call.strict)
        wanted = changed(written.body, payload_for(call, one.plan, candidate))
        if wanted is not written.body:
            written = replace(written, body=wanted, notes=(NOTE, *written.notes))
        judge = Judge(rules)
        response = await self.send(
            call,
            candidate,
            one.provider,
            one.account,
            one.limits,
            body=codec.dumps(written.body),
            stream=True,
            operation="generate",
            sent=one.sent,
            left=one.left,
            betas=_betas(candidate, written),
            judge=judge,
        )
        written = replace(written, notes=(*written.notes, *told_by(rules, response.headers)))
        observed = Observed(judge)
        reader = DIALECTS[candidate.dialect].stream_reader(candidate.capabilities)
        source = HttpEvents(response, reader, observed, one.limits.content_stall, rules.unwrap)
        return Opened(
            lane=_typed(call, one.spec, source, observed, written.undo, candidate.capabilities.family),
            name="translated",
            notes=written.notes,
        )

    async def _open_raw(self, raw: RawBody, one: _One) -> Opened:
        call, spec, candidate = one.call, one.spec, one.candidate
        rules, payload = rules_of(one.provider.kind), payload_for(call, one.plan, candidate)
        body, notes = fitted_bytes(raw.body, rules)
        refuse_if_strict(notes, strict=call.strict)
        if payload and (wanted := changed_bytes(body, payload)) is not body:
            body, notes = wanted, (NOTE, *notes)
        judge = Judge(rules)
        response = await self.send(
            call,
            candidate,
            one.provider,
            one.account,
            one.limits,
            body=body,
            stream=call.stream,
            operation="generate",
            sent=one.sent,
            left=one.left,
            judge=judge,
        )
        shown, capabilities, observed = call.asked, candidate.capabilities, Observed(judge)
        lane: Lane
        if call.stream:
            stall = one.limits.content_stall
            lane = RawStream(
                response,
                spec,
                capabilities,
                observed,
                shown=shown,
                stall=stall,
                drop=raw.drop,
                unwrap=rules.unwrap,
                delivered=_kept(call),
            )
        else:
            lane = RawReply(response, spec, capabilities, observed, shown=shown, unwrap=rules.unwrap)
        return Opened(lane=lane, name="raw", notes=(*notes, *told_by(rules, response.headers)))

    async def _open_source(self, opener: OpenSource, one: _One) -> Opened:
        candidate, provider, account, foreign = one.candidate, one.provider, one.account, one.foreign
        call = with_conversation(one.call, one.spec)
        conversation = without(_conversation(call, one), foreign)
        if call.trace is not None:
            call.trace.neutral = conversation
        access = await self._credentials.resolve(provider, account)
        judge = Judge(PLAIN)
        judge.hidden = sent_with(provider, account, access.secret, self._net.passwords)
        one.sent()
        if one.left is not None:
            one.left()
        try:
            source = await opener(call, candidate, provider, account, access, one.limits, conversation)
        except Fault as fault:
            raise self.rejected(fault, access.secret, judge.hidden) from None
        notes = (*source.notes, Note("dropped", "opaque")) if foreign else source.notes
        family = candidate.capabilities.family or provider.kind
        lane = _typed(call, one.spec, source.events, Observed(judge), source.undo, family)
        return Opened(lane=lane, name="translated", notes=notes)


def _conversation(call: Call, one: _One) -> Conversation:
    changes: dict[str, object] = {"model": one.account.upstream(one.candidate.model), "stream": True}
    read = _read(call)
    if one.plan.reasoning is not None:  # how much to think, not whether to show it
        said = read.reasoning
        changes["reasoning"] = replace(one.plan.reasoning, show=said.show, summary=said.summary)
    return replace(read, **changes)


def payload_for(call: Call, plan: Plan, candidate: Candidate) -> Sequence[Payload]:
    """The rules that concern one attempt."""
    return [
        rule
        for rule in plan.payload
        if rule.concerns(
            asked=call.asked,
            key=call.caller.key_name,
            stream=call.stream,
            provider=candidate.provider,
            model=candidate.model,
            dialect=candidate.dialect,
        )
    ]


def _read(call: Call) -> Conversation:
    if call.conversation is None:
        raise Fault("internal", "A translated attempt was planned for a request that was not read.")
    return call.conversation


def with_conversation(call: Call, spec: DialectSpec) -> Call:
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
    return kind(source, spec, context, observed, undo=undo, family=family, delivered=_kept(call))  # type: ignore[arg-type]


def _kept(call: Call) -> Delivered | None:
    """Where what goes out is kept, if somebody may have to go on behind it."""
    return Delivered() if call.stream and call.resume != "error" else None


_BETAS = {"web_fetch_20250910": "web-fetch-2025-09-10"}
"""Tools of Anthropic that need a beta (https://docs.claude.com/en/docs/agents-and-tools/tool-use/web-fetch-tool)."""


def _betas(candidate: Candidate, written: Written) -> tuple[str, ...]:
    if candidate.dialect != "messages":
        return ()
    types = [tool.get("type") for tool in written.body.get("tools", ()) if isinstance(tool, dict)]
    return tuple(beta for kind, beta in _BETAS.items() if kind in types)
