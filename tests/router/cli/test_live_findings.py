"""What doctor finds by calling: whole answers in every dialect, and proxies that hold streams back."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from router.cli.live_findings import Arrival, asking, dialects, through
from router.cli.network_findings import network
from router.cli.talk import Place
from router.settings.schema import Settings
from tests.router.api.harness import KEY, Running, running
from tests.simulators import Upstream


def place(tmp_path: Path, settings: Mapping[str, Any] | None = None) -> Place:
    (tmp_path / "keys").mkdir(exist_ok=True)
    (tmp_path / "keys" / "client.key").write_text(KEY)
    return Here(Settings.model_validate(settings or {}), tmp_path / "config.yaml", tmp_path)


class Here(Place):
    @property
    def process(self) -> dict[str, Any]:
        return {"pid": 1, "addresses": [("127.0.0.1", 1)], "scheme": "http"}


@pytest.fixture
async def router(tmp_path: Path) -> AsyncIterator[Running]:
    async with Upstream() as upstream, running(upstream, tmp_path / "router") as one:
        yield one


async def test_every_dialect_of_a_running_gateway_is_whole(router: Running, tmp_path: Path) -> None:
    found = await asyncio.to_thread(lambda: list(dialects(place(tmp_path), {}, asking(router.url, KEY))))
    assert [each.level for each in found] == ["ok"], found


async def test_streams_of_a_gateway_without_a_proxy_come_as_they_are_written(router: Running) -> None:
    (found,) = await asyncio.to_thread(lambda: list(through(router.url, KEY)))
    assert found.level == "ok", found
    (found,) = await asyncio.to_thread(lambda: list(through(router.url, "sk-wrong")))
    assert found.level == "error" and "answers 401" in found.what


OTHER = b'data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


def answering(status: int, *arrived: Arrival) -> Any:
    def ask(path: str, body: Mapping[str, Any]) -> tuple[int, Sequence[Arrival]]:
        return status, arrived

    return ask


@pytest.mark.parametrize(
    ("status", "data", "told"),
    [
        (502, b"<html>", "status 502"),
        (200, b'data: {"choices":[{"index":0,"delta":{"content":"one two"}}]}\n\n', "cannot be read"),
        (200, b"data: nonsense\n\n", "cannot be read"),
        (
            200,
            b'data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
            "not what",
        ),
    ],
)
def test_what_is_not_whole_is_told(tmp_path: Path, status: int, data: bytes, told: str) -> None:
    found = list(dialects(place(tmp_path), {}, answering(status, (0.1, data))))
    chat = next(each for each in found if each.what.startswith("chat"))
    assert chat.level == "error" and told in chat.what


def test_a_proxy_that_holds_streams_back_is_found() -> None:
    (held,) = through("https://gate.example", KEY, answering(200, (0.95, b"a"), (1.0, b"b")))
    assert held.level == "error" and "proxy_buffering off" in held.fix
    (flowing,) = through("https://gate.example", KEY, answering(200, (0.05, b"a"), (1.0, b"b")))
    assert flowing.level == "ok"


KEYED = {"providers": {"openai": {"api_keys": ["k"]}, "anthropic": {"api_keys": ["k"]}, "demo": {"enabled": True}}}


@pytest.mark.parametrize(
    ("error", "told", "fix"),
    [
        (socket.gaierror(-2, "Name or service not known"), "is not known", "DNS"),
        (TimeoutError(), "does not answer within", "firewalls"),
        (ConnectionRefusedError(111, "Connection refused"), "cannot be reached", "base_url"),
        (ssl.SSLCertVerificationError(1, "self-signed"), "no certificate that counts", "ca-certificates"),
    ],
)
def test_what_is_wrong_on_the_way_is_told(tmp_path: Path, error: OSError, told: str, fix: str) -> None:
    def look(origin: str) -> float | None:
        raise error

    found = list(network(place(tmp_path, KEYED), {}, look))
    assert len(found) == 2 and all(each.level == "error" for each in found)
    assert all(told in each.what and fix in each.fix for each in found)
    assert {each.what.partition(":")[0] for each in found} == {"openai", "anthropic"}


@pytest.mark.parametrize(("skew", "level"), [(5.0, "ok"), (-90.0, "warning"), (4000.0, "error")])
def test_a_clock_that_is_wrong_is_told_once(tmp_path: Path, skew: float, level: str) -> None:
    found = list(network(place(tmp_path, KEYED), {}, lambda origin: skew))
    (clock,) = [each for each in found if each.about == "clock"]
    assert clock.level == level
    if level != "ok":
        assert ("behind" if skew > 0 else "ahead") in clock.what


def test_of_a_provider_behind_a_proxy_the_proxy_is_looked_at(tmp_path: Path) -> None:
    settings = {"providers": {"openai": {"api_keys": ["k"], "proxy": "http://proxy.example:3128"}}}
    asked: list[tuple[str, int]] = []
    found = list(network(place(tmp_path, settings), {}, unasked, lambda *where: asked.append(where)))
    assert [each.level for each in found] == ["ok"] and "through a proxy of its own" in found[0].what
    settings["models"] = {"combos": {"smart": {"targets": ["gpt-4.1"], "proxy": "socks5://me:word@proxy.example"}}}
    told, _ = network(place(tmp_path, settings), {}, unasked, lambda *where: asked.append(where))
    assert "the combo smart" in told.what and "word" not in told.what
    assert asked == [("proxy.example", 3128), ("proxy.example", 1080), ("proxy.example", 3128)]


def test_a_proxy_that_is_not_there_is_an_error_without_its_password(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    keys = ["a", {"key": "b", "proxy": f"http://me:word@127.0.0.1:{port}"}]
    settings = {"providers": {"openai": {"api_keys": keys}}}
    lost, direct, *_ = network(place(tmp_path, settings), {}, lambda origin: None)
    assert lost.level == "error" and f"127.0.0.1:{port} cannot be reached" in lost.what and "word" not in str(lost)
    assert direct.level == "ok" and "api.openai.com answers" in direct.what  # the other key goes straight on
    with socket.create_server(("127.0.0.1", port)):
        there, *_ = network(place(tmp_path, settings), {}, lambda origin: None)
    assert there.level == "ok" and "takes connections" in there.what


def unasked(origin: str) -> float | None:
    raise AssertionError(origin)


@pytest.mark.parametrize(
    ("settings", "environ", "source"),
    [
        ({"network": {"proxy": "http://proxy.example:3128"}}, {}, "network.proxy"),
        ({}, {"HTTPS_PROXY": "http://proxy.example:3128"}, "HTTPS_PROXY"),
    ],
)
def test_providers_behind_the_proxy_for_all_are_left_to_the_gateway(
    tmp_path: Path, settings: dict[str, Any], environ: dict[str, str], source: str
) -> None:
    keys = {"providers": {"openai": {"api_keys": ["k"]}}}
    (found,) = network(place(tmp_path, keys | settings), environ, unasked, lambda host, port: None)
    assert found.level == "ok" and f"through the proxy of {source}" in found.what
    spared = settings | {"network": {**settings.get("network", {}), "no_proxy": ["openai.com"]}}
    (asked,) = network(place(tmp_path, keys | spared), environ, lambda origin: None)
    assert asked.level == "ok" and "https://api.openai.com answers" in asked.what


def test_without_a_gateway_nothing_is_called(tmp_path: Path) -> None:
    one = place(tmp_path)
    gone = Place(one.settings, one.config, one.state_dir)
    assert list(dialects(gone, {})) == []
