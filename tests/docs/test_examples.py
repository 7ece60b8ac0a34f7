"""The examples of docs/extending.md do what the page says."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp.web
import msgspec
import pytest

from router.access.keys import digest, key_id
from router.accounts.record import Account
from router.api.continuation import Continuations, FinalAnswer
from router.call import Call, Caller, Record
from router.faults import Fault
from router.net.client import Net
from router.net.message import HttpRequest, Timeouts
from router.providers.config import ProviderConfig
from router.providers.executor import Outgoing
from router.providers.resolve import resolve
from router.secret import Secret
from router.settings.presets import read_presets
from router.settings.schema import Settings
from router.wire import codec, sse
from router.wire.capabilities import Capabilities
from router.wire.dialect import events_of
from router.wire.dialects import DIALECTS
from router.wire.fold import fold
from tests.docs.conftest import Running, running
from tests.docs.examples.acme_provider import acme
from tests.docs.examples.memory_store import MemoryRows
from tests.ports import free_port

EXAMPLES = Path(__file__).parent / "examples"


def test_a_preset_makes_a_provider_of_a_variable() -> None:
    presets = read_presets((EXAMPLES / "preset.yaml").read_text(encoding="utf-8"))
    providers = {one.id: one for one in resolve(Settings(), {"ACME_API_KEY": "acme-secret"}, presets)}
    made = providers["acme"]
    assert made.reason is None
    assert made.names == ("acme-ai",)
    assert made.base_urls == ("https://api.acme.example/v1",)
    assert made.quirks["reasoning_field"] == "reasoning_content"
    assert [account.secret.reveal() for account in made.accounts] == ["acme-secret"]


@pytest.fixture
async def acme_server() -> AsyncIterator[str]:
    """A server with Acme's address and header that speaks Chat Completions."""

    async def answer(request: aiohttp.web.Request) -> aiohttp.web.Response:
        if request.headers.get("acme-token") != "acme-secret":
            return aiohttp.web.json_response({"error": "who are you?"}, status=401)
        chunks = [{"choices": [{"index": 0, "delta": {"content": word}}]} for word in ("Hello ", "Acme")]
        chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        frames = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
        return aiohttp.web.Response(text=frames, content_type="text/event-stream")

    app = aiohttp.web.Application()
    app.router.add_post("/v9/engines/{model}/chat", answer)
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", port).start()
    yield f"http://127.0.0.1:{port}/v9"
    await runner.cleanup()


async def ask_acme(base_url: str, key: str) -> tuple[int, bytes]:
    secret = Secret(key)
    provider = ProviderConfig(
        id="acme", kind="openai-compatible", accounts=(Account(id="acme/1", provider="acme", label="1", secret=secret),)
    )
    outgoing = Outgoing(
        operation="generate",
        dialect="chat",
        model="large",
        stream=True,
        body=b"{}",
        base_url=base_url,
        credential=secret,
    )
    url, headers = acme(provider, outgoing)
    net = Net()
    try:
        async with await net.send(HttpRequest("POST", url, headers, outgoing.body), Timeouts()) as response:
            return response.status, await response.read(100_000)
    finally:
        await net.close()


async def test_an_executor_reaches_a_provider_whose_answer_the_dialect_reads(acme_server: str) -> None:
    status, body = await ask_acme(acme_server, "acme-secret")
    assert status == 200
    splitter = sse.Splitter()
    frames = [*splitter.feed(body), *splitter.close()]
    answer = fold(events_of(DIALECTS["chat"].stream_reader(Capabilities()), frames))
    assert answer.complete
    assert "".join(part.text for part in answer.choices[0].parts) == "Hello Acme"  # type: ignore[attr-defined]


async def test_the_dialect_reads_that_providers_faults_too(acme_server: str) -> None:
    status, body = await ask_acme(acme_server, "wrong")
    fault = DIALECTS["chat"].read_fault(status, {}, body)
    assert fault.kind == "upstream_auth"
    assert "who are you?" in fault.message


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("plain"), "tests.docs.examples.plain_surface") as found:
        yield found


def test_a_dialect_of_ones_own_is_answered(plain: Running) -> None:
    status, answer = plain.post("/v1/plain", {"model": "demo/echo", "ask": "Hello"})
    assert (status, answer) == (200, {"answer": "[Switchyard demo] You said: Hello", "model": "demo/echo"})


def test_a_dialect_of_ones_own_is_streamed(plain: Running) -> None:
    status, text = plain.post("/v1/plain", {"model": "demo/echo", "ask": "Hello", "stream": True})
    assert status == 200
    assert "".join(line.removeprefix("data: ") for line in text.split("\n\n")) == "[Switchyard demo] You said: Hello"


def test_a_dialect_of_ones_own_names_the_place_of_a_mistake(plain: Running) -> None:
    status, answer = plain.post("/v1/plain", {"model": "demo/echo", "ask": 7})
    assert status == 400
    assert answer["error"]["param"] == "ask"


def test_a_dialect_of_ones_own_ends_a_cut_answer_with_its_error(plain: Running) -> None:
    _, text = plain.post("/v1/plain", {"model": "demo/cut", "ask": "Hello", "stream": True})
    assert text.endswith("\n\n")
    assert text.count("event: error\n") == 1
    assert text.rstrip().splitlines()[-1].startswith("data: [Switchyard demo] The demo broke off")


def call(key: str, **body: object) -> Call:
    caller = Caller(key_id=key_id(digest(Secret(key))), key_name=key)
    return Call(
        id="r", dialect="responses", asked="m", stream=False, body=codec.dumps({"model": "m"} | body), caller=caller
    )


async def test_a_store_of_ones_own_continues_a_conversation_for_its_key_alone() -> None:
    continuations = Continuations()
    continuations.use(MemoryRows(most=10))
    first = call("anna", input="My name is Anna.")
    answer = {
        "id": "resp_1",
        "status": "completed",
        "output": [{"type": "message", "id": "msg_1", "role": "assistant", "content": []}],
    }
    final = FinalAnswer()
    final.whole(codec.dumps(answer))
    assert continuations.wants(first)
    continuations.keep(first, Record(call_id="r", dialect="responses", surface="responses", asked="m"), final)

    resumed = await continuations.resume(call("anna", input="Who am I?", previous_response_id="resp_1"))
    items = msgspec.json.decode(resumed.body)["input"]
    assert "My name is Anna." in json.dumps(items[0])
    assert items[1]["id"] == "msg_1"
    assert "Who am I?" in json.dumps(items[-1])
    with pytest.raises(Fault, match="not found"):
        await continuations.resume(call("bert", input="Who am I?", previous_response_id="resp_1"))


async def test_a_store_of_ones_own_forgets_the_oldest() -> None:
    rows = MemoryRows(most=1)
    assert rows.put("a", "k", "", b"1")
    assert rows.put("b", "k", "", b"2")
    kept = await rows.get("b", "k")
    assert kept is not None
    assert kept.body == b"2"
    assert await rows.get("a", "k") is None


@pytest.fixture(scope="module")
def shouting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A router beside the example service."""
    with subprocess.Popen(
        [sys.executable, str(EXAMPLES / "shout_service.py"), "0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as service:
        try:
            assert service.stdout is not None
            port = int(service.stdout.readline())
            providers = {
                "openai-compatible": [{"name": "shout", "base_url": f"http://127.0.0.1:{port}/v1", "models": ["loud"]}]
            }
            with running(
                tmp_path_factory.mktemp("shout"), "router", "serve", settings={"providers": providers}
            ) as found:
                yield found
        finally:
            service.terminate()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "say it"}]}),
        ("/v1/responses", {"input": "say it"}),
        ("/v1/messages", {"max_tokens": 50, "messages": [{"role": "user", "content": "say it"}]}),
    ],
)
def test_a_service_of_ones_own_answers_in_every_dialect(
    shouting: Running, path: str, body: dict[str, object], stream: bool
) -> None:
    status, answer = shouting.post(path, {"model": "shout/loud", "stream": stream} | body)
    assert status == 200
    said = answer if isinstance(answer, str) else json.dumps(answer)
    assert "SAY" in said
    assert "IT" in said


def test_a_service_of_ones_own_answers_gemini_clients(shouting: Running) -> None:
    asked = {"contents": [{"role": "user", "parts": [{"text": "say it"}]}]}
    status, answer = shouting.post("/v1beta/models/shout/loud:generateContent", asked)
    assert status == 200
    assert answer["candidates"][0]["content"]["parts"][0]["text"] == "SAY IT"
