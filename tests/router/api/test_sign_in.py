"""Signing in over HTTP: by programs, by browsers, from other machines; and who may not."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pytest
from starlette.routing import Route

from router.api.account_routes import AccountRoutes
from router.api.sign_in import LoginRoutes
from tests.router.accounts.login.making import browse, consent
from tests.router.api.harness import KEY, MANAGEMENT, running
from tests.router.api.signing_in import MANAGES, Signing, fields_of, signing
from tests.simulators.authorisation.people import Person, jwt
from tests.simulators.ctonew import CtoNew

HTML = {"accept": "text/html,application/xhtml+xml"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
NAMES = ("claude", "claude-oauth", "llmux/claude", "llmux-claude")


async def test_a_program_signs_in_with_the_browser_of_the_machine(tmp_path: Path) -> None:
    async with signing(tmp_path) as one:
        begun = await one.send("/v1/auth/chatgpt/login", method="POST")
        assert begun.status == 200 and begun.headers["cache-control"] == "no-store"
        shown = begun.json
        assert {"login_id", "url", "expires_at", "state", "listens"} <= shown.keys()
        status, _, page = await browse(await consent(shown["url"]))
        assert status == 200 and "It worked" in page
        ended = (await one.send(f"/v1/auth/chatgpt/login/{shown['login_id']}")).json
        assert ended["state"] == "done" and ended["account"] == "chatgpt-oauth/ada@example.org"
        assert "url" not in ended


@pytest.mark.parametrize("name", NAMES)
async def test_a_pasted_address_signs_in_under_every_name_of_the_provider(tmp_path: Path, name: str) -> None:
    async with signing(tmp_path) as one:
        shown = (await one.send(f"/v1/auth/{name}/login", {"flow": "paste", "label": "work"})).json
        path = f"/v1/auth/{name}/login/{shown['login_id']}"
        wrong = await one.send(f"{path}/callback", {"url": "https://claude.ai/oauth/authorize?code=true"})
        assert wrong.status == 400 and "another address" in wrong.json["error"]["message"]
        assert (await one.send(path)).json["state"] == "waiting"
        redirected = one.server.visit(shown["url"])
        ended = await one.send(f"{path}/callback", {"url": redirected})
        assert (ended.status, ended.json["state"], ended.json["account"]) == (200, "done", "claude-oauth/work")
        again = await one.send(f"{path}/callback", {"url": redirected})
        assert again.status == 409 and again.json["error"]["code"] == "closed"


async def test_a_device_code_is_shown_exactly_and_signs_in(tmp_path: Path) -> None:
    async with signing(tmp_path, {"providers": {"kimi_oauth": {"sign_in": {"device": {"interval": 1}}}}}) as one:
        shown = (await one.send("/v1/auth/kimi/login", {})).json
        assert shown["user_code"] in one.server.grants.device(shown["user_code"]).user_code
        assert shown["verification_uri"].startswith(one.server.address) and "device_code" not in str(shown)
        cancelled = await one.send(f"/v1/auth/kimi/login/{shown['login_id']}", method="DELETE")
        assert cancelled.json["state"] == "cancelled"
        odd = await one.send(f"/v1/auth/qwen/login/{shown['login_id']}")
        assert odd.status == 404


async def test_a_sign_in_needs_the_caveat_accepted_once(tmp_path: Path) -> None:
    async with signing(tmp_path, on=False) as one:
        refused = await one.send("/v1/auth/claude/login", {})
        assert refused.status == 409
        error = refused.json["error"]
        assert error["code"] == "consent" and "Anthropic's terms" in error["caveat"]
        assert (await one.send("/v1/auth/claude/login", {"accept": True})).status == 200
        assert one.memory.accepted() == {"claude-oauth"}
        assert (await one.send("/v1/auth/claude/login", {})).status == 200


async def test_a_cookie_is_posted_checked_and_kept(tmp_path: Path) -> None:
    async with CtoNew() as vendor:
        changes = {"providers": {"ctonew": {"sign_in": vendor.facts()}}}
        async with signing(tmp_path, changes) as one:
            bad = await one.send("/v1/auth/ctonew", {"clerk_jwt_cookie": "a.b"})
            assert bad.status == 400 and "three parts" in bad.json["error"]["message"]
            old = await one.send("/v1/auth/ctonew", {"clerk_jwt_cookie": jwt({"exp": 1_000})})
            assert old.status == 400 and "has ended" in old.json["error"]["message"]
            assert (await one.send("/v1/auth")).json["logins"] == []  # what failed is not left open
            good = await one.send("/v1/auth/ctonew", {"clerk_jwt_cookie": f"__client={vendor.clerk.sign_in().cookie}"})
            assert good.status == 200 and good.json["account"] == one.only.id
            other = await one.send("/v1/auth/claude", {"clerk_jwt_cookie": "x"})
            assert other.status == 405


async def test_a_browser_without_a_key_gets_a_harmless_page_and_signs_in_by_its_form(tmp_path: Path) -> None:
    async with signing(tmp_path, on=False) as one:
        first = await one.router.send("/v1/auth/llmux/claude/login?label=work", headers={**HTML, "authorization": None})
        page = first.body.decode()
        assert first.status == 401 and "Anthropic&#x27;s terms" in page and await one.flows() == []
        assert first.headers["cache-control"] == "no-store"
        assert "form-action 'self'" in first.headers["content-security-policy"] and "<script" not in page
        action, hidden = fields_of(page)
        assert action == "/v1/auth/claude-oauth/login" and hidden == {"label": "work", "accept": "true"}
        wrong = await one.form(action, {**hidden, "key": KEY})
        assert wrong.status == 401 and "not the management key" in wrong.body.decode()
        assert await one.flows() == [] and KEY not in wrong.body.decode()
        begun = await one.form(action, {**hidden, "key": MANAGEMENT})
        page = begun.body.decode()
        onward = re.search(r'http-equiv="refresh" content="0;url=([^"]*)"', page)
        assert begun.status == 200 and onward is not None and MANAGEMENT not in page
        assert (await browse(await consent(unescape(onward[1]))))[0] == 200
        assert one.only.id == "claude-oauth/work"


async def test_a_browser_with_the_key_is_redirected_to_the_provider(tmp_path: Path) -> None:
    async with (
        signing(tmp_path) as one,
        one.router.client.get(
            f"{one.router.url}/v1/auth/llmux/chatgpt/login",
            headers={**HTML, "authorization": f"Bearer {MANAGEMENT}"},
            allow_redirects=False,
        ) as begun,
    ):
        assert begun.status == 303 and begun.headers["cache-control"] == "no-store"
        assert (await browse(await consent(begun.headers["location"])))[0] == 200


async def test_a_browser_elsewhere_pastes_the_answer_into_a_form(tmp_path: Path) -> None:
    remote = {"auth": {"management": {"remote": True}}}
    async with signing(tmp_path, remote) as one:
        begun = await one.form(
            "/v1/auth/claude/login", {"key": MANAGEMENT, "accept": "true"}, **{"x-forwarded-for": "192.0.2.7"}
        )
        page = begun.body.decode()
        assert "http-equiv" not in page
        address = re.search(r'<a href="([^"]*)"', page)
        assert address is not None
        redirected = one.server.visit(unescape(address[1]))
        action, _ = fields_of(page)
        nonsense = await one.form(action, {"key": MANAGEMENT, "pasted": "?state=wrong&code=1"})
        assert nonsense.status == 400 and "another sign-in" in nonsense.body.decode()
        assert (await one.form(action, {"key": KEY, "pasted": redirected})).status == 401
        again, _ = fields_of(nonsense.body.decode())
        done = await one.form(again, {"key": MANAGEMENT, "pasted": redirected})
        assert done.status == 200 and "It worked" in done.body.decode()


async def test_a_form_of_another_site_begins_nothing_even_with_the_key(tmp_path: Path) -> None:
    async with signing(tmp_path) as one:
        fields = {"key": MANAGEMENT, "accept": "true"}
        refused = await one.form("/v1/auth/claude/login", fields, **{"sec-fetch-site": "cross-site"})
        assert refused.status == 403 and await one.flows() == []


@pytest.mark.parametrize("headers", [{}, {"accept": "text/html"}])
async def test_a_key_in_the_address_counts_for_nothing(tmp_path: Path, headers: dict[str, str]) -> None:
    async with signing(tmp_path) as one:
        path = f"/v1/auth/claude/login?key={MANAGEMENT}"
        refused = await one.router.send(path, headers={**headers, "authorization": None})
        assert refused.status == 401 and await one.flows() == [] and MANAGEMENT not in refused.body.decode()


def paths() -> list[tuple[str, str]]:
    """Every method and path of the routes, as they are registered."""
    routes: list[Route] = [
        *LoginRoutes(None, lambda: None).routes(),  # type: ignore[arg-type]
        *AccountRoutes(None, None, lambda: None).routes(),  # type: ignore[arg-type]
    ]
    found = []
    for route in routes:
        path = route.path.replace("{provider:path}", "claude").replace("{login_id}", "login-x")
        found += [(method, path.replace("{account:path}", "claude-oauth/x")) for method in route.methods or ()]
    assert len(found) >= 15
    return found


@pytest.mark.parametrize(
    ("key", "status"),
    [(None, 401), (KEY, 401), ("sk-wrong", 401), (MANAGEMENT, 403)],
    ids=["none", "client", "wrong", "far"],
)
async def test_no_route_answers_without_the_management_key_or_from_afar(
    tmp_path: Path, key: str | None, status: int
) -> None:
    async with signing(tmp_path) as one:
        for method, path in paths():
            headers = {"authorization": f"Bearer {key}" if key else None}
            if status == 403:
                headers["x-forwarded-for"] = "192.0.2.7"
            for more in ({}, HTML, FORM if method == "POST" else {}):
                body = b"key=sk-wrong" if more is FORM else b"{}" if method in ("POST", "PATCH") else None
                got = await one.router.send(path, body, method=method, headers={**headers, **more})
                if method == "HEAD" and path.endswith("/login"):
                    assert got.status in (401, 403, 405), (method, path, more)
                else:
                    assert got.status == status, (method, path, more, got.body)
        assert await one.flows() == []


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("/v1/auth/nobody/login", {}, 404, "no provider nobody"),
        ("/v1/auth/claude/login", {"flow": "device"}, 400, "not by device"),
        ("/v1/auth/claude/login", {"flow": "magic"}, 400, "flow must be one of"),
        ("/v1/auth/claude/login", {"flwo": "code"}, 400, "Did you mean 'flow'"),
        ("/v1/auth/claude/login", {"label": 7}, 400, "label must be a text"),
        ("/v1/auth/claude/login", {"label": "a/b"}, 400, "label"),
        ("/v1/auth/claude/login", {"accept": "perhaps"}, 400, "accept must be true or false"),
        ("/v1/auth/claude/login", {"accept": 1}, 400, "accept must be true or false"),
        ("/v1/auth/claude/login", b"[1]", 400, "JSON object"),
        ("/v1/auth/claude/login", b"{", 400, "not JSON"),
        ("/v1/auth/claude/login", b" " * 70_000, 413, "larger than"),
        ("/v1/auth/claude/login/login-x/callback", {"url": "x"}, 404, "no such sign-in"),
        ("/v1/auth/claude/login/login-x/callback", {}, 400, "Give `url`"),
        ("/v1/auth/ctonew", {}, 400, "clerk_jwt_cookie"),
        ("/v1/auth/import", b"", 400, "Send the file"),
        ("/v1/auth/import", b"{}", 400, "imported.json"),
    ],
)
async def test_what_cannot_be_is_said(tmp_path: Path, path: str, body: object, status: int, words: str) -> None:
    async with signing(tmp_path) as one:
        refused = await one.send(path, body)
        assert (refused.status, words in refused.json["error"]["message"]) == (status, True), refused.body


async def test_before_the_database_is_open_the_routes_say_so(tmp_path: Path) -> None:
    async with signing(tmp_path) as one:
        one.router.router._sign_ins.logins = None
        assert (await one.send("/v1/auth")).status == 503
        assert (await one.form("/v1/auth/claude/login", {"key": MANAGEMENT})).status == 503


async def test_a_wrong_method_is_a_405(tmp_path: Path) -> None:
    async with signing(tmp_path) as one:
        for method, path in (("PUT", "/v1/auth"), ("PATCH", "/v1/auth/import"), ("HEAD", "/v1/auth/claude/login")):
            got = await one.send(path, method=method)
            assert got.status in (404, 405), (method, path)
        assert await one.flows() == []


async def test_the_model_surfaces_go_on_beside_the_sign_ins(tmp_path: Path) -> None:
    async with signing(tmp_path) as one:
        assert (await one.router.ask("chat", "gpt-4.1")).status == 200
        assert (await one.router.send("/v1/authors")).status == 404


async def test_nothing_secret_is_in_the_log_or_an_answer(tmp_path: Path) -> None:
    async with signing(tmp_path) as one:
        shown = await one.send("/v1/auth/claude/login", {"flow": "paste"})
        flow = (await one.flows())[0]
        redirected = one.server.visit(shown.json["url"])
        ended = await one.send(f"/v1/auth/claude/login/{flow.id}/callback", {"url": redirected})
        listing = await one.send("/v1/auth")
        account = one.only
        assert flow.hidden.verifier is not None
        planted = [account.access, account.refresh, flow.hidden.verifier]
        await one.router.stop()
        sinks = shown.body + ended.body + listing.body + one.router.log.encode()
        assert b"claude-oauth/ada@example.org" in sinks
        for secret in planted:
            assert secret.reveal().encode() not in sinks
        code = redirected.partition("code=")[2].partition("&")[0]
        assert code.encode() not in ended.body + listing.body + one.router.log.encode()


async def signed_in(one: Signing) -> str:
    """Somebody's Claude account."""
    shown = (await one.send("/v1/auth/claude/login", {"flow": "paste"})).json
    path = f"/v1/auth/claude/login/{shown['login_id']}/callback"
    return str((await one.send(path, {"url": one.server.visit(shown["url"])})).json["account"])


async def test_accounts_are_listed_changed_renamed_and_deleted(tmp_path: Path) -> None:
    async with signing(tmp_path) as one:
        account = await signed_in(one)
        (one.folder / "codex-damaged.json").write_text("{")
        await one.router.router._sign_ins.keeper.reload()
        listing = (await one.send("/v1/auth")).json
        (entry,) = listing["accounts"]
        assert (entry["account"], entry["email"], entry["state"]) == (account, "ada@example.org", "ready")
        assert listing["files"][0]["file"] == "codex-damaged.json"
        assert {"claude-oauth", "ctonew"} <= {each["provider"] for each in listing["providers"] if each["on"]}
        body = {
            "disabled": True,
            "priority": 2,
            "weight": 3,
            "proxy": "http://ada:canary@proxy.example:3128",
            "excluded": ["claude-opus-5"],
            "aliases": {"fast": "claude-haiku-4-5-20251001"},
        }
        for spelt in (account, quote(account, safe="")):
            got = await one.send(f"/v1/auth/{spelt}", body, method="PATCH")
            assert got.status == 200 and got.json["state"] == "disabled" and b"canary" not in got.body
        assert one.only.proxy == body["proxy"] and one.only.weight == 3
        renamed = await one.send(f"/v1/auth/{account}", {"label": "work", "proxy": None}, method="PATCH")
        assert renamed.json["account"] == "claude-oauth/work" and one.only.proxy is None
        assert (await one.send("/v1/auth/claude-oauth/work")).json["priority"] == 2
        gone = await one.send("/v1/auth/claude-oauth/work", method="DELETE")
        assert gone.status == 200 and one.accounts == []
        assert (await one.send("/v1/auth/claude-oauth/work", method="DELETE")).status == 404
        assert (await one.send("/v1/auth/claude-oauth/work", {"weight": 1}, method="PATCH")).status == 404
        assert (await one.send("/v1/auth/openai/1", {"weight": 1}, method="PATCH")).status == 404


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "one or more of label, disabled"),
        ({"weigh": 1}, "Did you mean 'weight'?"),
        ({"weight": 0}, "weight must be at least 1"),
        ({"priority": 5000}, "priority must be at most 1000"),
        ({"disabled": "yes"}, "disabled must be true or false"),
        ({"proxy": "socks4://proxy:1"}, "socks5://"),
        ({"aliases": ["a"]}, "aliases must be a mapping"),
        ({"aliases": {"a": ""}}, "aliases.a must not be empty"),
        ({"label": "a/b"}, "no spaces, slashes"),
        ({"label": "", "weight": 0}, "must not be empty"),
    ],
)
async def test_a_wrong_change_is_named_and_changes_nothing(tmp_path: Path, changes: object, words: str) -> None:
    async with signing(tmp_path) as one:
        account = await signed_in(one)
        before = one.only
        got = await one.send(f"/v1/auth/{account}", changes, method="PATCH")
        assert got.status == 400 and words in got.json["error"]["message"], got.body
        assert one.only == before


async def test_a_label_that_is_taken_changes_nothing_else_either(tmp_path: Path) -> None:
    async with signing(tmp_path) as one:
        account = await signed_in(one)
        one.server.person = Person(email="bob@example.org", account_id="acc-bob")
        await signed_in(one)
        got = await one.send(f"/v1/auth/{account}", {"label": "bob@example.org", "weight": 9}, method="PATCH")
        assert got.status == 409 and "already" in got.json["error"]["message"]
        assert {each.weight for each in one.accounts} == {1}


async def test_a_file_of_another_program_is_imported(tmp_path: Path) -> None:
    file = {"type": "codex", "access_token": "at-canary", "refresh_token": "rt-canary", "email": "ada@example.org"}
    async with signing(tmp_path) as one:
        got = await one.send("/v1/auth/import?name=../codex-ada@example.org.json", file)
        assert got.status == 200 and got.json["became"] == "account" and b"canary" not in got.body
        assert one.only.id == got.json["account"] and one.only.owner == "ours"
        key = {"type": "service_account", "project_id": "p", "private_key": "canary", "client_email": "a@b.c"}
        setting = await one.send("/v1/auth/import", key)
        assert setting.json["became"] == "setting" and b"canary" not in setting.body
        assert (one.folder / "service_accounts" / "p.json").exists()


async def test_a_router_that_replaces_another_goes_on_with_its_sign_ins(tmp_path: Path) -> None:
    async with signing(tmp_path) as old:
        shown = (await old.send("/v1/auth/claude/login", {})).json
        redirected = old.server.visit(shown["url"])
        await old.router.stop()
        async with running(old.router.upstream, tmp_path, keep=True) as new:
            await new.until(lambda: new.router._sign_ins.logins is not None)
            path = f"/v1/auth/claude/login/{shown['login_id']}"
            assert (await new.send(path, headers=MANAGES)).json["state"] == "waiting"
            logins = new.router._sign_ins.logins
            assert logins is not None
            await logins.tend()
            status, _, page = await browse(redirected)
            assert status == 200 and "It worked" in page
            assert (await new.send(path, headers=MANAGES)).json["state"] == "done"


async def test_an_accepted_caveat_turns_the_provider_on_and_survives_a_restart(tmp_path: Path) -> None:
    async with signing(tmp_path, on=False) as one:
        begun = await one.send("/v1/auth/claude/login", {"accept": True, "flow": "paste"})
        path = f"/v1/auth/claude/login/{begun.json['login_id']}/callback"
        assert (await one.send(path, {"url": one.server.visit(begun.json["url"])})).json["state"] == "done"
        provider = one.router.router._gateway.current.providers["claude-oauth"]
        assert provider.reason is None and provider.accounts
        await one.router.stop()
        async with running(one.router.upstream, tmp_path, keep=True) as again:
            await again.until(lambda: again.router._gateway.current.providers["claude-oauth"].accounts)


async def test_a_folder_that_cannot_be_used_is_told_and_is_no_mistake_of_ours(tmp_path: Path) -> None:
    async with signing(tmp_path) as one:
        brought = await one.send("/v1/auth/import?name=claude-a.json", b'{"type": "claude", "access_token": "token-a"}')
        account = brought.json["account"]
        (one.folder / ".locks").rename(one.folder / "moved")
        (one.folder / ".locks").write_text("in the way")
        for method, body in (("PATCH", {"priority": 1}), ("DELETE", None)):
            refused = await one.send(f"/v1/auth/{account}", body, method=method)
            assert refused.status == 503 and "cannot be read or written" in refused.json["error"]["message"]
        file = b'{"type": "claude", "access_token": "token-b", "email": "b@example.org"}'
        assert (await one.send("/v1/auth/import?name=claude-b.json", file)).status == 503
        assert "Traceback" not in one.router.log
