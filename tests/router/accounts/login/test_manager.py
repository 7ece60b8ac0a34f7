"""Each sign-in from its beginning to the saved account, against servers that are as strict as the vendors'."""

from __future__ import annotations

import asyncio
import logging
import socket
from pathlib import Path

import msgspec
import pytest

from router.accounts.asking import Reply, through
from router.accounts.credential import Credential
from router.accounts.login.manager import GONE, KEPT, MOST_OPEN
from router.accounts.login.refusals import Refused
from router.accounts.renewal import Renewed
from router.net.message import HttpRequest
from router.secret import Secret
from router.state.login_flows import LoginFlows
from router.state.migrate import migrate
from router.state.store import StateStore
from router.vault.cipher import Vault
from tests.router.accounts.login.making import CODE, DEVICE, Desk, browse, consent, desk
from tests.simulators.authorisation import faulty
from tests.simulators.authorisation.people import Person, iflow_key, jwt

HOSTS = ("127.0.0.1", "[::1]")


def check(provider: str, account: Credential, one: Desk) -> None:
    """The account is complete: its tokens are good, and it says what its executor needs."""
    person = one.server.person
    if provider == "iflow":
        assert account.access == account.secrets["api_key"] == Secret(iflow_key(person))
    else:
        usable = account.refresh if provider == "copilot" else account.access
        assert one.server.grants.accepts(usable.reveal())
    facts = {
        "claude-oauth": {"account_uuid": person.account_id, "organization_uuid": person.organization_id},
        "chatgpt-oauth": {"account_id": person.account_id, "plan": person.plan},
        "gemini-cli": {"project_id": person.project_id},
        "antigravity": {"project_id": person.project_id},
        "qwen-oauth": {"resource_url": "portal.qwen.ai"},
        "xai-oauth": {"sub": person.account_id},
        "copilot": {"login": person.login},
    }.get(provider, {})
    assert facts.items() <= dict(account.facts).items()
    labels = {"copilot": person.login, "qwen-oauth": "default", "kimi-oauth": "default"}
    assert account.id == f"{provider}/{labels.get(provider, person.email)}"
    if provider == "copilot":
        assert not account.access and account.expires_at is None
    else:
        assert account.refresh and account.expires_at is not None and account.expires_at > one.clock.now


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("provider", CODE)
async def test_a_browser_on_this_machine_brings_the_code_on_either_loopback_family(provider: str, host: str) -> None:
    async with desk() as one:
        view = await one.logins.start(provider)
        assert (view.state, view.message) == ("waiting", "") and view.url is not None
        status, headers, page = await browse(await consent(view.url), host)
        assert status == 200 and "It worked" in page and one.server.person.email in page
        assert headers["Cache-Control"] == "no-store" and "default-src 'none'" in headers["Content-Security-Policy"]
        done = await one.logins.get(provider, view.login_id)
        assert (done.state, done.account, done.url) == ("done", one.accounts.only.id, None)
        check(provider, one.accounts.only, one)


@pytest.mark.parametrize("form", ["address", "query", "code#state", "code"])
@pytest.mark.parametrize("provider", CODE)
async def test_what_a_person_pastes_signs_in(provider: str, form: str) -> None:
    async with desk() as one:
        view = await one.logins.start(provider, flow="paste")
        assert view.url is not None
        redirected = one.server.visit(view.url)
        query = redirected.partition("?")[2]
        fields = dict(field.split("=", 1) for field in query.split("&"))
        pasted = {
            "address": f"  {redirected}\n",
            "query": f"?{query}",
            "code#state": f"{fields['code']}#{fields['state']}",
            "code": fields["code"],
        }[form]
        if form == "code" and provider == "iflow":  # no PKCE: a bare code might be anybody's
            with pytest.raises(Refused, match="no `state`"):
                await one.logins.callback(provider, view.login_id, pasted)
            pasted = redirected
        done = await one.logins.callback(provider, view.login_id, pasted)
        assert done.state == "done", done.message
        check(provider, one.accounts.only, one)


@pytest.mark.parametrize("provider", DEVICE)
async def test_a_code_at_another_device_signs_in(provider: str) -> None:
    async with desk() as one:
        view = await one.logins.start(provider, flow="device")
        assert view.state == "waiting" and view.user_code and view.verification_uri
        assert await one.waits.over() == 5.0
        await one.waits.over()
        await one.waits.begun()  # two polls were told to wait
        one.server.approve(view.user_code)
        await one.waits.over()
        done = await one.ended(view)
        assert done.state == "done", done.message
        check(provider, one.accounts.only, one)


async def test_slow_down_lengthens_the_interval_for_good_and_silence_only_the_pause() -> None:
    async with desk() as one:
        view = await one.logins.start("qwen-oauth")
        assert view.user_code is not None
        one.server.polls(view.user_code, "slow_down")
        one.server.script(None, faulty.html(502), faulty.lost(processed=False), endpoint="token")
        lengths = [await one.waits.over() for _ in range(5)]
        assert lengths == [5.0, 10.0, 20.0, 40.0, 10.0]
        await one.waits.begun()
        one.server.approve(view.user_code)
        await one.waits.over()
        assert (await one.ended(view)).state == "done"


@pytest.mark.parametrize(
    ("ending", "state", "words"),
    [("deny", "failed", "declined"), ("expire", "expired", "in time"), ("odd", "failed", "teapot")],
)
async def test_a_device_flow_ends_when_the_server_says_so(ending: str, state: str, words: str) -> None:
    async with desk() as one:
        view = await one.logins.start("kimi-oauth")
        assert view.user_code is not None
        if ending == "odd":
            one.server.script(faulty.refused(400, {"error": "teapot"}), endpoint="token")
        else:
            getattr(one.server, ending)(view.user_code)
        await one.waits.over()
        ended = await one.ended(view)
        assert ended.state == state and words in ended.message and not one.accounts.saved


async def test_xai_is_refused_where_discovery_leads_outside_its_domain() -> None:
    async with desk() as one:
        one.server.script(faulty.changed(token_endpoint="https://x.ai.evil.example/token"), endpoint="discovery")
        with pytest.raises(Refused, match="outside the provider's own domain") as caught:
            await one.logins.start("xai-oauth")
        assert caught.value.reason == "upstream" and not one.server.asked("device")


async def test_google_is_onboarded_where_it_has_no_project_yet() -> None:
    async with desk() as one:
        one.server.sides.onboarded, one.server.sides.onboarding = False, 2
        view = await one.logins.start("antigravity")
        assert view.url is not None
        browsing = asyncio.get_running_loop().create_task(browse(await consent(view.url)))
        assert [await one.waits.over(), await one.waits.over()] == [2.0, 2.0]
        assert (await browsing)[0] == 200
        assert one.accounts.only.facts["project_id"] == one.server.person.project_id
        assert {"tierId": "free-tier"}.items() <= msgspec.json.decode(
            one.server.asked("onboard_user")[0].request.body
        ).items()


async def test_google_that_never_gets_ready_fails_in_words() -> None:
    async with desk() as one:
        one.server.sides.onboarded, one.server.sides.onboarding = False, 99
        view = await one.logins.start("gemini-cli", flow="paste")
        assert view.url is not None
        work = one.logins.callback("gemini-cli", view.login_id, one.server.visit(view.url))
        waiting = asyncio.get_running_loop().create_task(one.waits.at_once())
        ended = await work
        waiting.cancel()
        assert ended.state == "failed" and "not set up in time" in ended.message
        assert len(one.server.asked("onboard_user")) == 5 and not one.accounts.saved


async def test_two_sign_ins_share_one_port_and_the_state_tells_them_apart() -> None:
    async with desk() as one:
        first, second = await one.logins.start("chatgpt-oauth"), await one.logins.start("chatgpt-oauth")
        assert first.url is not None and second.url is not None
        one.server.person = Person(email="second@example.org", account_id="acc-2")
        assert (await browse(await consent(second.url)))[0] == 200
        assert (await one.logins.get("chatgpt-oauth", first.login_id)).state == "waiting"
        one.server.person = Person(email="first@example.org", account_id="acc-1")
        assert (await browse(await consent(first.url)))[0] == 200
        assert set(one.accounts.saved) == {"chatgpt-oauth/first@example.org", "chatgpt-oauth/second@example.org"}


async def test_other_paths_and_wrong_states_are_answered_and_end_nothing_and_the_port_closes_at_the_end() -> None:
    async with desk() as one:
        view = await one.logins.start("chatgpt-oauth")
        assert view.url is not None
        base = f"http://localhost:{one.ports['chatgpt-oauth']}"
        assert (await browse(f"{base}/favicon.ico"))[0] == 404
        assert (await browse(f"{base}/auth/callback?code=x&state=guess"))[0] == 400
        assert (await browse(f"{base}/auth/callback?code=x"))[0] == 400
        assert (await browse(f"{base}/auth/callback?error=access_denied&state=guess"))[0] == 400
        assert (await one.logins.get("chatgpt-oauth", view.login_id)).state == "waiting"
        redirected = await consent(view.url)
        assert (await browse(redirected))[0] == 200
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", one.ports["chatgpt-oauth"])) != 0
        with pytest.raises(Refused, match="done and takes no answer"):
            await one.logins.callback("chatgpt-oauth", view.login_id, redirected)
        assert len(one.server.asked("token")) == 1


async def test_one_answer_brought_twice_at_once_is_used_once() -> None:
    async with desk() as one:
        view = await one.logins.start("claude-oauth")
        assert view.url is not None
        redirected = await consent(view.url)
        pages = await asyncio.gather(*(browse(redirected, HOSTS[number % 2]) for number in range(4)))
        assert sorted(status for status, _, _ in pages) == [200, 400, 400, 400]
        assert len(one.server.asked("token")) == 1


async def test_a_taken_port_is_said_and_the_pasted_way_goes_on() -> None:
    async with desk() as one:
        with socket.socket() as other:
            other.bind(("127.0.0.1", one.ports["chatgpt-oauth"]))
            other.listen()
            view = await one.logins.start("chatgpt-oauth")
            assert f"Port {one.ports['chatgpt-oauth']}" in view.message and "another program" in view.message
            assert "paste" in view.message and view.url is not None
        await one.logins.tend()  # the other program has ended
        assert (await one.logins.get("chatgpt-oauth", view.login_id)).message == ""
        assert (await browse(await consent(view.url)))[0] == 200


async def test_claude_with_a_taken_port_uses_the_vendors_page_that_shows_the_code() -> None:
    async with desk() as one:
        with socket.socket(socket.AF_INET6) as other:
            other.bind(("::1", one.ports["claude-oauth"]))
            other.listen()
            view = await one.logins.start("claude-oauth")
        assert view.url is not None and "console.anthropic.com" in view.url
        done = await one.logins.callback("claude-oauth", view.login_id, one.server.visit(view.url))
        assert done.state == "done"


async def test_a_denial_at_the_providers_page_ends_the_sign_in() -> None:
    async with desk() as one:
        one.server.consents = False
        view = await one.logins.start("chatgpt-oauth")
        assert view.url is not None
        status, _, page = await browse(await consent(view.url))
        ended = await one.logins.get("chatgpt-oauth", view.login_id)
        assert status == 400 and "declined" in page and ended.state == "failed" and "declined" in ended.message


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (faulty.html(503), "answered 503"),
        (faulty.lost(processed=True), "Sign in again"),
        (faulty.refused(400, {"error": "invalid_client"}), "client's id and secret"),
        (faulty.refused(400, {"error": "invalid_grant"}), "used already or came too late"),
        (faulty.changed(access_token=7), "token endpoint answered 200"),
    ],
)
async def test_a_failed_exchange_is_said_in_words(bad: faulty.Misbehaviour, words: str) -> None:
    async with desk() as one:
        one.server.script(bad, endpoint="token")
        view = await one.logins.start("claude-oauth", flow="paste")
        assert view.url is not None
        ended = await one.logins.callback("claude-oauth", view.login_id, one.server.visit(view.url))
        assert ended.state == "failed" and words in ended.message and not one.accounts.saved


async def test_a_provider_that_repeats_our_secrets_does_not_get_them_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with desk() as one:
        view = await one.logins.start("chatgpt-oauth", flow="paste")
        assert view.url is not None
        redirected = one.server.visit(view.url)
        code = redirected.partition("code=")[2].partition("&")[0]
        flow = await one.flows.get(view.login_id)
        assert flow is not None and flow.hidden.verifier is not None
        verifier = flow.hidden.verifier.reveal()
        echo = {"error": "invalid_grant", "error_description": f"no {code} with {verifier}"}
        one.server.script(faulty.refused(400, echo), endpoint="token")
        ended = await one.logins.callback("chatgpt-oauth", view.login_id, redirected)
        assert "***" in ended.message
        shown = f"{view} {ended} {caplog.text} {flow!r}"
        assert code not in shown and verifier not in shown


async def test_no_secret_is_in_a_view_a_page_or_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with desk() as one:
        shown = ""
        for provider in CODE:
            view = await one.logins.start(provider)
            flow = await one.flows.get(view.login_id)
            assert view.url is not None and flow is not None
            _, headers, page = await browse(await consent(view.url))
            if flow.hidden.verifier is not None:
                assert flow.hidden.verifier.reveal() not in f"{view} {page} {headers} {caplog.text}"
            shown += f"{page} {headers} {await one.logins.get(provider, view.login_id)} {caplog.text}"
        for account in one.accounts.saved.values():
            for secret in (account.access, account.refresh, *account.secrets.values()):
                assert secret.reveal() not in shown
            assert account.access.reveal() not in repr(account)


async def test_nothing_begins_before_the_caveat_is_accepted_and_who_accepted_it_is_written_down() -> None:
    async with desk(agreed=False) as one:
        with pytest.raises(Refused) as caught:
            await one.logins.start("claude-oauth")
        caveat = one.facts["claude-oauth"].caveat
        assert caught.value.reason == "consent" and caught.value.caveat == caveat and await one.flows.all() == []
        await one.logins.start("claude-oauth", accepted=True, by="ada")
        assert one.consents.given == {"claude-oauth": ("ada", caveat)}
        assert (await one.logins.start("claude-oauth")).state == "waiting"  # once


async def test_a_provider_that_is_switched_off_in_the_settings_says_so_at_the_end() -> None:
    async with desk() as one:
        one.consents.off = ("claude-oauth",)
        view = await one.logins.start("claude-oauth", accepted=True, flow="paste")
        assert view.url is not None
        done = await one.logins.callback("claude-oauth", view.login_id, one.server.visit(view.url))
        assert done.state == "done" and "providers.claude_oauth.enabled" in done.message


async def test_signing_in_again_replaces_the_tokens_and_keeps_what_the_operator_chose() -> None:
    async with desk() as one:
        for _ in range(2):
            view = await one.logins.start("claude-oauth", flow="paste")
            assert view.url is not None
            await one.logins.callback("claude-oauth", view.login_id, one.server.visit(view.url))
            first = one.accounts.only
            chosen = {"priority": 3, "aliases": {"fast": "claude-haiku-4-5"}, "excluded": ("claude-opus-5",)}
            one.accounts.saved[first.id] = msgspec.structs.replace(first, **chosen)
        account = one.accounts.only
        assert one.server.grants.accepts(account.access.reveal())
        assert (account.priority, dict(account.aliases), account.excluded) == tuple(chosen.values())


async def test_the_operators_label_counts_and_another_accounts_label_is_refused() -> None:
    async with desk() as one:
        view = await one.logins.start("claude-oauth", flow="paste", label="work")
        assert view.url is not None
        await one.logins.callback("claude-oauth", view.login_id, one.server.visit(view.url))
        assert one.accounts.only.id == "claude-oauth/work"
        one.server.person = Person(email="bob@example.org", account_id="acc-bob")
        view = await one.logins.start("claude-oauth", flow="paste", label="work")
        assert view.url is not None
        ended = await one.logins.callback("claude-oauth", view.login_id, one.server.visit(view.url))
        assert ended.state == "failed" and "label work belongs to another account" in ended.message
        with pytest.raises(Refused, match="label"):
            await one.logins.start("claude-oauth", label="a/b")


async def test_a_store_that_cannot_write_fails_the_sign_in_in_words() -> None:
    async with desk() as one:
        one.accounts.full = OSError(28, "No space left on device")
        view = await one.logins.start("claude-oauth", flow="paste")
        assert view.url is not None
        ended = await one.logins.callback("claude-oauth", view.login_id, one.server.visit(view.url))
        assert ended.state == "failed" and "No space left on device" in ended.message


async def test_a_sign_in_can_be_cancelled_and_then_takes_no_answer() -> None:
    async with desk() as one:
        view = await one.logins.start("claude-oauth")
        assert view.url is not None
        redirected = await consent(view.url)
        assert (await one.logins.cancel("claude-oauth", view.login_id)).state == "cancelled"
        assert (await one.logins.cancel("claude-oauth", view.login_id)).state == "cancelled"
        with pytest.raises(Refused, match="cancelled and takes no answer"):
            await one.logins.callback("claude-oauth", view.login_id, redirected)
        assert not one.server.asked("token")


async def test_a_sign_in_ends_by_itself_and_is_forgotten_later() -> None:
    async with desk() as one:
        view = await one.logins.start("claude-oauth")
        assert view.url is not None
        redirected = await consent(view.url)
        one.clock.advance(601)
        assert (await one.logins.get("claude-oauth", view.login_id)).state == "expired"
        with pytest.raises(Refused, match="expired"):
            await one.logins.callback("claude-oauth", view.login_id, redirected)
        await one.logins.tend()
        flow = await one.flows.get(view.login_id)
        assert flow is not None and flow.state == "expired" and flow.hidden.state is None
        one.clock.advance(KEPT + 1)
        await one.logins.tend()
        with pytest.raises(Refused) as caught:
            await one.logins.get("claude-oauth", view.login_id)
        assert caught.value.reason == "unknown"


async def test_only_so_many_may_be_open() -> None:
    async with desk() as one:
        for _ in range(MOST_OPEN):
            last = await one.logins.start("claude-oauth")
        with pytest.raises(Refused) as caught:
            await one.logins.start("claude-oauth")
        assert caught.value.reason == "busy"
        await one.logins.cancel("claude-oauth", last.login_id)
        await one.logins.start("claude-oauth")


@pytest.mark.parametrize(
    ("provider", "flow", "reason"),
    [("nobody", None, "unknown"), ("kimi-oauth", "code", "unfit"), ("claude-oauth", "device", "unfit")],
)
async def test_what_there_is_not_is_refused(provider: str, flow: str | None, reason: str) -> None:
    async with desk() as one:
        with pytest.raises(Refused) as caught:
            await one.logins.start(provider, flow=flow)  # type: ignore[arg-type]
        assert caught.value.reason == reason


async def test_a_missing_client_secret_is_named_before_anybody_is_sent_anywhere() -> None:
    async with desk() as one:
        one.facts["gemini-cli"] = msgspec.structs.replace(one.facts["gemini-cli"], client_secret="")
        with pytest.raises(Refused, match=r"providers\.gemini_cli\.client_secret"):
            await one.logins.start("gemini-cli")


async def test_a_cookie_is_checked_before_it_is_saved() -> None:
    cookie = jwt({"rotating_token": "abc"})
    tried: list[str] = []

    async def first(sign_in: object, credential: Credential, ask: object) -> Renewed:
        tried.append(credential.refresh.reveal())
        facts = {"email": "ada@example.org", "user_id": "user_1"}
        return Renewed(access=Secret("jwt"), expires_at=None, refresh=Secret("new-cookie"), facts=facts)

    async with desk(first={"ctonew": first}) as one:
        view = await one.logins.start("ctonew")
        assert view.state == "waiting" and "__client" in view.message
        with pytest.raises(Refused, match="three parts"):
            await one.logins.callback("ctonew", view.login_id, "__client=nonsense")
        done = await one.logins.callback("ctonew", view.login_id, f"other=1.....__client={cookie}")
        assert done.state == "done" and tried == [cookie]
        assert one.accounts.only.id == "ctonew/ada@example.org"
        assert one.accounts.only.refresh.reveal() == "new-cookie"


async def test_whoever_waits_may_go_away_and_the_account_is_saved_all_the_same() -> None:
    async with desk() as one:
        gate = asyncio.Event()
        one.server.script(faulty.held(gate), endpoint="token")
        view = await one.logins.start("claude-oauth", flow="paste")
        assert view.url is not None
        work = one.logins.callback("claude-oauth", view.login_id, one.server.visit(view.url))
        waiting = asyncio.get_running_loop().create_task(work)
        await one.server.arrived(1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        gate.set()
        assert (await one.ended(view)).state == "done"
        check("claude-oauth", one.accounts.only, one)


async def test_closing_finishes_an_exchange_that_runs() -> None:
    async with desk() as one:
        gate = asyncio.Event()
        one.server.script(faulty.held(gate), endpoint="token")
        view = await one.logins.start("qwen-oauth")
        assert view.user_code is not None
        one.server.approve(view.user_code)
        await one.waits.over()
        await one.server.arrived(1)
        closing = asyncio.get_running_loop().create_task(one.logins.close())
        await asyncio.sleep(0)
        gate.set()
        await closing
        check("qwen-oauth", one.accounts.only, one)


def stored(path: Path) -> tuple[StateStore, LoginFlows]:
    migrate(path)
    store = StateStore(path)
    return store, LoginFlows(store, Vault(b"k" * 32))


async def test_another_process_goes_on_with_the_sign_ins_of_one_that_left(tmp_path: Path) -> None:
    first_store, first_flows = stored(tmp_path / "switchyard.sqlite")
    second_store, second_flows = stored(tmp_path / "switchyard.sqlite")
    async with desk(flows=first_flows) as old:
        browser, typed = await old.logins.start("chatgpt-oauth"), await old.logins.start("kimi-oauth")
        async with desk(like=old, flows=second_flows) as new:
            await new.logins.tend()
            flow = await second_flows.get(browser.login_id)
            assert flow is not None and flow.message == ""  # not touched while the old one lives
            await old.logins.close()
            await new.logins.tend()
            assert typed.user_code is not None and browser.url is not None
            assert (await browse(await consent(browser.url)))[0] == 200
            old.server.approve(typed.user_code)
            await new.waits.over()
            assert (await new.ended(typed)).state == "done"
            assert set(old.accounts.saved) == {"chatgpt-oauth/ada@example.org", "kimi-oauth/default"}
    first_store.close()
    second_store.close()


async def test_a_process_that_was_killed_is_gone_after_a_while_and_its_half_done_sign_in_says_so(
    tmp_path: Path,
) -> None:
    store, flows = stored(tmp_path / "switchyard.sqlite")
    async with desk(flows=flows) as old, desk(like=old, flows=flows) as new:
        waiting, half = await old.logins.start("claude-oauth"), await old.logins.start("iflow", flow="paste")
        flow = await flows.get(half.login_id)
        assert flow is not None
        await flows.swap(flow, msgspec.structs.replace(flow, state="exchanging"))
        old.clock.advance(GONE - 1)
        await new.logins.tend()
        assert (await new.logins.get("iflow", half.login_id)).state == "exchanging"
        old.clock.advance(2)
        old.logins._callbacks.keep(frozenset())  # as the kernel does for a process that is dead
        await new.logins.tend()
        ended = await new.logins.get("iflow", half.login_id)
        assert ended.state == "failed" and "ended before it was done" in ended.message
        assert waiting.url is not None and (await browse(await consent(waiting.url)))[0] == 200
    store.close()


async def test_an_answer_may_be_pasted_to_another_process_than_the_one_that_began(tmp_path: Path) -> None:
    store, flows = stored(tmp_path / "switchyard.sqlite")
    async with desk(flows=flows) as old, desk(like=old, flows=flows) as new:
        view = await old.logins.start("claude-oauth")
        assert view.url is not None
        redirected = await consent(view.url)
        assert (await new.logins.callback("claude-oauth", view.login_id, redirected)).state == "done"
        with pytest.raises(Refused) as caught:
            await old.logins.callback("claude-oauth", view.login_id, redirected)
        assert caught.value.reason == "closed"
    store.close()


async def test_what_is_stored_of_a_sign_in_is_sealed(tmp_path: Path) -> None:
    path = tmp_path / "switchyard.sqlite"
    store, flows = stored(path)
    async with desk(flows=flows) as one:
        view = await one.logins.start("claude-oauth")
        flow = await flows.get(view.login_id)
        assert flow is not None and flow.hidden.verifier is not None and flow.hidden.state is not None
        written = b"".join(each.read_bytes() for each in tmp_path.iterdir())  # with SQLite's own journal
        assert view.login_id.encode() in written
        for secret in (flow.hidden.verifier, flow.hidden.state):
            assert secret.reveal().encode() not in written
    store.close()


async def test_a_row_that_nobody_can_read_is_forgotten_too(tmp_path: Path) -> None:
    store, flows = stored(tmp_path / "switchyard.sqlite")
    async with desk(flows=flows) as one:
        view = await one.logins.start("claude-oauth")
        one.clock.advance(601 + KEPT)
        async with desk(like=one, flows=LoginFlows(store, Vault(b"x" * 32))) as other:  # whose key is another
            await other.logins.tend()
        assert await flows.get(view.login_id) is None
    store.close()


async def test_a_providers_outbound_proxy_counts_for_its_sign_ins() -> None:
    async def answer(request: HttpRequest) -> Reply:
        return Reply(200, {}, (request.proxy or "").encode())

    request = HttpRequest("GET", "https://auth.example/", {})
    assert (await through(answer, "http://proxy:1")(request)).body == b"http://proxy:1"
    assert (await through(answer, None)(request)).body == b""
    own = msgspec.structs.replace(request, proxy="http://own:1")
    assert (await through(answer, "http://proxy:1")(own)).body == b"http://own:1"
