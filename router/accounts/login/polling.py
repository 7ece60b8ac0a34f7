"""Asks for the tokens of device flows until the person has confirmed. One task per flow, owned here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

from msgspec.structs import replace

from router.accounts.asking import Ask
from router.accounts.login import device
from router.accounts.login.exchange import Exchange, without
from router.accounts.login.flows import Flow, FlowStore, expired
from router.accounts.login.refusals import Refused
from router.accounts.login.steps import Steps
from router.accounts.oauth import TokenTrouble
from router.faults import Fault
from router.settings.sign_ins import SignIn
from router.tasks import Tasks


class Polls:
    """sign_in: the facts in force of a provider. mine: whether a flow waits and is looked after here. wait: sleeps."""

    def __init__(
        self,
        *,
        flows: FlowStore,
        steps: Steps,
        exchange: Exchange,
        sign_in: Callable[[str], SignIn],
        mine: Callable[[Flow], bool],
        ask_for: Callable[[str], Ask],
        wait: Callable[[float], Awaitable[None]],
    ) -> None:
        self._flows = flows
        self._steps = steps
        self._exchange = exchange
        self._sign_in = sign_in
        self._mine = mine
        self._ask_for = ask_for
        self._wait = wait
        self._tasks = Tasks("sign-in polls")
        self._polls: dict[str, asyncio.Task[None]] = {}

    def keep(self, flows: Iterable[Flow]) -> None:
        """Poll for these and for no others. A poll that is under way is finished."""
        wanted = {flow.id: flow for flow in flows}
        for login_id, task in list(self._polls.items()):
            if task.done() or login_id not in wanted:
                del self._polls[login_id]
                if task is not asyncio.current_task():
                    task.cancel()
        for login_id in wanted.keys() - self._polls.keys():
            self._polls[login_id] = self._tasks.spawn(self._poll(wanted[login_id]), "poll")

    async def close(self) -> None:
        """Stop waiting. Polls that are under way belong to `Steps`, which finishes them."""
        await self._tasks.close()

    async def _poll(self, flow: Flow) -> None:
        pace = device.Pace(flow.interval)
        while True:
            await self._wait(pace.pause)
            now = await self._flows.get(flow.id)
            if now is None or not self._mine(now):
                return
            outcome = await self._steps.apart(self._ask_once(now))
            if outcome is None:
                return
            pace = pace.after(outcome)
            if pace.interval != now.interval:
                await self._steps.step(now, partial(_slower, interval=pace.interval))

    async def _ask_once(self, flow: Flow) -> device.Outcome | None:
        """One poll; None where it was the last."""
        sign_in = device.with_token_url(self._sign_in(flow.provider), flow.token_url)
        code = flow.hidden.device_code
        if code is None:
            return None
        try:
            request = device.poll_request(sign_in, code, flow.user_code or "", flow.hidden.verifier)
            got = device.read_poll(await self._ask_for(flow.provider)(request), device.device_flow(sign_in))
        except TokenTrouble as trouble:
            await self._steps.step(flow, partial(_ended, sign_in=sign_in, trouble=trouble))
            return None
        except Fault:
            return "unreachable"
        if got == "pending" or got == "slow_down" or got == "unreachable":
            return got
        try:
            taken = await self._steps.take(flow)
        except Refused:
            return None  # cancelled meanwhile
        if isinstance(got, device.Grant):
            grant = got
            await self._steps.finish(taken, lambda: self._exchange.code(sign_in, flow, grant.code, grant.verifier))
        else:
            tokens = got
            await self._steps.finish(taken, lambda: self._exchange.tokens(sign_in, flow, tokens))
        return None


def _slower(flow: Flow, interval: float) -> Flow:
    return replace(flow, interval=interval)


def _ended(flow: Flow, sign_in: SignIn, trouble: TokenTrouble) -> Flow:
    if trouble.trouble == "expired":
        return expired(flow)
    if trouble.trouble == "denied":
        return flow.ended("failed", "The sign-in was declined at the provider's page.")
    hidden = (flow.hidden.device_code, flow.hidden.verifier)
    return flow.ended("failed", without(f"{sign_in.title}: {trouble.message}. Sign in again.", hidden, sign_in))
