"""One sign-in in progress: its value, what may be shown of it, and where it is kept so that another process can go on.

Every change is a swap of one version for the next, so that of two processes (the old router and the one that replaces
it) exactly one takes a step: a code, a verifier and a state are used once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol, TypeAlias

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from router.secret import Secret
from router.settings import sign_ins

State: TypeAlias = Literal["pending", "waiting", "exchanging", "done", "failed", "expired", "cancelled"]
"""pending: the provider has not been asked yet. waiting: for the person. exchanging: the answer is being turned into an
account. The others are ends."""
OPEN: frozenset[State] = frozenset({"pending", "waiting", "exchanging"})


class Hidden(Struct, frozen=True, kw_only=True):
    """What nobody is shown. state, verifier: of the authorisation request; device_code: of the device flow."""

    state: Secret | None = None
    verifier: Secret | None = None
    device_code: Secret | None = None


NOTHING = Hidden()


class Flow(Struct, frozen=True, kw_only=True):
    """One sign-in. label: chosen by the operator, None where the account's address decides. by: name of the key that
    began it. Times: Unix seconds. interval: seconds between two polls. token_url: discovered. owner, beat_at: which
    process looks after it, and when that was last alive. version: counts the changes. message: for the person.
    account: id of what it became. url: where the person goes, for the flow ``code`` with the state in it. port: where
    the browser of this machine brings the answer, None where nobody listens for it.
    """

    id: str
    provider: str
    kind: sign_ins.Flow
    state: State = "pending"
    message: str = ""
    label: str | None = None
    by: str = ""
    created_at: float
    expires_at: float
    url: str | None = None
    redirect_uri: str = ""
    port: int | None = None
    user_code: str | None = None
    verification_uri: str | None = None
    verification_uri_complete: str | None = None
    interval: float = 5.0
    token_url: str | None = None
    hidden: Hidden = NOTHING
    account: str | None = None
    owner: str = ""
    beat_at: float = 0.0
    version: int = 0

    def __repr__(self) -> str:
        return f"Flow({self.id}, {self.provider}, {self.state})"  # its address has the state in it

    @property
    def open(self) -> bool:
        """Whether it can still become an account."""
        return self.state in OPEN

    def ended(self, state: State, message: str, account: str | None = None) -> Flow:
        """Its end; what was hidden is forgotten."""
        return replace(self, state=state, message=message, account=account, url=None, hidden=NOTHING)


class LoginView(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is shown of a flow: no verifier, no device code, no token. The state is in `url`, which the person needs.

    paste: what may be pasted, None where nothing may. listens: whether a browser on the gateway's own machine can bring
    the answer by itself. expires_at: Unix seconds.
    """

    login_id: str
    provider: str
    flow: str
    state: State
    message: str = ""
    expires_at: float
    url: str | None = None
    user_code: str | None = None
    verification_uri: str | None = None
    verification_uri_complete: str | None = None
    paste: str | None = None
    listens: bool = False
    account: str | None = None

    def __repr__(self) -> str:
        return f"LoginView({self.login_id}, {self.provider}, {self.state})"  # its address has the state in it


_PASTE: Mapping[str, str] = {
    "code": "the address that the browser shows after signing in, or the code",
    "paste": "the text that the instructions name",
}


def view(flow: Flow, now: float) -> LoginView:
    """What may be shown. One whose time is over is shown as expired, even before anybody wrote that down."""
    if flow.open and flow.state != "exchanging" and now >= flow.expires_at:
        flow = expired(flow)
    waiting = flow.state == "waiting"
    return LoginView(
        login_id=flow.id,
        provider=flow.provider,
        flow=flow.kind,
        state=flow.state,
        message=flow.message,
        expires_at=flow.expires_at,
        url=flow.url if waiting else None,
        user_code=flow.user_code if waiting else None,
        verification_uri=flow.verification_uri if waiting else None,
        verification_uri_complete=flow.verification_uri_complete if waiting else None,
        paste=_PASTE.get(flow.kind) if waiting else None,
        listens=waiting and flow.port is not None and not flow.message,
        account=flow.account,
    )


def expired(flow: Flow) -> Flow:
    """The end that comes by itself."""
    return flow.ended("expired", "Nobody finished this sign-in in time. Begin again.")


def to_document(flow: Flow) -> bytes:
    """Everything of a flow, secrets included: to be sealed before it is written anywhere."""
    return msgspec.json.encode(flow, enc_hook=_reveal)


def from_document(data: bytes) -> Flow:
    """Raises `msgspec.MsgspecError`."""
    return msgspec.json.decode(data, type=Flow, dec_hook=_hide)


def _reveal(value: Any) -> Any:
    if isinstance(value, Secret):
        return value.reveal()
    raise NotImplementedError(f"no document form of {type(value).__name__}")


def _hide(kind: type, value: Any) -> Any:
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise NotImplementedError(f"no {kind.__name__} in a document")


class FlowStore(Protocol):
    """Keeps flows. `swap` is the only way to change one."""

    async def put(self, flow: Flow) -> None:
        """A new one."""
        ...

    async def get(self, login_id: str) -> Flow | None:
        """One by its id; None where it is gone."""
        ...

    async def all(self) -> list[Flow]:
        """Every one, ended ones too, the oldest first."""
        ...

    async def swap(self, old: Flow, new: Flow) -> Flow | None:
        """Put `new` in the place of `old` and give it the next version; None where `old` is not what is there now."""
        ...

    async def beat(self, owner: str, now: float) -> None:
        """`owner` is alive, and so are its flows."""
        ...

    async def release(self, owner: str) -> None:
        """`owner` ends: its open flows belong to nobody."""
        ...

    async def sweep(self, before: float) -> None:
        """Forget those that ran out before `before` (Unix seconds)."""
        ...


class MemoryFlows:
    """Flows of one process alone, as the command line has them where no gateway runs."""

    def __init__(self) -> None:
        self._flows: dict[str, Flow] = {}

    async def put(self, flow: Flow) -> None:
        self._flows[flow.id] = flow

    async def get(self, login_id: str) -> Flow | None:
        return self._flows.get(login_id)

    async def all(self) -> list[Flow]:
        return list(self._flows.values())

    async def swap(self, old: Flow, new: Flow) -> Flow | None:
        known = self._flows.get(old.id)
        if known is None or known.version != old.version:
            return None
        made = replace(new, version=old.version + 1)
        self._flows[old.id] = made
        return made

    async def beat(self, owner: str, now: float) -> None:
        self._each(owner, {"beat_at": now})

    async def release(self, owner: str) -> None:
        self._each(owner, {"owner": ""})

    async def sweep(self, before: float) -> None:
        self._flows = {name: flow for name, flow in self._flows.items() if flow.expires_at >= before}

    def _each(self, owner: str, changes: Mapping[str, Any]) -> None:
        for name, flow in self._flows.items():
            if flow.owner == owner and flow.open:
                self._flows[name] = replace(flow, **changes)
