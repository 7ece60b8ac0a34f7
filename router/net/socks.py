"""Connections through a SOCKS5 proxy, with errors in the shape that `router.net.client` knows.

The packages are imported with the first such proxy only: most routers have none, and need not hold them in memory.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

import aiohttp

from router.net.proxies import DEFAULT_PORTS, is_socks


class SocksError(aiohttp.ClientError):
    """The proxy cannot be reached, or did not let the connection through. The text has no address in it."""


class SocksTimeout(aiohttp.ConnectionTimeoutError):
    """No connection through the proxy in time."""


def connector_for(proxy: str | None) -> Callable[..., aiohttp.TCPConnector]:
    """What makes a pool of connections, by aiohttp's options: through `proxy` where that speaks SOCKS. It is an address
    that `router.net.proxies.proxy_problem` has passed."""
    return aiohttp.TCPConnector if proxy is None or not is_socks(proxy) else partial(_connector, proxy)


def _connector(proxy: str, **options: Any) -> aiohttp.TCPConnector:
    from aiohttp_socks import ProxyConnectionError, ProxyConnector, ProxyError, ProxyTimeoutError

    class Connector(ProxyConnector):
        async def _wrap_create_connection(self, *args: Any, **kwargs: Any) -> Any:
            try:
                return await super()._wrap_create_connection(*args, **kwargs)
            except ProxyTimeoutError:
                raise SocksTimeout from None
            except ProxyConnectionError:
                raise SocksError("The outbound proxy cannot be reached.") from None
            except socket.gaierror:
                text = "its name cannot be resolved here (socks5h:// lets the proxy do it)"
                raise SocksError(f"The provider cannot be reached: {text}.") from None
            except ProxyError as error:
                raise SocksError(f"The outbound proxy did not let the request through: {_why(error)}.") from None

    parts = urlsplit(proxy)
    return Connector(
        parts.hostname or "",
        parts.port or DEFAULT_PORTS["socks5"],
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password or "") if parts.username else None,
        rdns=parts.scheme.lower() == "socks5h",
        **options,
    )


_REPLIES = {
    1: "it failed without saying why",
    2: "its rules do not allow the target",
    3: "it has no way to the target's network",
    4: "it cannot reach the target or resolve its name",
    5: "the target refused the connection",
    6: "the connection took it too long",
    7: "it does not know the command",
    8: "it does not know this kind of address",
}


def _why(error: Any) -> str:
    """Words for RFC 1928's replies; without one the exchange itself failed, most often over the password."""
    return _REPLIES.get(error.error_code or 0, "it wants another user name or password, or speaks no SOCKS5")
