"""Everything that a router with planted secrets is put through: what succeeds, and what goes wrong in many ways."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from router.accounts.credential import Credential
from router.accounts.stores.files import FileStore
from router.clock import SystemClock
from router.secret import Secret
from router.settings.load import Loaded
from router.settings.watch import Watch
from router.settings_file import SettingsFile
from router.vault.keys import account_vault
from tests.router.accounts.login.making import browse
from tests.router.api.harness import MODELS as PLAIN_MODELS
from tests.router.api.harness import ask
from tests.router.api.parrot import TOKEN_MANNERS
from tests.router.api.planting import LABEL, World
from tests.router.api.subscribed import MODELS as SUBSCRIBED
from tests.simulators.ctonew import Trouble

PAGES = (
    "/",
    "/healthz",
    "/readyz",
    "/metrics",
    "/v1/models",
    "/v0/management/status",
    "/v0/management/accounts",
    "/v0/management/models",
    "/v0/management/relay",
    "/v0/management/explain?model=gpt-4.1",
    "/v1/auth",
    f"/v1/auth/claude-oauth/{LABEL}",
)
STATES = ("/readyz", "/v0/management/status", "/v0/management/accounts", "/v1/auth")
"""Those of them that say why something cannot serve."""
CALLS: Mapping[str, tuple[str, ...]] = {
    "openai/gpt-4.1": ("chat", "messages"),
    "anthropic/claude-sonnet-4-5": ("messages", "gemini"),
    "gemini/gemini-2.5-flash": ("gemini", "responses"),
    "vertex/gemini-2.5-flash": ("gemini", "chat"),
    "ctonew/ctonew-claude-sonnet-4-5": ("chat",),
    **{f"{provider}/{model}": ("chat", "messages") for provider, model in SUBSCRIBED.items()},
}


WHOLE = ("", "400", "401", "500", "text", "odd JSON", "code", "error inside")
"""Manners that are met without a stream too."""


def reset(one: World) -> None:
    """Every account may be tried again."""
    keeper, health = one.router.router._sign_ins.keeper, one.router.router._health
    for provider in one.router.router._gateway.current.providers.values():
        for account in provider.accounts:
            health.forget(account.id)
    for credential in keeper.credentials():
        keeper._tried_again(credential.id)


async def calls(one: World, *manners: str) -> None:
    """Every provider in every manner: streamed in its own dialect, and whole in another."""
    for manner in manners:
        one.parrot.manner = manner
        reset(one)
        await asyncio.gather(*(_call(one, model, dialects[0], stream=True) for model, dialects in CALLS.items()))
        if manner in WHOLE:
            reset(one)
            await asyncio.gather(*(_call(one, model, dialects[-1], stream=False) for model, dialects in CALLS.items()))
        await one.look(STATES)
    one.parrot.manner = ""
    await one.look(PAGES)


async def _call(one: World, model: str, dialect: str, *, stream: bool) -> None:
    answer = await one.send("answers", *ask(dialect, model, stream=stream))
    assert one.parrot.manner or answer.status == 200, (model, dialect, answer.body)


async def quotas(one: World) -> None:
    """Every plan is asked how much of it is left, as by a router that has served for half a minute."""
    router = one.router.router
    await router._rounds._read_usage()
    for turn in router._rounds._usage._turns.values():
        turn.at = 0.0
    await router._rounds._read_usage()
    asked = {call.sign_in for call in one.tokens.calls if call.request.path.endswith("/usage")}
    assert asked == {"claude-oauth", "chatgpt-oauth", "copilot"}


async def renewals(one: World) -> None:
    keeper = one.router.router._sign_ins.keeper
    for manner in TOKEN_MANNERS:
        one.tokens.manner = manner
        reset(one)
        for credential in keeper.credentials():
            await keeper.renew(credential.id, credential.access)
        await one.look(STATES)
    one.tokens.manner = ""
    reset(one)


async def sign_ins(one: World) -> None:
    """Sign-ins that succeed, and those that every manner of a token endpoint ends; by browser, pasted, with a code."""
    await asyncio.gather(_by_device(one, ""), _by_device(one, "dead"), _by_code(one))
    await _declined(one)
    clerk = one.clerk.clerk
    for trouble in (None, Trouble(status=401, body=_clerk_says(one)), Trouble(status=500, html=True)):
        cookie = clerk.sign_in(f"person-{len(clerk.people)}").cookie
        clerk.script.extend([trouble] * 2)
        await one.send("answers", "/v1/auth/ctonew", {"clerk_jwt_cookie": cookie}, headers=one.manages)
        clerk.script.clear()
    for shape in ("*", "__client=*", "a.*.c", f"{'x' * 9000}*"):
        wrong = one.plant("pasted nonsense", shape)
        await one.send("answers", "/v1/auth/ctonew", {"clerk_jwt_cookie": wrong}, headers=one.manages)
    one.learn()


def _clerk_says(one: World) -> dict[str, Any]:
    said = " ".join(person.cookie for person in one.clerk.clerk.people)
    return {"errors": [{"code": said, "message": said}]}


async def _by_code(one: World) -> None:
    for provider, manners in {
        "claude-oauth": tuple(TOKEN_MANNERS),
        "chatgpt-oauth": (),
        "gemini-cli": ("client",),
    }.items():
        for manner in (*manners, ""):
            path, shown = await _begun(one, provider, "code")
            await one.look(STATES)
            for nonsense in ("?code=1&state={}", "https://a.example/?code={}"):
                pasted = nonsense.format(one.plant("pasted nonsense", "*"))
                await one.send("answers", f"{path}/callback", {"url": pasted}, headers=one.manages)
            one.tokens.manner = manner
            redirected = one.tokens.visit(shown["url"])
            if manner in ("dead", ""):
                status, _, page = await browse(redirected)
                one.note("page of the listener", page)
                assert status == (400 if manner else 200), page
            else:
                await one.send("answers", f"{path}/callback", {"url": redirected}, headers=one.manages)
            one.tokens.manner = ""
            ended = await one.send("answers", path, headers=one.manages)
            assert ended.json["state"] == ("failed" if manner else "done"), ended.body


async def _declined(one: World) -> None:
    path, shown = await _begun(one, "chatgpt-oauth", "code")
    state = one.canaries[-1].value
    assert isinstance(state, str) and state in shown["url"]
    pasted = f"?error=access_denied&state={state}&error_description={state}"
    ended = await one.send("answers", f"{path}/callback", {"url": pasted}, headers=one.manages)
    assert ended.json["state"] == "failed"


async def _by_device(one: World, manner: str) -> None:
    provider = "kimi-oauth" if manner else "qwen-oauth"
    path, shown = await _begun(one, provider, "device")
    one.tokens.approve(shown["user_code"])
    one.tokens.quoting[provider] = manner
    async with asyncio.timeout(40):
        while (await one.send("answers", path, headers=one.manages)).json["state"] in ("waiting", "exchanging"):
            await asyncio.sleep(0.1)
    one.tokens.quoting.pop(provider)


async def _begun(one: World, provider: str, flow: str) -> tuple[str, dict[str, Any]]:
    begun = await one.send("sign-in begun", f"/v1/auth/{provider}/login", {"flow": flow}, headers=one.manages)
    assert begun.status == 200, begun.body
    if "url" in begun.json:
        one.began(begun.json["url"])
    return f"/v1/auth/{provider}/login/{begun.json['login_id']}", begun.json


async def imports(one: World) -> None:
    """Files of other programs, good ones and others, sent and lying in the folder."""
    for name, document in IMPORTED.items():
        text = json.dumps(document)
        for number in range(text.count("*")):
            text = text.replace("*", one.plant(f"import {name} {number}", "*"), 1)
        for content in (text, text[:-2], f"[{text}]"):
            path = f"/v1/auth/import?name={quote(name)}"
            await one.send("answers", path, content.encode(), headers=one.manages)
    folder = one.folder / "accounts"
    for name, text in FOUND.items():
        (folder / name).write_text(text.replace("*", one.plant(f"found {name}", "*")))
    other = FileStore(one.folder / "other", account_vault(one.folder / "other", {}), SystemClock())
    locked = one.plant("locked", "*")
    other.save(Credential(provider="claude-oauth", label="locked", refresh=Secret(locked), proxy=locked))
    (one.folder / "other/claude-oauth-locked.json").rename(folder / "claude-oauth-locked.json")
    keeper = one.router.router._sign_ins.keeper
    await keeper.reload()
    assert {trouble.problem for trouble in keeper.troubles} >= {"locked", "corrupt"}
    await one.look(PAGES)


async def callers(one: World) -> None:
    """Keys of callers, ours and others, wherever callers put them."""
    known = one.secret("settings auth.keys.0.key")
    for key in (known, one.plant("caller's key", "sk-foreign-*"), one.secret("settings auth.management.key")):
        for dialect, model in PLAIN_MODELS.items():
            path, body = ask(dialect, model)
            for place in ({"x-api-key": key}, {"x-goog-api-key": key}, {"authorization": f"Basic {key}"}):
                await one.send("answers", path, body, headers={"authorization": None, **place})
            for query in (f"key={key}", f"key={key}&key=x", f"api_key={key}", f"%6bey={key}"):
                joint = "&" if "?" in path else "?"
                await one.send("answers", f"{path}{joint}{query}", body, headers={"authorization": None})
        for path in ("/v1/nowhere", "/v1/auth", "/v0/management/status", "/metrics", "/nowhere", "/v1/models"):
            for method in ("GET", "POST", "DELETE", "OPTIONS"):
                await one.send(
                    "answers", f"{path}?key={key}", method=method, headers={"authorization": f"Bearer {key}x"}
                )
        form = urlencode({"key": f"{key}x", "accept": "true"}).encode()
        html = {"content-type": "application/x-www-form-urlencoded", "accept": "text/html", "authorization": None}
        await one.send("answers", "/v1/auth/claude/login", form, headers=html)


async def reloads(one: World) -> None:
    """Settings with secrets in wrong places, which are refused as those of a changed file are."""
    gateway, text = one.router.router._gateway, ""

    async def apply(loaded: Loaded) -> None:
        raise AssertionError(text)

    file = SettingsFile(one.router.config, one.environ)
    watch = Watch(file.path, read=lambda _: text.encode(), load=file.load, apply=apply, clock=SystemClock())
    for name, shape in MISTAKEN.items():
        text = shape.replace("*", one.plant(f"mistake {name}", "*"))
        outcome = await watch.reload(force=True)
        assert outcome is not None and outcome.error is not None
        gateway.reject(outcome.error)
        await one.look(STATES[:2])


IMPORTED: Mapping[str, dict[str, Any]] = {
    "claude-x.json": {"type": "claude", "access_token": "*", "refresh_token": "*", "email": "x@example.org"},
    "codex-y.json": {"type": "codex", "access_token": "*", "id_token": "*", "account_id": "1", "proxy_url": "*"},
    "gemini-z.json": {"type": "gemini", "token": {"refresh_token": "*", "client_secret": "*"}, "project_id": "p"},
    "ctonew-c.json": {"clerk_jwt_cookie": "__client=*", "refresh_token": "*"},
    "odd.json": {"type": "claude", "acces_token": "*", "access_token": {"deep": "*"}},
    "../../aistudio-q.json": {"cookies": [{"name": "SID", "value": "*"}], "origins": []},
    "vertex.json": {"type": "vertex", "service_account": {"private_key": "*", "client_email": "e", "project_id": "p"}},
    "nothing.json": {"password": "*"},
    "newer.json": {"switchyard": 99, "access": "*"},
    "wrong.json": {"switchyard": 1, "provider": "claude-oauth", "label": "w", "access": ["*"], "weight": "*"},
    f"{'n' * 300}.json": {"type": "qwen", "access_token": "*", "refresh_token": "*", "email": "ü" * 120},
}
"""What is sent to be imported, by its name; each ``*`` is another secret."""
FOUND: Mapping[str, str] = {
    "claude-found.json": '{"type": "claude", "access_token": "*", "email": "found@example.org"}',
    "qwen-cut.json": '{"type": "qwen", "access_token": "*',
    "claude-oauth-cut.json": '{"switchyard": 1, "provider": "claude-oauth", "label": "cut", "access": "*',
    "claude-oauth-odd.json": '{"switchyard": 1, "provider": "claude-oauth", "label": "odd", "weight": "*"}',
    "claude-oauth-sealed.json": '{"switchyard": 1, "provider": "claude-oauth", "label": "s", "sealed": "*"}',
}
"""Files that lie among ours in plain text."""
MISTAKEN: Mapping[str, str] = {
    "no YAML": "providers:\n  openai:\n    api_keys: [*\n  x: {",
    "no YAML either": 'providers: {openai: {api_keys: ["*\n',
    "a tab": "providers:\n\topenai: *",
    "proxy": "providers: {openai: {proxy: 'htp://operator:*@host', api_keys: [sk-sim]}}",
    "address": "providers: {openai: {base_url: 'https://operator:*@host/v1', api_keys: [sk-sim]}}",
    "address without a scheme": "providers: {openai: {base_url: 'operator:*@host/v1', api_keys: [sk-sim]}}",
    "a key of two lines": 'providers: {openai: {api_keys: ["*\\nx"]}}',
    "a key that is a number": "providers: {openai: {api_keys: [{key: {deep: *}}]}}",
    "keys that are a text": "providers: {openai: {api_keys: '*'}}",
    "keys in keys": "providers: {openai: {api_keys: [['*']]}}",
    "client_secret among the facts": "providers: {gemini_cli: {sign_in: {client_secret: '*'}}}",
    "facts that fit nothing": "providers: {gemini_cli: {sign_in: {token: {url: {a: '*'}}}}}",
    "an unknown fact": "providers: {gemini_cli: {sign_in: {token: {'secret': '*'}}}}",
    "header": 'providers: {openai: {headers: {authorization: "Basic *\\n"}, api_keys: [sk-sim]}}',
    "digest": "auth: {keys: [{name: a, digest: '*'}]}",
    "expiry": "auth: {keys: [{name: a, key: abc, expires: '*'}]}",
    "management": "auth: {management: {key: ['*']}}",
    "management text": "auth: {management: '*'}",
    "an unknown setting": "auth: {password: '*'}",
    "a text in place of a block": "providers: '*'",
    "a variable": "providers: {openai: {api_keys: ['*${NOT_THERE}']}}",
}
"""Settings that are refused; ``*`` is a secret."""
