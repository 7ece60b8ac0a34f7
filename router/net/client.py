"""All HTTP that leaves the router: pooled aiohttp sessions, one for each outbound proxy, and foreign errors translated.

Nothing here retries, parses or knows a provider. Redirects are never followed: credentials are bound to their origin.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import ssl
import types
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import lru_cache

import aiohttp
from yarl import URL

from router.faults import Fault
from router.hidden import passwords
from router.net import proxies, socks
from router.net.body import WatchedBody
from router.net.message import HttpRequest, Timeouts
from router.patience import Patience

_PROXY_REFUSES = 407
_REMEMBERED = 1024
_NO_TOTAL = aiohttp.ClientTimeout(total=None)


class HttpResponse(WatchedBody):
    """An open response. Close it on every path; closing it early closes the connection, which tells the provider."""

    speaker = "provider"

    def __init__(self, response: aiohttp.ClientResponse, patience: Patience, idle: float) -> None:
        super().__init__(patience, idle)
        self._response = response
        self.status = response.status
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}

    @property
    def cookies(self) -> tuple[str, ...]:
        """Every ``Set-Cookie`` header as it stands; `headers` has only the last."""
        return tuple(self._response.headers.getall("Set-Cookie", ()))

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives, decompressed. Raises `Fault` timeout after `idle` seconds of silence, and
        upstream_broken where the connection breaks or the body is not as long as announced."""
        content = self._response.content
        with self._patience.watch(self._idle, self._expire) as watch, _ending_with_its_connection(self._response):
            self._watch = watch
            try:
                async for chunk in content.iter_any():
                    watch.pause()  # the time that our own client takes is not the provider's silence
                    yield chunk
                    watch.again()
            except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError) as error:
                raise _broken(error) from None

    @property
    def arrived(self) -> bool:
        content = self._response.content
        return content.is_eof() and content.exception() is None

    async def read(self, limit: int) -> bytes:
        if not self.arrived:
            return await super().read(limit)
        body = self._response.content.read_nowait(limit + 1)  # all of it is here: there is nothing to wait for
        if len(body) > limit:
            raise self.too_large(limit)
        return body

    def close(self) -> None:
        """Give the connection back if the body was read to its end, else close it. Safe to call twice."""
        if self.arrived:
            self._response.release()
        else:
            self._response.close()

    def _fail(self, fault: Fault) -> None:
        self._response.content.set_exception(fault)


class Net:
    """Owner of all outgoing connections. One per process; `close` ends them."""

    def __init__(
        self,
        patience: Patience | None = None,
        *,
        ca: ssl.SSLContext | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """environ: of the process, for the proxies that it names; None: none count."""
        self.patience = patience or Patience()
        self._environ = proxies.variables(environ or {})
        self._general = proxies.General(environ=self._environ)
        self._ways: dict[tuple[str, str | None], proxies.Way] = {}
        self._passwords = self._found_passwords()
        self._sessions: dict[str | None, aiohttp.ClientSession] = {}
        self._socket_sessions: dict[str | None, aiohttp.ClientSession] = {}
        self._ca = ca

    def follow(self, proxy: str | None, no_proxy: tuple[str, ...]) -> None:
        """Put the settings `network` in force for the requests that begin from now on."""
        self._general = proxies.General(proxy, no_proxy, self._environ)
        self._ways.clear()
        self._passwords = self._found_passwords()

    def way(self, url: str, own: str | None) -> proxies.Way:
        """How a request to `url` leaves, where its account, combo or provider names the proxy `own`."""
        known = self._ways.get((url, own))
        if known is None:
            if len(self._ways) >= _REMEMBERED:  # names of models are in some addresses
                self._ways.clear()
            known = self._ways[url, own] = proxies.way(url, own, self._general)
        return known

    @property
    def passwords(self) -> tuple[str, ...]:
        """Of the proxies that count for all providers."""
        return self._passwords

    def _found_passwords(self) -> tuple[str, ...]:
        found = (self._general.proxy, *proxies.of_environment(self._environ))
        return tuple(word for proxy in found for word in passwords(proxy))

    async def send(self, request: HttpRequest, timeouts: Timeouts) -> HttpResponse:
        """Send and wait for the head. Raises `Fault` upstream_broken (no connection) or timeout (no head in time).

        What aiohttp raised is not kept beside the fault: it holds the address and the headers, and both hold secrets.
        """
        chosen = self.way(request.url, request.proxy)
        refuse_strange_proxy(chosen)
        proxy = chosen.proxy
        try:
            if timeouts.head is None:
                response = await self._request(request, proxy, timeouts.connect)
            else:
                with self.patience.limit(timeouts.head):
                    response = await self._request(request, proxy, timeouts.connect)
        except (aiohttp.ClientError, OSError) as error:
            if timeouts.head is None and type(error) is TimeoutError:
                raise  # of a limit that the caller holds
            raise no_answer(error, timeouts) from None
        except ValueError as error:  # a line break in a token that somebody's file holds, a proxy that is no address
            raise unsendable(error) from None
        if response.status == _PROXY_REFUSES and proxy is not None:
            response.close()
            raise _refused_by_proxy()
        return HttpResponse(response, self.patience, timeouts.idle)

    async def _request(self, request: HttpRequest, proxy: str | None, connect: float) -> aiohttp.ClientResponse:
        try:
            return await self._exchange(request, proxy, connect)
        except aiohttp.ClientOSError as error:
            if not isinstance(error.__cause__, aiohttp.ClientConnectionResetError):
                raise
        # Its server closed a kept connection before it was written to.
        return await self._exchange(request, proxy, connect)

    async def _exchange(self, request: HttpRequest, proxy: str | None, connect: float) -> aiohttp.ClientResponse:
        return await self._session(proxy).request(
            request.method,
            URL(request.url, encoded=True),
            data=request.body or None,
            headers=request.headers,
            proxy=http_proxy(proxy),
            allow_redirects=False,
            timeout=_connect_timeout(connect),
        )

    def _session(self, proxy: str | None) -> aiohttp.ClientSession:
        session = self._sessions.get(proxy)
        if session is None:
            connector = socks.connector_for(proxy)(
                limit=0,
                ttl_dns_cache=60,
                keepalive_timeout=30,
                ssl=self._ca if self._ca is not None else True,
            )
            session = aiohttp.ClientSession(
                connector=connector,
                timeout=_NO_TOTAL,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=True,
                raise_for_status=False,
                skip_auto_headers=("User-Agent", "Accept-Encoding", "Accept"),
                read_bufsize=128 * 1024,
                max_line_size=65_536,
                max_field_size=65_536,
            )
            self._sessions[proxy] = session
            self.patience.start()
        return session

    def socket_session(self, proxy: str | None) -> aiohttp.ClientSession:
        """The session for `router.net.sockets`: the same connector, and a redirect of a handshake, which aiohttp would
        follow with our headers, is an error."""
        session = self._socket_sessions.get(proxy)
        if session is None:
            session = self._socket_sessions[proxy] = aiohttp.ClientSession(
                connector=self._session(proxy).connector,
                connector_owner=False,
                timeout=_NO_TOTAL,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                skip_auto_headers=("User-Agent", "Accept-Encoding", "Accept"),
                trace_configs=[_without_redirects()],
            )
        return session

    async def close(self) -> None:
        """Close every session and stop watching."""
        sessions = [*self._socket_sessions.values(), *self._sessions.values()]
        self._socket_sessions, self._sessions = {}, {}
        for session in sessions:
            await session.close()
        await self.patience.close()

    async def __aenter__(self) -> Net:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        await self.close()


@contextlib.contextmanager
def _ending_with_its_connection(response: aiohttp.ClientResponse) -> Iterator[None]:
    """Inside, a body is broken once its connection is gone. aiohttp closes the connection for a chunk that is none and
    tells nobody, so that a reader would wait for the whole idle time."""
    connection, content = response.connection, response.content
    protocol = None if connection is None else connection.protocol
    closed = None if protocol is None else protocol.closed
    if closed is None:
        yield
        return

    def gone(future: asyncio.Future[None]) -> None:
        error = None if future.cancelled() else future.exception()
        if not content.is_eof() and content.exception() is None:
            content.set_exception(error or aiohttp.ClientPayloadError())

    closed.add_done_callback(gone)
    closed.remove_done_callback(_noticed)
    try:
        yield
    finally:
        closed.remove_done_callback(gone)
        closed.add_done_callback(_noticed)


def _noticed(closed: asyncio.Future[None]) -> None:
    """A kept connection that nobody reads from may be reset: that is no error to be logged."""
    if not closed.cancelled():
        closed.exception()


@lru_cache(maxsize=64)
def _connect_timeout(seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, sock_connect=seconds)


class Redirected(aiohttp.ClientError):
    """A handshake that leads elsewhere."""


def _without_redirects() -> aiohttp.TraceConfig:
    async def refuse(*_: object) -> None:
        raise Redirected

    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(refuse)
    return trace


def no_answer(error: Exception, timeouts: Timeouts) -> Fault:
    """What a request that got no head is told as."""
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return Fault("timeout", f"No connection to the provider within {timeouts.connect:g} seconds.")
    if isinstance(error, TimeoutError):
        return Fault("timeout", f"The provider gave no answer within {timeouts.head or 0:g} seconds.")
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return Fault("upstream_broken", "The provider's TLS certificate is not valid for its name.")
    if isinstance(error, socks.SocksError):
        return Fault("upstream_broken", str(error))
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return _refused_by_proxy(error.status)
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return Fault("upstream_broken", "The outbound proxy cannot be reached.")
    if isinstance(error, aiohttp.ClientConnectorError):
        return Fault("upstream_broken", f"The provider cannot be reached: {_reason(error)}.")
    return _broken(error)


def _broken(error: Exception) -> Fault:
    return Fault("upstream_broken", f"The connection to the provider broke: {_reason(error)}.")


def _reason(error: BaseException) -> str:
    """Words for an error of the network, without addresses or credentials."""
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "it closed the connection without an answer"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "it ended before the answer was complete"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name cannot be resolved"
    os_error = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(os_error, ssl.SSLError):
        return f"TLS failed ({os_error.reason or 'without saying why'})"
    if isinstance(os_error, OSError) and (os_error.errno or 0) > 0:  # its own words may hold the address
        return (
            os.strerror(os_error.errno or 0).lower() if os_error.errno != errno.ECONNREFUSED else "connection refused"
        )
    return type(error).__name__


def _refused_by_proxy(status: int = _PROXY_REFUSES) -> Fault:
    words = "it wants another user name or password" if status == _PROXY_REFUSES else f"it answered {status}"
    return Fault("upstream_broken", f"The outbound proxy did not let the request through: {words}.")


def unsendable(error: ValueError) -> Fault:
    """What a request is told as that cannot be written: not what is wrong, which may be a token."""
    text = f"The request cannot be sent: its headers, its address or its proxy are wrong ({type(error).__name__})."
    return Fault("upstream_broken", text)


def http_proxy(proxy: str | None) -> str | None:
    """What aiohttp is told: SOCKS is the business of the session's connector."""
    return None if proxies.is_socks(proxy) else proxy


def refuse_strange_proxy(chosen: proxies.Way) -> None:
    """Raises `Fault`: account files of other programs, and the environment, may name one that we cannot speak to."""
    problem = proxies.proxy_problem(chosen.proxy) if chosen.proxy is not None else None
    if problem is not None:
        raise Fault("unavailable", f"The outbound proxy ({chosen.source}) cannot be used: it {problem}.")
