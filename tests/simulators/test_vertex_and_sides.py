"""Vertex with its token endpoint, counting, embeddings, pictures and lists."""

from __future__ import annotations

import base64
import struct
import time
from typing import Any

import aiohttp
import jwt

from tests.simulators import Upstream
from tests.simulators.asking import ANTHROPIC, GEMINI, OPENAI, contents, said
from tests.simulators.oauth import GRANT, SCOPE

VERTEX = "/v1/projects/p/locations/europe-west4/publishers/google/models/gemini-2.5-flash:generateContent"


async def _post(http: aiohttp.ClientSession, url: str, body: Any, headers: dict[str, str]) -> tuple[int, Any]:
    async with http.post(url, json=body, headers=headers) as answer:
        return answer.status, await answer.json(content_type=None)


async def _token(http: aiohttp.ClientSession, account: dict[str, str], **changed: Any) -> tuple[int, Any]:
    now = int(time.time())
    claims = {"iss": account["client_email"], "scope": SCOPE, "aud": account["token_uri"], "iat": now,
              "exp": now + 3600, **changed}  # fmt: skip
    assertion = jwt.encode(claims, account["private_key"], "RS256")
    async with http.post(account["token_uri"], data={"grant_type": GRANT, "assertion": assertion}) as answer:
        return answer.status, await answer.json()


async def test_vertex_takes_tokens_of_its_endpoint_alone(upstream: Upstream, http: aiohttp.ClientSession) -> None:
    account = upstream.service_account()
    status, token = await _token(http, account)
    assert status == 200
    headers = {"authorization": f"Bearer {token['access_token']}"}
    status, answer = await _post(http, upstream.base_url("vertex") + VERTEX, contents("hi"), headers)
    assert status == 200
    assert answer["candidates"][0]["content"]["parts"][0]["text"].startswith("You said: hi")
    status, _ = await _post(http, upstream.base_url("vertex") + VERTEX, contents("hi"), {"authorization": "Bearer x"})
    assert status == 401


async def test_the_token_endpoint_checks_claims_and_signature(upstream: Upstream, http: aiohttp.ClientSession) -> None:
    account = upstream.service_account()
    assert (await _token(http, account, aud="elsewhere"))[1]["error"] == "invalid_grant"
    assert (await _token(http, account, scope="email"))[1]["error"] == "invalid_scope"
    assert (await _token(http, account, exp=int(time.time()) + 9000))[0] == 400
    async with Upstream() as other:
        foreign = other.service_account() | {"token_uri": account["token_uri"]}
        assert (await _token(http, foreign))[1]["error_description"] == "Invalid JWT Signature."


async def test_embeddings_are_the_same_in_both_encodings(upstream: Upstream, http: aiohttp.ClientSession) -> None:
    url = f"{upstream.base_url('openai')}/embeddings"
    body = {"model": "text-embedding-3-small", "input": ["a"], "dimensions": 3}
    _, plain = await _post(http, url, body, OPENAI)
    _, packed = await _post(http, url, body | {"encoding_format": "base64"}, OPENAI)
    values = struct.unpack("<3f", base64.b64decode(packed["data"][0]["embedding"]))
    assert list(values) == plain["data"][0]["embedding"]


async def test_a_batch_of_gemini_embeddings_names_its_model(upstream: Upstream, http: aiohttp.ClientSession) -> None:
    url = f"{upstream.base_url('gemini')}/v1beta/models/gemini-embedding-001:batchEmbedContents"
    one = {"model": "models/gemini-embedding-001", "content": {"parts": [{"text": "a"}]}}
    _, answer = await _post(http, url, {"requests": [one, one]}, GEMINI)
    assert [len(entry["values"]) for entry in answer["embeddings"]] == [8, 8]
    assert (await _post(http, url, {"requests": [one | {"model": "models/x"}]}, GEMINI))[0] == 400


async def test_counting_agrees_with_the_usage_of_the_answer(upstream: Upstream, http: aiohttp.ClientSession) -> None:
    body = {"model": "claude-sonnet-4-5", "messages": [{"role": "user", "content": "one two three four"}]}
    url = f"{upstream.base_url('anthropic')}/v1/messages"
    _, counted = await _post(http, f"{url}/count_tokens", body, ANTHROPIC)
    _, answer = await _post(http, url, body | {"max_tokens": 50}, ANTHROPIC)
    assert counted["input_tokens"] == answer["usage"]["input_tokens"] > 1
    assert (await _post(http, f"{url}/count_tokens", body | {"max_tokens": 50}, ANTHROPIC))[0] == 400


async def test_gemini_counts_contents_or_a_whole_request_but_not_both(
    upstream: Upstream, http: aiohttp.ClientSession
) -> None:
    url = f"{upstream.base_url('gemini')}/v1beta/models/gemini-2.5-pro:countTokens"
    whole = contents("hi there") | {"model": "models/gemini-2.5-pro", "systemInstruction": {"parts": [{"text": "be"}]}}
    _, plain = await _post(http, url, contents("hi there"), GEMINI)
    _, more = await _post(http, url, {"generateContentRequest": whole}, GEMINI)
    assert more["totalTokens"] > plain["totalTokens"] > 0
    status, refused = await _post(http, url, contents("hi") | {"generateContentRequest": whole}, GEMINI)
    assert (status, "Only one of" in said(refused)) == (400, True)


async def test_pictures_are_pictures(upstream: Upstream, http: aiohttp.ClientSession) -> None:
    body = {"model": "gpt-image-1", "prompt": "a dog", "n": 2}
    _, answer = await _post(http, f"{upstream.base_url('openai')}/images/generations", body, OPENAI)
    assert [base64.b64decode(one["b64_json"])[:4] for one in answer["data"]] == [b"\x89PNG"] * 2
    status, _ = await _post(
        http, f"{upstream.base_url('openai')}/images/generations", body | {"response_format": "url"}, OPENAI
    )
    assert status == 400


async def test_each_host_lists_models_in_its_own_shape(upstream: Upstream, http: aiohttp.ClientSession) -> None:
    async with http.get(f"{upstream.base_url('openai')}/models", headers=OPENAI) as answer:
        assert (await answer.json())["object"] == "list"
    async with http.get(f"{upstream.base_url('anthropic')}/v1/models?limit=2", headers=ANTHROPIC) as answer:
        page = await answer.json()
    assert (len(page["data"]), page["has_more"], page["last_id"]) == (2, True, page["data"][1]["id"])
    async with http.get(f"{upstream.base_url('gemini')}/v1beta/models", headers=GEMINI) as answer:
        assert (await answer.json())["models"][0]["name"] == "models/gemini-2.5-flash"
