"""Signing in at a service over HTTP: the link at once, how it goes, giving it up, and what stands in the way."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.router.api.harness import KEY, Answer
from tests.router.api.relaying import Connected, Relayed, relayed
from tests.router.api.signing_in import MANAGES
from tests.simulators import Upstream

PATH = "/v1/auth/aistudio/login"


@asynccontextmanager
async def waiting(upstream: Upstream, folder: Path) -> AsyncIterator[tuple[Relayed, Connected]]:
    """A service at which nobody has signed in yet."""
    async with relayed(upstream, folder) as it:
        desk = await it.connect("desk")
        desk.service.person.clear()
        yield it, desk


async def send(it: Relayed, path: str = PATH, body: Any = None, **more: Any) -> Answer:
    return await it.router.send(path, body, headers=MANAGES, **more)


async def test_the_answer_has_the_link_and_the_end_is_seen(upstream: Upstream, tmp_path: Path) -> None:
    async with waiting(upstream, tmp_path) as (it, desk):
        begun = await send(it, body={"profile": "work"})
        assert begun.status == 200 and begun.headers["cache-control"] == "no-store"
        shown = begun.json
        assert (shown["state"], shown["message"], shown["profile"]) == ("waiting", "Open it.", "work")
        assert shown["vnc_url"] == "http://127.0.0.1:6080/"
        path = f"{PATH}/{shown['login_id']}"
        assert (await send(it, path)).json == shown
        desk.service.person.set()
        sign_in = it.hub.sign_ins.find(shown["login_id"])
        await it.router.until(lambda: not sign_in.open)
        ended = (await send(it, path)).json
        assert ended["state"] == "done" and "vnc_url" not in ended
        assert desk.service.signed_in == ["work"]
        assert shown["vnc_url"] not in it.router.log
    lines = [json.loads(line) for line in (tmp_path / "state" / "audit.jsonl").read_text().splitlines()]
    told = [(line["who"], line["account"]) for line in lines if line["what"] == "signed_in"]
    assert told == [("management", "aistudio/desk:work")]


async def test_a_sign_in_that_is_given_up_ends_at_the_service(upstream: Upstream, tmp_path: Path) -> None:
    async with waiting(upstream, tmp_path) as (it, desk):
        shown = (await send(it, "/v1/auth/ai-studio/login", {})).json
        assert shown["profile"] == "default"
        ended = await send(it, f"{PATH}/{shown['login_id']}", method="DELETE")
        assert (ended.json["state"], ended.json["message"]) == ("failed", "The sign-in was cancelled.")
        await it.router.until(lambda: desk.service.cancelled == 1)
        assert desk.service.signed_in == []


async def test_a_service_that_goes_ends_its_sign_in(upstream: Upstream, tmp_path: Path) -> None:
    async with waiting(upstream, tmp_path) as (it, desk):
        shown = (await send(it, body={})).json
        await desk.vanish()
        await it.router.until(lambda: not it.hub.sessions)
        assert (await send(it, f"{PATH}/{shown['login_id']}")).json["message"] == "The service has gone."


async def test_without_a_service_the_answer_says_what_to_do(upstream: Upstream, tmp_path: Path) -> None:
    async with relayed(upstream, tmp_path) as it:
        for body in ({}, {"service": "desk"}):
            refused = await send(it, body=body)
            assert refused.status == 503
            error = refused.json["error"]
            assert error["code"] == "no_service" and "make up" in error["message"]
        await it.browser()  # which is no service that could open a window
        assert (await send(it, body={})).status == 503


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"profile": "../x"}, "small letters"),
        ({"profil": "x"}, "Did you mean 'profile'"),
        ({"profile": 3}, "must be a text"),
        ({"headed": "perhaps"}, "true or false"),
    ],
)
async def test_what_cannot_be_meant_is_refused(upstream: Upstream, tmp_path: Path, body: Any, says: str) -> None:
    async with relayed(upstream, tmp_path) as it:
        await it.connect("desk")
        refused = await send(it, body=body)
        assert refused.status == 400 and says in refused.json["error"]["message"]


async def test_only_whoever_manages_may_and_only_by_post(upstream: Upstream, tmp_path: Path) -> None:
    async with waiting(upstream, tmp_path) as (it, _):
        for headers in ({"authorization": None}, {"authorization": f"Bearer {KEY}"}):
            for path, method in ((PATH, "POST"), (f"{PATH}/x", "GET"), (f"{PATH}/x", "DELETE")):
                assert (await it.router.send(path, None, method=method, headers=headers)).status == 401
        assert (await send(it)).status == 405
        unknown = await send(it, f"{PATH}/sign-in-0-1")
        assert unknown.status == 404 and "begin anew" in unknown.json["error"]["message"]
