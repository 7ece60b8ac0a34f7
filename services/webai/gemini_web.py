"""One account of Gemini's web page: asks the package, and gives what is new in its answers.

A client of the package that fails is replaced; calls that run on it end in their own time.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from router.faults import Fault
from router.secret import Secret
from services.webai import gemini_faults, gemini_files
from services.webai.accounts import PSIDTS
from services.webai.asking import Ask, Conversation, Picture, Piece, Told
from services.webai.gemini_package import Package
from services.webai.patience import Patience
from services.webai.settings import Cookies, Gemini, Timeouts
from services.webai.snapshots import Growing

DEFAULT_MODELS = ("gemini-web", "default")
"""Names for the model that the page itself would take."""
_TRIES = 2


class GeminiWeb:
    """saved: keeps cookies that the page has renewed; raises nothing."""

    def __init__(
        self,
        name: str,
        cookies: Cookies,
        package: Package,
        settings: Gemini,
        timeouts: Timeouts,
        saved: Callable[[Cookies], Awaitable[None]],
    ) -> None:
        self.name = name
        self.busy = 0
        self._cookies = cookies
        self._package = package
        self._settings = settings
        self._timeouts = timeouts
        self._saved = saved
        self._client: Any = None
        self._retired = False
        self._opening = asyncio.Lock()
        self._models: dict[str, Any] = {}

    @property
    def cookies(self) -> Cookies:
        """As they are now: the page renews them."""
        return self._cookies

    @property
    def models(self) -> list[str]:
        """Names of the models that the page offers to this account; empty before it was opened."""
        return list(self._models)

    def known_as(self, name: str) -> str:
        """The page's own name of a model, by which its limits are kept."""
        if name in DEFAULT_MODELS:
            return DEFAULT_MODELS[0]
        with contextlib.suppress(ValueError):
            if self._client is not None:
                return str(self._client.resolve_model(name).model_name)
        return name

    async def open(self) -> None:
        """Prove the cookies: open the page and ask it for the account's status. Raises `Fault`."""
        await self._release(await self._lease())

    async def answer(self, ask: Ask, told: Told, patience: Patience) -> AsyncGenerator[Piece, None]:
        """The answer, piece by piece. Raises `Fault`."""
        self.busy += 1
        begun = False
        try:
            for left in range(_TRIES - 1, -1, -1):
                client = await self._leased(patience)
                try:
                    async with contextlib.aclosing(self._once(client, ask, told, patience)) as pieces:
                        async for piece in pieces:
                            begun = True
                            yield piece
                except Fault as fault:
                    client.broken |= fault.kind in ("upstream_broken", "timeout")
                    if begun or not left or fault.kind != "upstream_broken":
                        raise
                except BaseException:
                    client.broken |= not begun  # a request without an answer yet cannot be called off otherwise
                    raise
                else:
                    await self._keep(client)
                    return
                finally:
                    await self._release(client)
        finally:
            self.busy -= 1
            if self._retired and not self.busy:
                await self.close()

    async def rotate(self) -> None:
        """Have the page renew the cookies, and keep them. Raises `Fault`."""
        client = await self._lease()
        try:
            async with asyncio.timeout(self._timeouts.start):
                found = await self._package.rotate(client)
            if not found:
                raise Fault("upstream_broken", "The page gave no new cookie.")
            await self._keep(client, always=True)
        except Exception as error:
            raise gemini_faults.translated(error) from None
        finally:
            await self._release(client)

    async def retire(self) -> None:
        """Close the page after the last answer on it; no new one is to come."""
        self._retired = True
        if not self.busy:
            await self.close()

    async def close(self) -> None:
        """Close the page. Calls that run end with it."""
        client, self._client = self._client, None
        if client is not None:
            client.leases = 0
            with contextlib.suppress(Exception):
                await client.close()
            self._package.forget()

    async def _leased(self, patience: Patience) -> Any:
        """`_lease`, as long as the call may wait."""
        try:
            async with asyncio.timeout(patience.left(False, time.monotonic())):
                return await self._lease()
        except TimeoutError:
            raise Fault("timeout", "Gemini's page did not open in time.") from None

    async def _lease(self) -> Any:
        """A client that works; `_release` must follow. Raises `Fault`."""
        async with self._opening:
            if self._client is None or self._client.broken:
                old, self._client = self._client, None
                if old is not None and not old.leases:
                    await _shut(old)
                self._client = await self._opened()
            self._client.leases += 1
            return self._client

    async def _release(self, client: Any) -> None:
        client.leases = max(0, client.leases - 1)
        if client.broken and not client.leases:
            if client is self._client:
                self._client = None
            await _shut(client)
            self._package.forget()

    async def _opened(self) -> Any:
        client = self._package.client(self._cookies, self._settings)
        try:
            async with asyncio.timeout(self._timeouts.start):
                await self._package.start(client, self._timeouts)
        except BaseException as error:  # a caller who leaves too: nobody else knows of this client
            await _shut(client)
            if not isinstance(error, Exception):
                raise
            raise gemini_faults.translated(error) from None
        fault = gemini_faults.of_status(int(client.account_status), bool(client.access_token))
        if fault is not None:
            await _shut(client)
            raise fault
        self._models = {str(each.model_name): each for each in client.list_models() or ()}
        await self._keep(client)
        return client

    async def _once(self, client: Any, ask: Ask, told: Told, patience: Patience) -> AsyncGenerator[Piece, None]:
        """One try on one client. Raises `Fault`."""
        model = self._resolved(client, ask.model, told)
        told.served_by = f"gemini-web/{self.name}"
        chat = None
        if ask.keep or ask.going is not None:
            chat = client.start_chat(metadata=list(ask.going.metadata) if ask.going is not None else None)
        text, thoughts, last = Growing(), Growing(), None
        transfers: list[Any] = []
        async with gemini_files.on_disk(ask.files) as paths:
            stream = client.generate_content_stream(
                prompt=ask.prompt,
                files=paths or None,
                model=model,
                gem=ask.gem,
                chat=chat,
                temporary=chat is None,
                extended_thinking=ask.thinking or self._settings.thinking,
                current_retry=0,  # the package's own tries take more than a minute
                transfers=transfers,
            )
            try:
                while True:
                    async with asyncio.timeout(patience.left(last is not None, time.monotonic())):
                        output = await anext(stream, None)
                    if output is None:
                        break
                    last = output
                    piece = Piece(text=text.take(output.text), thinking=thoughts.take(output.thoughts or ""))
                    if not piece.empty:
                        yield piece
            except Exception as error:
                quotas = client.quotas
                going = ask.going is not None
                raise gemini_faults.translated(error, quotas=quotas, now=time.time(), going=going) from None
            finally:
                for each in transfers:  # the package's generators end whenever they are collected
                    each.cancel()
                await stream.aclose()
        piece = Piece(text=text.finish(), thinking=thoughts.finish())
        if not piece.empty:
            yield piece
        if text.rewritten:
            told.exact = text.whole
        shown = False
        async for picture in self._pictures(client, last, told):
            shown = True
            yield Piece(picture=picture)
        if not text.whole and not shown:
            raise Fault("upstream_broken", "Gemini's page gave an empty answer.")
        if chat is not None:
            told.conversation = Conversation(self.name, ask.model, tuple(chat.metadata))

    def _resolved(self, client: Any, name: str, told: Told) -> Any:
        """The page's model of that name, None for the page's own choice. Raises `Fault`."""
        if name in DEFAULT_MODELS:
            told.model = name
            return None
        try:
            found = client.resolve_model(name)
        except ValueError:
            text = (
                f'Gemini\'s page offers no "{name[:80]}" to this account; it has: {", ".join(self._models) or "none"}.'
            )
            raise Fault("not_found", text, param="model", code="model_not_found") from None
        told.model = str(found.model_name)
        if told.model != name:
            told.note(f"the page calls it {told.model} and chooses the version itself")
        return found

    async def _pictures(self, client: Any, last: Any, told: Told) -> AsyncGenerator[Picture, None]:
        for image in getattr(last, "images", None) or ():
            url, alt = str(image.url), str(image.alt or "")
            if type(image).__name__ != "GeneratedImage":
                yield Picture(b"", "", url, alt)
                continue
            try:
                data, mime = await gemini_files.download(client, url)
            except Exception:
                told.note("a picture could not be fetched; its address is given")
                yield Picture(b"", "", url, alt)
            else:
                yield Picture(data, mime, url, alt)

    async def _keep(self, client: Any, *, always: bool = False) -> None:
        """Save cookies that the page has renewed on the way."""
        found = next((each.value for each in client.cookies.jar if each.name == PSIDTS and each.value), None)
        if found and (always or found != self._cookies.secure_1psidts.reveal()):
            self._cookies = Cookies(secure_1psid=self._cookies.secure_1psid, secure_1psidts=Secret(str(found)))
            await self._saved(self._cookies)


async def _shut(client: Any) -> None:
    """Close a client that nobody uses; what goes wrong then is of no interest."""
    client.leases = 0
    with contextlib.suppress(Exception):
        await client.close()
