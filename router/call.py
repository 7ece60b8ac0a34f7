"""One client request on its way through the router, and what became of it. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias, get_args

from msgspec import Struct, field

from router.trace import Trace
from router.wire.conversation import Conversation, Dialect
from router.wire.dialect import DialectSpec
from router.wire.events import Usage
from router.wire.written import Note

Resume: TypeAlias = Literal["auto", "continue", "error"]
"""What follows where a streamed answer breaks off (the setting ``retry.resume``): another attempt says the rest where
that can be checked, or also where it can only be supposed; or the fault is told."""
QuotaExceeded: TypeAlias = Literal["next_account", "next_provider", "smaller_model", "fail"]
"""What follows where an account's limit is met (the setting ``routing.quota_exceeded``)."""
Priority: TypeAlias = Literal["interactive", "batch"]
"""Who goes first where calls wait: a person looks at the first, nobody at the second."""
PRIORITIES: tuple[Priority, ...] = get_args(Priority)


class Limits(Struct, frozen=True, kw_only=True):
    """How long and how often one call may be tried. Seconds, except `max_attempts`.

    deadline: no new attempt begins later. first_token: until the first content of an attempt; slow_first_token: for
    models that are known to think long, and for unstreamed answers. idle: between two reads. content_stall: between
    two pieces of content while the connection lives. total: the whole call. grace: before heads and heartbeats; 0 is
    off. resume: what follows a break in the middle. quota_exceeded: who is asked after an account whose limit is met.
    hedge: after how long without content a second target is asked too; "auto" by what was measured. cache: whether
    exact repetitions are answered from memory.
    """

    max_attempts: int = 6
    deadline: float = 120.0
    connect: float = 10.0
    first_token: float = 90.0
    slow_first_token: float = 600.0
    idle: float = 120.0
    content_stall: float = 300.0
    total: float = 3600.0
    grace: float = 20.0
    resume: Resume = "auto"
    heartbeat: float = 10.0
    quota_exceeded: QuotaExceeded = "next_account"
    hedge: float | Literal["off", "auto"] = "off"
    cache: bool = False


class Caller(Struct, frozen=True, kw_only=True):
    """Who asks. key_id, priority: of the client key. client: the user agent's first word, for the record."""

    key_id: str
    key_name: str
    client: str = ""
    address: str = ""
    priority: Priority = "interactive"


class Call(Struct, frozen=True, kw_only=True):
    """One generation request as the edge understood it.

    body: the caller's bytes. headers: the caller's, lower-case, cut to what may be forwarded. asked: the model's name
    as written. pinned: the provider the caller insists on. strict: refuse rather than drop. began: monotonic time.
    created: Unix time. conversation: the body as read, where the typed lane needs it. spec: how the surface answers
    where that is not its dialect's own way (legacy completions). prefer: the account
    that made the stored answer which this call continues. session: what the client calls its session, in a header or,
    where calls are tracked, in its body. resume: what a header of the client wishes, else what the route or the
    settings say. limits: what headers of the client ask for (`router.routing.limits.wishes`). notes: what the
    operator's policies changed of it. trace: hears every stage, where the call is recorded.
    """

    id: str
    dialect: Dialect
    asked: str
    stream: bool
    body: bytes
    caller: Caller
    headers: Mapping[str, str] = {}
    pinned: str | None = None
    strict: bool = False
    began: float = 0.0
    created: int = 0
    conversation: Conversation | None = None
    response_id: str = ""
    thinking_output: str = "reasoning_content"
    spec: DialectSpec | None = None
    prefer: str | None = None
    session: str | None = None
    resume: Resume | None = None
    limits: Mapping[str, float] = {}
    notes: tuple[Note, ...] = ()
    trace: Trace | None = None


class Try(Struct, frozen=True, kw_only=True):
    """One upstream attempt, for the record: which target, with which account, how it went and why.

    usage: what it used, None where it used nothing that is known. cost, worth: micro-USD that are to be paid for it,
    and that it would cost at list prices; None where nobody knows the price. unpriced: what has no known price, so that
    the cost is only a part. why: how the plan came to this target. chosen: why this account, "" where there was no
    other.
    """

    provider: str
    model: str
    account: str
    outcome: str  # "ok", "cancelled", "disagreed", or the kind of the fault
    status: int | None = None
    reason: str = ""
    seconds: float = 0.0
    usage: Usage | None = None
    cost: int | None = None
    worth: int | None = None
    unpriced: tuple[str, ...] = ()
    why: str = ""
    chosen: str = ""


class Record(Struct, kw_only=True):
    """What happened to one call; filled while it runs, told once when it is over.

    began: Unix time. upstream_dialect: what was spoken to the provider. usage: of all attempts together. cost, worth,
    unpriced: as of `Try`, of all attempts together. prices: version of the price table. first_token: seconds to the
    first content. session: what the conversation is called here (`router.routing.tracking`), "" for none.
    """

    call_id: str
    dialect: str
    surface: str
    asked: str
    caller: Caller | None = None
    began: float = 0.0
    stream: bool = False
    lane: str = ""
    upstream_dialect: str = ""
    provider: str = ""
    model: str = ""
    account: str = ""
    tries: list[Try] = field(default_factory=list)
    notes: tuple[Note, ...] = ()
    status: int = 0
    outcome: str = ""
    reason: str = ""
    finish: str | None = None
    usage: Usage | None = None
    cost: int | None = None
    worth: int | None = None
    unpriced: tuple[str, ...] = ()
    prices: str = ""
    first_byte: float | None = None  # seconds from the start of the call
    first_token: float | None = None
    total: float = 0.0
    overhead: float | None = None  # seconds of our own before the upstream request left, without `waited`
    waited: float = 0.0  # seconds in line for a place
    session: str = ""
    budget: str = ""  # limits of the key that are nearly reached

    def shares(self) -> list[Try]:
        """Who has used what: the attempts with usage, or the one that served where usage is known of the call alone."""
        shares = [attempt for attempt in self.tries if attempt.usage is not None]
        if shares or self.usage is None or not (self.provider or self.account):
            return shares
        return [
            Try(provider=self.provider, model=self.model, account=self.account, outcome=self.outcome, usage=self.usage)
        ]
