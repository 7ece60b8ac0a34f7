"""All sign-ins in progress: begun, looked at, answered, cancelled, and taken over from a process that has gone.

One `Logins` per process. What coordinates processes is the `FlowStore`: every step is a swap that one of them wins.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlsplit

from msgspec.structs import replace

from router.accounts.asking import Ask
from router.accounts.login import addresses, beginning
from router.accounts.login.addresses import Declined, Returned, Unreadable
from router.accounts.login.cookies import BadCookie
from router.accounts.login.exchange import Accounts, Exchange, without
from router.accounts.login.flows import OPEN, Flow, FlowStore, LoginView, expired, view
from router.accounts.login.loopback import Callbacks
from router.accounts.login.outcome import outcome_page, problem_page
from router.accounts.login.pages import Page
from router.accounts.login.pkce import Chance
from router.accounts.login.polling import Polls
from router.accounts.login.refusals import Refused
from router.accounts.login.steps import EXCHANGE, USED, Consents, Steps
from router.accounts.oauth import TokenTrouble
from router.accounts.renewal import Renew
from router.clock import Clock
from router.faults import Fault
from router.settings import sign_ins
from router.settings.sign_ins import SignIn
from router.tasks import Tasks

MOST_OPEN = 16
EVERY = 2.0
"""Seconds between two looks at all flows: signs of life, ends that come by themselves, flows of a process that went."""
GONE = 10.0
"""Seconds without a sign of life after which a process counts as gone."""
KEPT = 3600.0
"""Seconds for which it can be asked how a sign-in ended."""
SWEEP_EVERY = 60.0
PENDING = 90.0
"""Seconds that a provider has for the first answer of a device flow."""
_LEFT = "The process that was finishing this sign-in ended before it was done. Sign in again."
_CONSENT = "{} is off until its caveat is accepted. Say that you accept it: {}"


class Logins:
    """facts: the sign-ins in force by id. ask_for: how a provider's servers are asked, by its id. first: see
    `Exchange`. wait: sleeps. `open` and `close` frame its life within one event loop; what `flows` writes to must stay
    open until after `close`."""

    def __init__(
        self,
        *,
        facts: Callable[[], Mapping[str, SignIn]],
        flows: FlowStore,
        accounts: Accounts,
        consents: Consents,
        ask_for: Callable[[str], Ask],
        clock: Clock,
        chance: Chance,
        first: Mapping[str, Renew] | None = None,
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._facts = facts
        self._flows = flows
        self._consents = consents
        self._ask_for = ask_for
        self._clock = clock
        self._chance = chance
        self._owner = _name("process", chance)
        self._exchange = Exchange(ask_for=ask_for, accounts=accounts, clock=clock, wait=wait, first=first or {})
        self._callbacks = Callbacks(self._browser)
        self._steps = Steps(flows, consents, self._owner, self._look)
        self._polls = Polls(
            flows=flows,
            steps=self._steps,
            exchange=self._exchange,
            sign_in=self._sign_in,
            mine=self._mine,
            ask_for=ask_for,
            wait=wait,
        )
        self._looking = asyncio.Lock()
        self._tasks = Tasks("sign-ins")
        self._closed = False
        self._sweep_at = 0.0

    def open(self) -> None:
        """Begin to look after flows, those of a process that is gone too."""
        self._tasks.periodic(lambda: EVERY, self.tend, "tend")

    async def close(self, within: float = 30.0) -> None:
        """Finish the exchanges that run, at most `within` seconds, and leave the other flows to the next process."""
        self._closed = True
        await self._tasks.close()
        await self._polls.close()
        await self._steps.close(within)
        await self._callbacks.close()
        await self._flows.release(self._owner)

    async def start(
        self,
        provider: str,
        *,
        flow: sign_ins.Flow | None = None,
        label: str | None = None,
        accepted: bool = False,
        by: str = "",
    ) -> LoginView:
        """Begin a sign-in. flow: None for the preferred one; ``paste`` for a code that is brought by hand. accepted:
        whether the person accepts the caveat now. by: name of the key. Raises `Refused`."""
        sign_in = self._sign_in(provider)
        kind, by_hand = beginning.fit(provider, sign_in, flow, label)
        if not accepted and not self._consents.on(provider):
            raise Refused("consent", _CONSENT.format(sign_in.title, sign_in.caveat), caveat=sign_in.caveat)
        now = self._clock.wall()
        if sum(view(each, now).state in ("pending", "waiting") for each in await self._flows.all()) >= MOST_OPEN:
            raise Refused("busy", f"{MOST_OPEN} sign-ins are open already. Finish or cancel one of them.")
        if accepted and not self._consents.on(provider):
            await self._consents.accept(provider, by, sign_in.caveat)
        pending = Flow(
            id=_name("login", self._chance),
            provider=provider,
            kind=kind,
            label=label,
            by=by,
            created_at=now,
            expires_at=now + PENDING,
            owner=self._owner,
            beat_at=now,
        )
        await self._flows.put(pending)
        begun = await self._begun(pending, sign_in, by_hand)
        if await self._steps.step(pending, lambda _: begun) is None:
            raise Refused("closed", "The sign-in was cancelled before it had begun.")
        await self._look()
        return await self.get(provider, pending.id)

    def on(self, provider: str) -> bool:
        """Whether the provider may serve: see `Consents.on`."""
        return self._consents.on(provider)

    async def views(self) -> list[LoginView]:
        """Those that are open."""
        views = [self._view(flow) for flow in await self._flows.all()]
        return [one for one in views if one.state in OPEN]

    async def get(self, provider: str, login_id: str) -> LoginView:
        """How a sign-in is. Raises `Refused`."""
        return self._view(await self._known(provider, login_id))

    async def callback(self, provider: str, login_id: str, pasted: str) -> LoginView:
        """What the person brought by hand; waits for what becomes of it. Raises `Refused`: then the sign-in goes on,
        or had ended before."""
        flow = await self._known(provider, login_id)
        shown = self._view(flow)
        if shown.state != "waiting":
            raise Refused("closed", f"This sign-in is {shown.state} and takes no answer. {shown.message}".strip())
        if flow.kind == "device":
            words = f"This sign-in takes nothing pasted: enter the code {flow.user_code} at {flow.verification_uri}."
            raise Refused("unfit", words)
        try:
            if flow.kind == "paste":
                return await self._cookie(flow, pasted)
            return await self._returned(flow, addresses.read_pasted(pasted, flow.redirect_uri), by_hand=True)
        except (Unreadable, BadCookie) as error:
            raise Refused("unreadable", str(error)) from None

    async def cancel(self, provider: str, login_id: str) -> LoginView:
        """End a sign-in; one that has ended stays as it is. Raises `Refused`."""
        flow = await self._known(provider, login_id)
        if self._view(flow).state in ("pending", "waiting"):
            return self._view(await self._steps.end(flow, flow.ended("cancelled", "Cancelled.")))
        if flow.state == "exchanging":
            raise Refused("closed", "The provider has answered and the account is being stored; delete it afterwards.")
        return self._view(flow)

    async def tend(self) -> None:
        """Look after all flows once: take over those whose process is gone, end those whose time is over."""
        now = self._clock.wall()
        flows = await self._flows.all()
        if any(flow.owner == self._owner and flow.open for flow in flows):
            await self._flows.beat(self._owner, now)
        for flow in flows:
            gone = flow.owner != self._owner and (not flow.owner or now - flow.beat_at > GONE)
            if flow.state in ("pending", "waiting") and now >= flow.expires_at:
                await self._flows.swap(flow, expired(flow))
            elif flow.state == "waiting" and gone:
                await self._flows.swap(flow, replace(flow, owner=self._owner, beat_at=now))
            elif flow.open and (gone or now >= flow.expires_at + EXCHANGE):
                await self._flows.swap(flow, flow.ended("failed", _LEFT))
        if now >= self._sweep_at:
            self._sweep_at = now + SWEEP_EVERY
            await self._flows.sweep(now - KEPT)
        await self._look()

    async def _look(self) -> None:
        """Listen and poll for the flows that wait and are ours, and for no others."""
        async with self._looking:
            if self._closed:
                return
            mine = [flow for flow in await self._flows.all() if self._mine(flow)]
            self._callbacks.keep(frozenset(flow.port for flow in mine if flow.port is not None))
            for flow in mine:
                if flow.port is not None:
                    problem = await self._callbacks.open(flow.port) or ""
                    if problem != flow.message:
                        await self._flows.swap(flow, replace(flow, message=problem))
            self._polls.keep(flow for flow in mine if flow.kind == "device")

    def _mine(self, flow: Flow) -> bool:
        return flow.owner == self._owner and self._view(flow).state == "waiting"

    async def _begun(self, flow: Flow, sign_in: SignIn, by_hand: bool) -> Flow:
        """The flow as the person may go on with it. Raises `Refused`, and then it is over."""
        now = self._clock.wall()
        if flow.kind == "paste":
            return beginning.with_paste(flow, sign_in, now)
        if flow.kind == "code":
            port = None if by_hand else beginning.port_of(sign_in)
            problem = None
            if port is not None:
                async with self._looking:
                    problem = await self._callbacks.open(port)
            return beginning.with_code(flow, sign_in, self._chance, now, by_hand=by_hand, problem=problem)
        try:
            return await beginning.with_device(flow, sign_in, self._chance, self._ask_for(flow.provider))
        except (TokenTrouble, Fault) as error:
            words = f"{sign_in.title}: {error.message.rstrip('.')}."
            await self._steps.end(flow, flow.ended("failed", words))
            raise Refused("upstream", words) from None

    async def _browser(self, port: int, path: str, query: str) -> Page:
        """What a browser brings to a listener."""
        flows = [flow for flow in await self._flows.all() if flow.port == port and _path(flow) == path]
        if not flows:
            return problem_page(404, "There is nothing here. A sign-in goes on where it began.")
        try:
            returned = addresses.read_query(query)
            waiting = [flow for flow in flows if self._view(flow).state == "waiting"]
            flow = next((one for one in waiting if one.hidden.state == returned.state), None)
            if flow is None or returned.state is None:
                return problem_page(400, "This belongs to no sign-in that is open here: it has ended, or was used.")
            return outcome_page(await self._returned(flow, returned, by_hand=False))
        except (Unreadable, Refused) as error:
            return problem_page(400, str(error))

    async def _returned(self, flow: Flow, returned: Returned, *, by_hand: bool) -> LoginView:
        sign_in = self._sign_in(flow.provider)
        state = flow.hidden.state
        if state is None:
            raise Refused("closed", USED)
        issuer = addresses.issuer_of(addresses.code_flow(sign_in))
        stateless = by_hand and flow.hidden.verifier is not None
        try:
            code = addresses.accepted(returned, state=state, issuer=issuer, stateless=stateless)
        except Declined as error:
            words = without(str(error), (state, returned.code, flow.hidden.verifier), sign_in)
            return self._view(await self._steps.end(flow, flow.ended("failed", words)))
        return self._view(await self._steps.answer(flow, lambda: self._exchange.code(sign_in, flow, code)))

    async def _cookie(self, flow: Flow, pasted: str) -> LoginView:
        sign_in = self._sign_in(flow.provider)
        value = self._exchange.cookie(pasted)
        return self._view(await self._steps.answer(flow, lambda: self._exchange.pasted(sign_in, flow, value)))

    def _sign_in(self, provider: str) -> SignIn:
        sign_in = self._facts().get(provider)
        if sign_in is None:
            raise Refused("unknown", f"There is no provider {provider} to sign in to.")
        return sign_in

    async def _known(self, provider: str, login_id: str) -> Flow:
        flow = await self._flows.get(login_id)
        if flow is None or flow.provider != provider:
            raise Refused("unknown", "There is no such sign-in. One is forgotten an hour after its time.")
        return flow

    def _view(self, flow: Flow) -> LoginView:
        return view(flow, self._clock.wall())


def _path(flow: Flow) -> str:
    return urlsplit(flow.redirect_uri).path or "/"


def _name(kind: str, chance: Chance) -> str:
    return f"{kind}-{base64.urlsafe_b64encode(chance(15)).decode('ascii')}"
