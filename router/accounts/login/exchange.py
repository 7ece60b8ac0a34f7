"""From what a sign-in brought back to a saved account: tokens, who it is, a first try, the store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from msgspec.structs import replace

from router.accounts import oauth
from router.accounts.asking import Ask
from router.accounts.credential import NOTHING, Credential
from router.accounts.labels import DEFAULT
from router.accounts.login import arrivals
from router.accounts.login.arrivals import Identity, LabelTaken
from router.accounts.login.cookies import clerk_cookie
from router.accounts.login.flows import Flow
from router.accounts.login.identities import Nameless, Wait, identify
from router.accounts.oauth import Tokens, TokenTrouble, Trouble
from router.accounts.renewal import Renew
from router.clock import Clock
from router.faults import Fault
from router.hidden import Hidden
from router.secret import Secret
from router.settings.sign_ins import SignIn

T = TypeVar("T")
_REMEDIES: Mapping[Trouble, str] = {
    "dead": "What was handed over has been used already or came too late; sign in again.",
    "misconfigured": "Compare the OAuth client's id and secret in the settings with the provider's.",
}


class Accounts(Protocol):
    """Whoever holds the stored accounts, as far as a sign-in needs it: `router.accounts.keeper.Keeper`."""

    def credentials(self) -> Sequence[Credential]:
        """Every account, those of other programs too."""
        ...

    async def save(self, credential: Credential, who: str) -> Credential:
        """Keep one, durably, and serve with it; one of the same id is replaced. who: for the audit log. Raises
        `OSError` and `ValueError`."""
        ...


class Failed(Exception):
    """A sign-in that became no account. The message is for the person and holds no secret."""


class Exchange:
    """The last part of every sign-in. first: by provider, how a first access is made of what was given, which shows
    that it is good (cto.new's cookie, GitHub's token)."""

    def __init__(
        self,
        *,
        ask_for: Callable[[str], Ask],
        accounts: Accounts,
        clock: Clock,
        wait: Wait,
        first: Mapping[str, Renew],
    ) -> None:
        self._ask_for = ask_for
        self._accounts = accounts
        self._clock = clock
        self._wait = wait
        self._first = first
        self._saving = asyncio.Lock()

    async def code(self, sign_in: SignIn, flow: Flow, code: Secret, verifier: Secret | None = None) -> Credential:
        """An authorisation code. verifier: where it is not the flow's own. Raises `Failed`."""
        verifier = verifier or flow.hidden.verifier
        state = flow.hidden.state
        request = oauth.exchange_code(
            sign_in,
            code=code.reveal(),
            redirect_uri=flow.redirect_uri,
            verifier=verifier.reveal() if verifier is not None else None,
            state=state.reveal() if state is not None else None,
        )

        async def exchanged() -> Tokens:
            return oauth.read_tokens(await self._ask_for(flow.provider)(request))

        tokens = await _told(sign_in, exchanged, (code, verifier, state))
        return await self.tokens(sign_in, flow, tokens)

    async def tokens(self, sign_in: SignIn, flow: Flow, tokens: Tokens) -> Credential:
        """Tokens of either flow. Raises `Failed`."""

        async def named() -> Identity:
            return await identify(flow.provider, sign_in, tokens, self._ask_for(flow.provider), self._wait)

        identity = await _told(sign_in, named, (tokens.access, tokens.refresh or NOTHING))
        fresh = arrivals.credential(
            flow.provider, tokens, identity, self._clock.wall(), made_on_demand=_made_on_demand(sign_in, tokens)
        )
        return await self._keep(sign_in, flow, fresh, identity)

    def cookie(self, text: str) -> Secret:
        """The cookie in what was pasted. Raises `router.accounts.login.cookies.BadCookie`."""
        return clerk_cookie(text, self._clock.wall())

    async def pasted(self, sign_in: SignIn, flow: Flow, value: Secret) -> Credential:
        """A cookie that was pasted. Raises `Failed`."""
        now = self._clock.wall()
        fresh = Credential(provider=flow.provider, label=DEFAULT, refresh=value, issued_at=now, created_at=now)
        return await self._keep(sign_in, flow, fresh, Identity())

    async def _keep(self, sign_in: SignIn, flow: Flow, fresh: Credential, identity: Identity) -> Credential:
        make = self._first.get(flow.provider)
        if make is not None:

            async def made() -> Credential:
                return arrivals.renewed(fresh, await make(sign_in, fresh, self._ask_for(flow.provider)))

            fresh = await _told(sign_in, made, (fresh.refresh, fresh.access))
            identity = replace(identity, email=identity.email or fresh.facts.get("email"))
            fresh = replace(fresh, email=identity.email)
        try:
            async with self._saving:  # what a label is free for must still be so when it is saved
                known = arrivals.ours(self._accounts.credentials(), flow.provider)
                account = arrivals.settled(fresh, identity, known, flow.label)
                account = await self._accounts.save(account, flow.by)
        except LabelTaken as error:
            raise Failed(str(error)) from None
        except ValueError as error:
            raise Failed(f"The account could not be stored: {error}.") from None
        except OSError as error:
            raise Failed(f"The account could not be stored: {error.strerror or type(error).__name__}.") from None
        return account


def _made_on_demand(sign_in: SignIn, tokens: Tokens) -> bool:
    return sign_in.on_demand and tokens.refresh is None


async def _told(sign_in: SignIn, work: Callable[[], Awaitable[T]], hidden: Sequence[Secret | None]) -> T:
    """What `work` gives; whatever goes wrong as `Failed`, in words without the secrets that a provider may repeat."""
    try:
        return await work()
    except TokenTrouble as trouble:
        words = f"{sign_in.title}: {trouble.message}. {_REMEDIES.get(trouble.trouble, 'Sign in again.')}"
    except Nameless as error:
        words = str(error)
    except Fault as fault:
        words = f"{sign_in.title}: {fault.message} Sign in again."
    raise Failed(without(words, hidden, sign_in))


def without(words: str, hidden: Sequence[Secret | None], sign_in: SignIn) -> str:
    """`words` with no secret in it, the one of our OAuth client neither, and on one line."""
    words = Hidden(*hidden, *oauth.client_secrets(sign_in)).text(words)
    return "".join(letter if letter.isprintable() else " " for letter in words)
