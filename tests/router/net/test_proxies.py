"""Which proxy a request takes, and what happens with HTTP and SOCKS5 ones on the way."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from router.faults import Fault
from router.net.client import Net
from router.net.message import HttpRequest, Timeouts
from router.net.proxies import OWN, General, Way, exception_problem, matches, proxy_problem, way
from router.net.sockets import SocketRequest, connect
from tests.simulators.proxies import HttpProxy, Proxy, SocksProxy
from tests.simulators.webai.certificate import server_context

ROOT = Path(__file__).resolve().parents[3]
HOST = "llm.office.example"
KINDS: dict[str, type[Proxy]] = {"http": HttpProxy, "socks": SocksProxy}


class Origin:
    """A server with a certificate for `HOST`, over http and https. It says what it was asked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.ports = {"http": 0, "https": 0}

    async def __aenter__(self) -> Origin:
        app = web.Application()
        app.router.add_get("/socket", self._socket)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        for scheme, context in (("http", None), ("https", server_context(self._folder, (HOST,)))):
            await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=context).start()
            self.ports[scheme] = self._runner.addresses[-1][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.Response:
        return web.json_response({"host": request.host, "path": request.path, "headers": dict(request.headers)})

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str("hello")
        return socket


@pytest_asyncio.fixture
async def origin(tmp_path: Path) -> AsyncIterator[Origin]:
    async with Origin(tmp_path) as started:
        yield started


def trusting(folder: Path, **more: Any) -> Net:
    return Net(ca=ssl.create_default_context(cafile=str(folder / "ca.pem")), **more)


async def get(net: Net, url: str, proxy: str | None = None) -> bytes:
    async with await net.send(HttpRequest("GET", url, {"x-a": "b"}, proxy=proxy), Timeouts()) as response:
        assert response.status == 200
        return await response.read(10_000)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_request_goes_through_the_proxy_with_its_password(
    origin: Origin, tmp_path: Path, kind: str, scheme: str
) -> None:
    async with KINDS[kind](("127.0.0.1", origin.ports[scheme]), "me:p@ss word") as proxy, trusting(tmp_path) as net:
        body = await get(net, f"{scheme}://{HOST}/x", proxy.url(user="me:p%40ss%20word"))
        assert proxy.asked == [f"{HOST}:{443 if scheme == 'https' else 80}"]
        assert b"p@ss" not in body and b"roxy-auth" not in body and HOST.encode() in body


async def test_socks5_resolves_names_here_and_socks5h_lets_the_proxy(origin: Origin, tmp_path: Path) -> None:
    async with SocksProxy(("127.0.0.1", origin.ports["http"])) as proxy, trusting(tmp_path) as net:
        await get(net, "http://localhost:81/", proxy.url("socks5"))
        await get(net, "http://localhost:81/", proxy.url("socks5h"))
        assert proxy.asked[0] in ("127.0.0.1:81", "::1:81") and proxy.asked[1] == "localhost:81"
        with pytest.raises(Fault, match="name cannot be resolved") as unknown:
            await get(net, "http://no-such-host.invalid/", proxy.url("socks5"))
        assert unknown.value.kind == "upstream_broken"


@pytest.mark.parametrize("kind", KINDS)
async def test_websockets_go_the_same_way(origin: Origin, tmp_path: Path, kind: str) -> None:
    async with KINDS[kind](("127.0.0.1", origin.ports["https"])) as proxy, trusting(tmp_path) as net:
        net.follow(proxy.url(), ())
        async with await connect(net, SocketRequest(f"wss://{HOST}/socket", {}), Timeouts()) as opened:
            assert await opened.receive(5) == "hello"
        assert proxy.asked == [f"{HOST}:443"]


async def test_what_a_socks_proxy_refuses_has_words_without_the_password(origin: Origin, tmp_path: Path) -> None:
    async with SocksProxy(("127.0.0.1", origin.ports["http"]), "me:canary-word") as proxy, trusting(tmp_path) as net:
        for user in ("", "me:other-canary"):
            with pytest.raises(Fault, match="another user name or password") as raised:
                await get(net, f"http://{HOST}/", proxy.url(user=user))
            assert "canary" not in raised.value.message
        proxy.reply = 2
        with pytest.raises(Fault, match="its rules do not allow the target"):
            await get(net, f"http://{HOST}/", proxy.url(user="me:canary-word"))
        gone = proxy.url(user="me:canary-word")
    async with trusting(tmp_path) as net:
        with pytest.raises(Fault, match="outbound proxy cannot be reached") as raised:
            await get(net, f"http://{HOST}/", gone)
    assert raised.value.kind == "upstream_broken" and "canary" not in raised.value.message


async def test_a_socks_proxy_that_says_nothing_is_given_up_in_time(origin: Origin, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # whose connections nobody accepts
        address = f"socks5h://127.0.0.1:{silent.getsockname()[1]}"
        async with trusting(tmp_path) as net:
            request = HttpRequest("GET", f"http://{HOST}/", {}, proxy=address)
            with pytest.raises(Fault, match="No connection to the provider within") as raised:
                await net.send(request, Timeouts(connect=0.2))
    assert raised.value.kind == "timeout"


def test_who_has_no_socks_proxy_does_not_load_the_packages() -> None:
    program = "import sys, router.app; sys.exit('python_socks' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0


async def test_a_proxy_of_the_environment_that_is_none_is_named(tmp_path: Path, origin: Origin) -> None:
    async with trusting(tmp_path, environ={"HTTPS_PROXY": "socks4://me:canary@h:1"}) as net:
        with pytest.raises(Fault, match=r"\(HTTPS_PROXY\) cannot be used.*SOCKS4") as raised:
            await get(net, f"https://{HOST}/")
    assert "canary" not in raised.value.message


ENVIRONMENT = {"HTTP_PROXY": "plain:3128", "https_proxy": "http://secure:1", "ALL_PROXY": "socks5h://all:1"}


@pytest.mark.parametrize(
    ("url", "own", "general", "expected"),
    [
        ("https://a.example/", None, General(), Way(None, "no proxy is set")),
        ("https://a.example/", None, General(environ=ENVIRONMENT), Way("http://secure:1", "https_proxy")),
        ("wss://a.example/", None, General(environ=ENVIRONMENT), Way("http://secure:1", "https_proxy")),
        ("http://a.example/", None, General(environ=ENVIRONMENT), Way("http://plain:3128", "HTTP_PROXY")),
        ("http://a.example/", None, General(environ={"ALL_PROXY": "socks5://x"}), Way("socks5://x", "ALL_PROXY")),
        ("https://a.example/", None, General("http://g", (), ENVIRONMENT), Way("http://g", "network.proxy")),
        ("https://a.example/", "http://o", General("http://g"), Way("http://o", OWN)),
        ("https://a.example/", None, General("http://g", ("example",)), Way(None, "network.no_proxy")),
        ("https://a.example/", None, General("http://g", (), {"NO_PROXY": "b, .example"}), Way(None, "NO_PROXY")),
        ("https://a.example/", "http://o", General("http://g", ("*",)), Way("http://o", OWN)),
        ("http://127.0.0.1:80/", None, General("http://g"), Way(None, "the target is on this machine")),
        ("http://[::1]:80/", None, General("http://g"), Way(None, "the target is on this machine")),
        ("http://LOCALHOST/", None, General("http://g"), Way(None, "the target is on this machine")),
        ("http://127.0.0.1:80/", "http://o", General(), Way("http://o", OWN)),
    ],
)
def test_the_nearest_proxy_counts(url: str, own: str | None, general: General, expected: Way) -> None:
    assert way(url, own, general) == expected


@pytest.mark.parametrize(
    ("host", "port", "entry", "fits"),
    [
        ("a.example", 443, "a.example", True),
        ("b.a.example", 443, "a.example", True),
        ("ba.example", 443, "a.example", False),
        ("b.a.example", 443, "*.a.example", True),
        ("a.example", 443, "A.Example:443", True),
        ("a.example", 443, "a.example:80", False),
        ("10.1.2.3", 443, "10.0.0.0/8", True),
        ("11.1.2.3", 443, "10.0.0.0/8", False),
        ("10.1.2.3", 443, "10.1.2.3", True),
        ("fd00::1", 443, "fd00::/8", True),
        ("fd00::1", 443, "[fd00::1]:443", True),
        ("a.example", 443, "*", True),
        ("a.example", 443, "", False),
    ],
)
def test_targets_that_no_proxy_stands_before(host: str, port: int, entry: str, fits: bool) -> None:
    assert matches(host, port, [entry]) is fits


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://user:pw@host:3128", None),
        ("https://host", None),
        ("socks5://host:1080", None),
        ("SOCKS5H://user:pw@host:1080/", None),
        ("socks4://host:1", "SOCKS4 is not supported"),
        ("socks://host:1", "write socks5://"),
        ("ftp://host", "must be an outbound proxy"),
        ("host:3128", "must be an outbound proxy"),
        ("http://host:3128/path", "must be an outbound proxy"),
        ("http://host:99999", "a host or a port"),
        ("http://[::bad", "a host or a port"),
        ("http://ho st", "must be an outbound proxy"),
        ("http://host\n", "must be an outbound proxy"),
    ],
)
def test_what_can_be_a_proxy(address: str, words: str | None) -> None:
    problem = proxy_problem(address)
    assert problem is None if words is None else problem is not None and words in problem


@pytest.mark.parametrize("entry", ["", "http://a", "a,b", "a b"])
def test_what_cannot_be_an_exception(entry: str) -> None:
    assert exception_problem(entry) is not None and exception_problem("a.example") is None
