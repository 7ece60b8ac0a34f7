"""Requests to the server behind cto.new."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.faults import Fault
from router.providers.ctonew import requests
from router.providers.ctonew.requests import Chat, Door, Shape
from router.secret import Secret
from router.version import USER_AGENT

DOOR = Door(
    base_url="https://api.example.test",
    origin="https://cto.example.test",
    token=Secret("jwt-canary"),
    user="user_1",
    organisation="org/1",
    headers={"X-Own": "1"},
)
OLD, NEW = Chat("chat-1"), Chat("chat-1", "work space")


def test_the_prompt_of_2025_names_chat_and_model() -> None:
    request = requests.begin(DOOR, "2025", OLD, "Grüße", (), "GPT5")
    assert (request.method, request.url) == ("POST", "https://api.example.test/engine-agent/chat")
    assert json.loads(request.body) == {"prompt": "Grüße", "chatHistoryId": "chat-1", "adapterName": "GPT5"}
    assert dict(request.headers) == {
        "accept": "application/json",
        "accept-encoding": "identity",
        "authorization": "Bearer jwt-canary",
        "content-type": "application/json",
        "origin": "https://cto.example.test",
        "referer": "https://cto.example.test/chat-1",
        "user-agent": USER_AGENT,
        "x-own": "1",
    }


@given(st.text(), st.lists(st.just("https://x.test/a.png"), max_size=2))
def test_the_prompt_of_2026_goes_as_base64(text: str, images: list[str]) -> None:
    body = json.loads(requests.begin(DOOR, "2026", NEW, text, tuple(images), "gpt_5").body)
    assert base64.b64decode(body.pop("prompt")).decode() == text
    assert body.pop("imageUrls", []) == images
    assert body == {"chatHistoryId": "chat-1", "encoded": True}


def test_the_other_steps_of_2026() -> None:
    steps = [requests.create(DOOR, "p"), requests.prefer(DOOR, "gpt_5_4"), requests.offers(DOOR, NEW)]
    assert [(step.method, step.url.removeprefix(DOOR.base_url), json.loads(step.body)) for step in steps] == [
        ("POST", "/projects/create-hosted", {"projectName": "p"}),
        ("PATCH", "/teams/preferred-model", {"modelKey": "gpt_5_4"}),
        ("POST", "/engine-agent/offers", {"chatHistoryId": "chat-1", "surface": "ENGINE_AGENT"}),
    ]
    assert [requests.adapters(DOOR).method, requests.bill(DOOR).body] == ["GET", b""]


def test_the_socket_says_who_asks_and_which_chat() -> None:
    old = requests.socket(DOOR, OLD, cookie=True)
    assert old.url == "wss://api.example.test/engine-agent/chat-histories/chat-1/buffer/stream?token=user_1"
    assert dict(old.headers) == {"origin": "https://cto.example.test", "user-agent": USER_AGENT}
    new = requests.socket(DOOR, NEW, cookie=True)
    assert new.url.endswith("/buffer/stream?token=user_1%3Aorg%2F1&workspaceId=work%20space")
    assert new.headers["cookie"] == "__session=jwt-canary"
    assert "cookie" not in requests.socket(DOOR, NEW, cookie=False).headers


@pytest.mark.parametrize("shape", ["2025", "2026"])
@given(text=st.text('aé🚂\n"', max_size=400), limit=st.integers(100, 1200))
def test_a_request_that_is_refused_would_be_longer_than_the_limit(shape: Shape, text: str, limit: int) -> None:
    chat = Chat("00000000-0000-4000-8000-000000000001", "w")
    size = len(requests.begin(DOOR, shape, chat, text, (), "").body)
    try:
        requests.refuse_too_long(shape, text, (), limit)
    except Fault as fault:
        assert (fault.kind, fault.code) == ("too_long", "context_length_exceeded")
        assert f"{limit:,}" in fault.message
        assert size > limit
    else:
        assert size <= limit


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"{}", b'{"projectId": "x"}', b'{"projectId": 1, "workspaceId": "w"}']
)
def test_a_project_that_does_not_say_which_is_a_fault(body: bytes) -> None:
    with pytest.raises(Fault, match="did not say which"):
        requests.read_project(body)


@pytest.mark.parametrize("keys", [("projectId",), ("projectId", "chatHistoryId")])
def test_a_project_is_its_chat_unless_it_names_one(keys: Sequence[str]) -> None:
    body = json.dumps({**{key: key for key in keys}, "workspaceId": "w"}).encode()
    assert requests.read_project(body) == Chat(keys[-1], "w")
