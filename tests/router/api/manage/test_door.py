"""Every operation of the management API: closed without a key, without the rights, from elsewhere, for guessers."""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.routing import Route

from router.access.roles import ROLES
from router.api import guard, service_sign_in, web_cookies
from tests.router.api.harness import KEY, MANAGEMENT, Running, ask, running
from tests.router.api.manage.desk import AUTH, P, made_key, manage, opened, placed
from tests.simulators import Upstream

OPENS = ("POST", "/session")
OTHER_NAMES = (*service_sign_in.NAMES[1:], *web_cookies.NAMES[1:])
"""Of services whose routes are described by the first."""
REFUSED = {f"{AUTH}/aistudio/login": {"GET"}}
"""What a route takes only to say in words what to do instead."""


@pytest.fixture
async def desk(upstream: Upstream, tmp_path: Path) -> AsyncIterator[Running]:
    async with running(upstream, tmp_path, {}) as router:
        await router.until(lambda: router.router.recall.memory)
        yield router


async def operations(router: Running) -> list[tuple[str, str, str]]:
    """Method, path (with something in the place of its parameters) and role, by the API's own description. Of accounts
    and sign-ins the whole path, of the others what stands below `P`."""
    document = (await manage(router, "GET", "/openapi.json")).json
    found = []
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            need = re.fullmatch(r"Needs the role (\w+)\.", described["description"])
            assert need is not None
            found.append((method.upper(), re.sub(r"\{\w+\}", "x", path).removeprefix(P), need[1]))
    return found


async def test_the_description_has_every_route(desk: Running) -> None:
    described = {(method, placed(path)) for method, path, _ in await operations(desk)}
    app: Any = desk.router.app()
    while not hasattr(app, "routes"):
        app = next(getattr(app, name) for name in ("_rest", "_app") if hasattr(app, name))
    routes: list[Any] = app.routes
    assert len(routes) > 20
    sign_ins = {each for each in described if each[1].startswith(AUTH)}
    described -= sign_ins
    real = {
        (method, re.sub(r"\{[^}]+\}", "x", route.path))
        for route in routes
        if isinstance(route, Route) and route.path.startswith(f"{P}/")
        for method in route.methods or ()
        if method != "HEAD"
    }
    assert real == described
    fitting = [route for route in routes if isinstance(route, Route) and route.path.startswith(AUTH)]
    for method, path in sign_ins:
        first = next(route for route in fitting if route.path_regex.match(path))
        assert method in (first.methods or ()), (method, path)
    for route in fitting:
        if any(f"/{name}" in route.path for name in OTHER_NAMES):
            continue
        told = {method for method, path in sign_ins if route.path_regex.match(path)}
        refused = {"HEAD", *REFUSED.get(route.path, ())}
        assert (route.methods or set()) - refused <= told, route.path


async def test_without_a_key_everything_is_closed(desk: Running) -> None:
    for method, path, _ in await operations(desk):
        if (method, path) == OPENS:
            continue
        body = None if method == "GET" else {}
        for headers in ({"authorization": None}, {"authorization": f"Bearer {KEY}"}, {"authorization": "Bearer no"}):
            answer = await desk.send(placed(path), body, method=method, headers=headers)
            assert answer.status == 401, (method, path, headers)
            assert "management key" in answer.json["error"]["message"]


async def test_each_role_may_do_what_it_may(desk: Running) -> None:
    keys = {role: await made_key(desk, role, role) for role in ROLES if role != "admin"}
    for method, path, need in await operations(desk):
        if path.endswith("/live") or (method, path) == OPENS:
            continue
        for role, key in keys.items():
            answer = await manage(desk, method, path, None if method == "GET" else {}, key=key)
            allowed = ROLES.index(role) >= ROLES.index(need)  # type: ignore[arg-type]
            assert (answer.status != 403) is allowed, (role, method, path, answer.body)
            if not allowed:
                assert f"needs the role {need}" in answer.json["error"]["message"]


async def test_from_elsewhere_management_is_closed_unless_it_is_opened(desk: Running) -> None:
    for method, path, _ in await operations(desk):
        answer = await manage(desk, method, path, None if method == "GET" else {}, x_forwarded_for="203.0.113.9")
        assert answer.status == 403


async def test_a_session_stands_for_its_key(desk: Running) -> None:
    browser = await opened(desk)
    flags = browser.set_cookie.lower()
    assert "httponly" in flags and "samesite=strict" in flags and "secure" not in flags
    who = await browser.send("GET", "/session")
    assert who.json["role"] == "admin" and who.json["csrf"] == browser.csrf
    assert (await browser.send("POST", "/keys", {"name": "a"})).status == 200
    gone = await browser.send("DELETE", "/session")
    assert gone.status == 204 and "max-age=0" in gone.headers["set-cookie"].lower()


async def test_keys_for_other_things_and_keys_that_have_ended_open_nothing(desk: Running) -> None:
    keys = {scope: await made_key(desk, scope, scope) for scope in ("client", "service", "relay")}
    keys["revoked"] = await made_key(desk, "revoked", "management")
    listed = (await manage(desk, "GET", "/keys")).json["keys"]
    found = next(each["id"] for each in listed if each["name"] == "revoked")
    assert (await manage(desk, "DELETE", f"/keys/{found}")).status == 204
    brief = await manage(desk, "POST", "/keys", {"name": "brief", "scope": "management", "expires_in": 0.001})
    keys["expired"] = brief.json["key"]
    known = desk.router._keys.keys
    await desk.until(lambda: any(key.name == "brief" and not key.usable(time.time()) for key in known()))
    for method, path, _ in await operations(desk):
        for what, key in keys.items():
            body = {"key": key} if (method, path) == OPENS else None if method == "GET" else {}
            answer = await manage(desk, method, path, body, key=key)
            assert answer.status == 401, (what, method, path, answer.body)


async def test_every_change_needs_the_token_of_its_own_session(desk: Running) -> None:
    mine, other = await opened(desk), await opened(desk, await made_key(desk, "helper", "operator"))
    changing = [each for each in await operations(desk) if each[0] != "GET" and each[:2] != OPENS]
    assert len(changing) > 10
    for method, path, _ in changing:
        for token in (None, other.csrf):
            answer = await mine.send(method, path, {}, x_switchyard_csrf=token)
            assert answer.status == 403 and "x-switchyard-csrf" in answer.json["error"]["message"], (method, path)


async def test_knowing_an_id_opens_nothing_more(desk: Running) -> None:
    """Ids of another key, of somebody's call, of an account, of a program: a lower role gets no further with them."""
    assert (await desk.send(*ask("chat", "gpt-4.1"))).status == 200
    asked = len(desk.upstream.requests)
    helper = {role: await made_key(desk, f"helper-{role}", role) for role in ROLES if role != "admin"}
    keys = {each["name"]: each["id"] for each in (await manage(desk, "GET", "/keys")).json["keys"]}
    ids = {
        "/keys/{id}": [keys["management"], keys["tester"], keys["helper-viewer"], keys["helper-operator"]],
        "/keys/{id}/rotate": [keys["management"], keys["helper-viewer"]],
        "/calls/{id}": [(await manage(desk, "GET", "/calls")).json["calls"][0]["id"]],
        "/processes/{name}/restart": ["router", "aistudio"],
        **{f"/backups/{{id}}{what}": ["20261127-100000-000"] for what in ("", "/file", "/verify")},
        "/models/custom/{provider}/{id}": ["openai"],
        "/records/{id}": [(await manage(desk, "GET", "/calls")).json["calls"][0]["id"]],
        "/accounts/{id}": ["openai/1", "anthropic/1"],
        **{f"/accounts/{{id}}/{what}": ["openai/1", "anthropic/1"] for what in ("probe", "check", "reset", "call")},
    }
    begun = (await manage(desk, "POST", f"{AUTH}/claude/login", {"accept": True})).json["login_id"]
    login = f"{AUTH}/{{provider}}/login"
    ids |= {
        f"{AUTH}/{{account}}": ["openai/1", "claude-oauth/somebody"],
        login: ["claude", "llmux/claude"],
        f"{login}/{{login_id}}": [f"claude/login/{begun}"],
        f"{login}/{{login_id}}/callback": [f"claude/login/{begun}"],
        f"{AUTH}/aistudio/login/{{login_id}}": [begun],
    }
    document = (await manage(desk, "GET", "/openapi.json")).json["paths"]
    assert {path.removeprefix(P) for path in document if "{" in path} == set(ids)
    for path, known in ids.items():
        for method, described in document[placed(path)].items():
            need = described["description"].removeprefix("Needs the role ").removesuffix(".")
            for role, key in helper.items():
                for each in known:
                    place = re.sub(r"\{provider\}/login/\{login_id\}|\{\w+\}", each, path)
                    answer = await manage(desk, method.upper(), place, None if method == "get" else {}, key=key)
                    allowed = ROLES.index(role) >= ROLES.index(need)  # type: ignore[arg-type]
                    assert (answer.status != 403) is allowed, (role, method, place, answer.body)
    shown = await manage(desk, "GET", f"{AUTH}/claude/login/{begun}")
    assert shown.json["state"] == "waiting"
    after = {each["name"]: each["state"] for each in (await manage(desk, "GET", "/keys")).json["keys"]}
    assert {after[name] for name in keys} == {"usable"}
    others = [each for each in desk.upstream.requests[asked:] if each.request.method != "GET"]
    assert others == []  # a free look is all that an operator has made


async def test_only_a_key_that_manages_opens_a_session(desk: Running) -> None:
    for body, status in (
        ({}, 400),
        ({"key": KEY}, 401),
        ({"key": "no"}, 401),
        ({"key": ["a"]}, 400),
        ({"key": "\u00e9"}, 400),
    ):
        for headers in ({"authorization": None}, {"authorization": f"Bearer {MANAGEMENT}"}):
            answer = await desk.send(f"{P}/session", body, headers=headers)
            assert answer.status == status, (body, answer.body)
            assert "set-cookie" not in answer.headers


async def test_a_session_changes_nothing_without_its_token(desk: Running) -> None:
    browser = await opened(desk)
    for token in (None, "", "wrong", browser.csrf + "x"):
        answer = await browser.send("POST", "/keys", {"name": "a"}, x_switchyard_csrf=token)
        assert answer.status == 403 and "x-switchyard-csrf" in answer.json["error"]["message"]
    assert (await browser.send("GET", "/keys", x_switchyard_csrf=None)).status == 200


async def test_a_forged_old_or_revoked_session_is_none(desk: Running) -> None:
    key = await made_key(desk, "helper", "viewer")
    browser = await opened(desk, key)
    assert (await browser.send("GET", "/overview")).status == 200
    said, _, signature = browser.cookie.rpartition(".")
    for cookie in (f"{said}x.{signature}", f"{said}.{signature[:-1]}", "switchyard_session=", "switchyard_session=a.b"):
        assert (await browser.send("GET", "/overview", cookie=cookie)).status == 401
    shown = (await manage(desk, "GET", "/keys")).json["keys"]
    found = next(each["id"] for each in shown if each["name"] == "helper")
    assert (await manage(desk, "DELETE", f"/keys/{found}")).status == 204
    assert (await browser.send("GET", "/overview")).status == 401


async def test_sessions_survive_the_process(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, {}) as first:
        browser = await opened(first)
    async with running(upstream, tmp_path, {}) as second:
        browser.router = second
        assert (await browser.send("GET", "/session")).status == 200
        assert (tmp_path / "state" / "session.secret").stat().st_mode & 0o777 == 0o600


async def test_a_session_begins_no_sign_in_by_an_address_alone(desk: Running) -> None:
    browser = await opened(desk)
    answer = await desk.send("/v1/auth/claude/login", headers={"cookie": browser.cookie, "authorization": None})
    assert answer.status == 403


async def test_guessers_are_locked_out(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, {"auth": {"management": {"remote": True}}}) as router:
        there = {"x_forwarded_for": "203.0.113.9"}
        for _ in range(10):
            assert (await manage(router, "GET", "/session", key="sk-wrong", **there)).status == 401
        locked = await manage(router, "GET", "/session", key=MANAGEMENT, **there)
        assert locked.status == 429 and int(locked.headers["retry-after"]) > 0
        assert (await manage(router, "GET", "/session", x_forwarded_for="203.0.113.8")).status == 200
        assert (await manage(router, "GET", "/session")).status == 200  # this machine is never locked out


async def test_a_proxy_in_front_cannot_be_talked_out_of_the_address(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, {"auth": {"management": {"remote": True}}}) as router:
        for at in range(10):
            await manage(router, "GET", "/session", key="sk-wrong", x_forwarded_for=f"198.51.100.{at}, 203.0.113.9")
        assert (await manage(router, "GET", "/session", x_forwarded_for="127.0.0.1, 203.0.113.9")).status == 429


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.5", "198.51.100.1", "203.0.113.5"),  # nobody's proxy: what it writes counts for nothing
        ("203.0.113.5", None, "203.0.113.5"),
        ("127.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"),  # trusted by the settings
    ],
)
async def test_where_a_guess_counts_as_from(
    upstream: Upstream, tmp_path: Path, peer: str, forwarded: str | None, address: str
) -> None:
    async with running(upstream, tmp_path, {"policies": {"ips": {"trusted_proxies": ["10.0.0.1"]}}}) as router:
        headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
        scope = {"type": "http", "client": (peer, 5), "headers": [(b"host", b"gate.example"), *headers]}
        assert guard._address(Request(scope), router.router._gateway) == address


async def test_a_body_that_does_not_fit_says_where(desk: Running) -> None:
    for body, told in (
        ({"name": 3}, "$.name"),
        ({"name": "a", "scope": "king"}, "$.scope"),
        ({"name": "../../x"}, "$.name"),
        (b"{", "not JSON"),
        (b"[]", "object"),
        ({}, "name"),
    ):
        answer = await manage(desk, "POST", "/keys", body)
        assert answer.status == 400 and told in answer.json["error"]["message"], answer.body


async def test_who_changed_what_stands_in_the_audit_log(desk: Running) -> None:
    await made_key(desk, "fresh", "viewer")
    assert (await manage(desk, "POST", "/config/rollback", {"id": "none", "digest": "none"})).status in range(400, 500)
    shown = (await manage(desk, "GET", "/audit?routine=false&limit=1")).json
    assert [(each["who"], each["action"], each["which"], each["outcome"]) for each in shown["entries"]] == [
        ("management", "key_create", "fresh", "done")
    ]
    assert shown["next"] is None and (await manage(desk, "GET", "/audit?who=router")).json["entries"] == []
    await made_key(desk, "second", "viewer")
    newest = (await manage(desk, "GET", "/audit?action=key_create&limit=1")).json
    older = (await manage(desk, "GET", f"/audit?action=key_create&limit=1&after={newest['next']}")).json
    assert [each["entries"][0]["which"] for each in (newest, older)] == ["second", "fresh"]
    assert (await manage(desk, "GET", "/audit?after=1-1")).status == 404
    assert (await manage(desk, "GET", "/audit?after=first")).status == 400
    await desk.stop()
    lines = [json.loads(line) for line in (desk.state / "audit.jsonl").read_text().splitlines()]
    assert [(line["who"], line["what"], line["reason"]) for line in lines] == [
        ("management", "managed", "key_create")
    ] * 2
