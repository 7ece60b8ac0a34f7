"""What people do with the dashboard, in a real browser before a real router and simulated providers."""

from __future__ import annotations

import csv
import json
import re
from typing import Any

from tests.router.api.harness import DIALECTS, KEY, MANAGEMENT, OPENAI_KEYS, Running
from tests.router.api.manage.desk import manage
from tests.router.dashboard.browser import Person, needs_browser, person
from tests.simulators.faulty import Misbehaviour, status

pytestmark = needs_browser


def expect(thing: Any) -> Any:
    from playwright.async_api import expect as expecting

    return expecting(thing)


async def test_the_way_in_and_out(lived: Running, browser: Any) -> None:
    async with person(lived, browser) as one:
        page = one.page
        await page.goto(f"{lived.url}/dashboard/")
        await page.get_by_label("Management key").fill("sk-wrong")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_contain_text("no key for management")
        assert len(one.troubles) == 1 and "401" in one.troubles.pop()  # the browser itself notes a refused request
        await page.get_by_label("Management key").fill(MANAGEMENT)
        await page.keyboard.press("Enter")
        await page.get_by_role("heading", name="Overview").wait_for()
        await page.reload()
        await page.get_by_role("heading", name="Overview").wait_for()
        kept = json.dumps(await page.evaluate("[{...localStorage}, {...sessionStorage}, document.cookie]"))
        assert MANAGEMENT not in kept
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_text("You are signed out.")).to_be_visible()
        await page.reload()
        await page.get_by_label("Management key").wait_for()


async def test_the_first_screen_answers_the_four_questions(visitor: Person) -> None:
    page = visitor.page
    health = page.get_by_role("region", name="Is it working?")
    anthropic = health.get_by_role("listitem").filter(has_text="anthropic")
    await expect(anthropic).to_contain_text("works in part")
    await expect(anthropic).to_contain_text("429")
    await expect(anthropic).to_contain_text("1 of 2 tries failed")
    await expect(anthropic).to_contain_text(re.compile(r"Next try in 1[45] min"))
    costs = page.get_by_role("region", name="What did it cost today?")
    await expect(costs.locator(".big")).to_contain_text(re.compile(r"\$|unknown"))
    await expect(costs.get_by_role("table").first).to_contain_text("tester")
    await expect(costs).to_contain_text("No key has a budget.")
    await expect(page.get_by_role("region", name="How much is left?")).to_contain_text("at this pace used up in")
    failures = page.get_by_role("region", name="Why did that fail?")
    await failures.get_by_role("link", name="A rate limit was reached: claude-sonnet-4-5").click()
    await expect(page.get_by_role("region", name="Why it went there")).to_contain_text("status 429")
    await expect(page.get_by_role("region", name="What would happen now")).to_contain_text(
        "anthropic/claude-sonnet-4-5"
    )


async def test_a_provider_that_always_fails_does_not_pass_for_working(visitor: Person) -> None:
    page, router = visitor.page, visitor.router
    gemini = page.get_by_role("region", name="Is it working?").get_by_role("listitem").filter(has_text="gemini")
    await expect(gemini).to_contain_text("works")
    router.router._recent._calls.clear()
    router.upstream.script(*[status(500)] * 4, model="gemini-2.5-flash")
    await router.ask("chat", "gemini-2.5-flash")
    await expect(gemini).to_contain_text("fails")


async def test_a_failure_shows_by_itself_as_text_and_never_as_markup(visitor: Person) -> None:
    page = visitor.page
    await visitor.open("requests")
    await expect(page.get_by_role("status").filter(has_text="live")).to_be_visible()
    name = "<img src=x onerror=alert(1)>"
    await visitor.router.ask("chat", name)
    row = page.get_by_role("row").filter(has_text=name)
    await expect(row).to_contain_text("No provider has this model")
    assert await page.locator("main img").count() == 0
    await page.get_by_label("Search").fill("gpt-4.1")
    await expect(row).to_have_count(0)
    await page.get_by_label("only failures").check()
    await page.get_by_role("row").filter(has_text="ok, after a failure").get_by_role("link").click()
    steps = page.get_by_role("region", name="Why it went there").get_by_role("listitem")
    await expect(steps).to_have_count(2)
    await expect(steps.first).to_contain_text("status 401")


async def test_a_request_tells_what_it_cost_and_what_of_it_has_no_price(visitor: Person) -> None:
    page = visitor.page
    usage = {
        "prompt_tokens": 1000, "completion_tokens": 10, "total_tokens": 1010, "num_search_queries": 2,
        "num_sources_used": 5,
    }  # fmt: skip
    message = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
    body = {"id": "c", "model": "gpt-4.1", "service_tier": "flex", "choices": [message], "usage": usage}
    visitor.router.upstream.script(Misbehaviour(body=json.dumps(body).encode()))
    called = await visitor.router.ask("chat", "gpt-4.1")
    await visitor.open(f"requests/{called.headers['x-switchyard-request-id']}")
    told = page.get_by_role("region", name="Facts")
    await expect(told).to_contain_text("Cost$0.0210 + ?")
    await expect(told.get_by_text("Cost", exact=True)).to_have_count(1)
    await expect(told).to_contain_text("Service tierflex")
    await expect(told).to_contain_text("2 × web_search, 5 × search_source")
    await expect(told).to_contain_text("Without a known pricesearch_source")


async def test_a_key_is_made_shown_once_used_and_revoked(visitor: Person) -> None:
    page, router = visitor.page, visitor.router
    await visitor.open("keys")
    await page.get_by_label("Name").fill("laptop")
    await page.get_by_label("Expires").select_option("in a week")
    await page.get_by_role("button", name="Make a key").click()
    key = await page.get_by_role("dialog").locator("#new-key").inner_text()
    called = await router.send("/v1/models", headers={"authorization": f"Bearer {key}"})
    assert called.status == 200
    await page.get_by_role("button", name="I have it").click()
    await page.get_by_role("dialog").wait_for(state="detached")
    row = page.get_by_role("row").filter(has_text="laptop")
    await expect(row).to_contain_text("usable")
    assert key not in await page.content()
    assert (await (await again_key(page)).json())["name"] == "laptop"
    key = await page.get_by_role("dialog").locator("#new-key").inner_text()
    await page.get_by_role("button", name="I have it").click()
    assert (await router.send("/v1/models", headers={"authorization": f"Bearer {key}"})).status == 200
    await page.get_by_label("Name").fill("laptop")
    await page.get_by_role("button", name="Make a key").click()
    await expect(page.get_by_role("alert")).to_contain_text("already a key named")
    await expect(page.get_by_label("Name")).to_be_focused()
    assert "409" in visitor.troubles.pop()  # the browser itself notes a refused request
    await page.get_by_role("button", name="Revoke laptop").click()
    await page.get_by_role("button", name="Revoke it").click()
    await expect(row.filter(has_text="usable")).to_have_count(0)
    assert (await router.send("/v1/models", headers={"authorization": f"Bearer {key}"})).status == 401


async def again_key(page: Any) -> Any:
    """Another text for the key laptop."""
    await page.get_by_role("button", name="Replace laptop").click()
    async with page.expect_response(re.compile("/rotate$")) as answered:
        await page.get_by_role("button", name="Replace it").click()
    return await answered.value


async def test_budgets_are_set_changed_and_shown_beside_the_costs(visitor: Person) -> None:
    page = visitor.page
    await visitor.open("keys")
    await page.get_by_label("Name").fill("editor")
    await page.get_by_text("Budgets and limits").click()
    await page.get_by_label("Dollars a day").fill("2.50")
    await page.get_by_label("Dollars a month").fill("40")
    await page.get_by_label("Calls a minute").fill("1")
    await page.get_by_role("button", name="Make a key").click()
    key = await page.get_by_role("dialog").locator("#new-key").inner_text()
    await page.get_by_role("button", name="I have it").click()
    row = page.get_by_role("row").filter(has_text="editor")
    await expect(row).to_contain_text("$0.00 of $2.50 today")
    await visitor.router.ask("chat", "gpt-4.1", headers={"authorization": f"Bearer {key}"})
    refused = await visitor.router.ask("chat", "gpt-4.1", headers={"authorization": f"Bearer {key}"})
    assert refused.status == 429
    await visitor.open("overview")
    await expect(page.get_by_role("region", name="What did it cost today?")).to_contain_text("of $2.50 today")
    await expect(page.get_by_role("link", name="A limit of the key was reached: gpt-4.1")).to_be_visible()
    await expect(page.get_by_role("region", name="What did it cost today?")).to_contain_text(
        re.compile(r"today \(UTC\), 0.?%, anew \d")
    )
    left = page.get_by_role("region", name="How much is left?")
    month = left.get_by_role("listitem").filter(has_text="editor dollars a month")
    await expect(month).to_contain_text(re.compile(r"\$39\.99+\d* of \$40\.00 left|\$40\.00 of \$40\.00 left"))
    await expect(month).to_contain_text(re.compile(r"resets in \d"))
    await expect(left.get_by_role("listitem").filter(has_text="editor dollars a day")).to_contain_text("of $2.50 left")
    await visitor.open("keys")
    await expect(row).to_contain_text(re.compile(r"1 of 1 calls a minute: used up.*, anew in \d"))
    await expect(row).to_contain_text(re.compile(r"of \$40\.00 this month \(UTC\).*, anew 1 "))
    await page.get_by_role("button", name="Limits of editor").click()
    await page.get_by_role("dialog").get_by_label("Calls a minute").fill("")
    await page.get_by_role("dialog").get_by_role("button", name="Set").click()
    await expect(row).not_to_contain_text("calls a minute")
    await expect(row).to_contain_text("of $2.50 today")


async def test_what_a_key_may_do_is_set_shown_and_taken_back(visitor: Person) -> None:
    page, router = visitor.page, visitor.router
    await visitor.open("keys")
    await page.get_by_label("Name").fill("narrow")
    await page.locator("summary").get_by_text("Rights", exact=True).click()
    await page.get_by_label("Models", exact=True).fill("gemini-*\n")
    await page.get_by_role("button", name="Make a key").click()
    key = await page.get_by_role("dialog").locator("#new-key").inner_text()
    await page.get_by_role("button", name="I have it").click()

    async def called(model: str) -> int:
        return (await router.ask("chat", model, headers={"authorization": f"Bearer {key}"})).status

    row, dialog = page.get_by_role("row").filter(has_text="narrow"), page.get_by_role("dialog")
    await row.get_by_text("Details of narrow").click()
    await expect(row).to_contain_text("gemini-*")
    assert (await called("gpt-4.1"), await called("gemini-2.5-flash")) == (403, 200)
    await page.get_by_role("button", name="Rights of narrow").click()
    await expect(dialog.get_by_label("Models", exact=True)).to_have_value("gemini-*")
    await dialog.get_by_label("Models", exact=True).fill("")
    await dialog.get_by_label("Providers").fill("opnai")
    await dialog.get_by_role("button", name="Set").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Did you mean 'openai'?")
    assert "400" in visitor.troubles.pop()  # the browser itself notes a refused request
    await dialog.get_by_label("Providers").fill("openai")
    await dialog.get_by_role("button", name="Set").click()
    await dialog.wait_for(state="detached")
    assert (await called("gpt-4.1"), await called("gemini-2.5-flash")) == (200, 403)
    await expect(page.get_by_role("button", name="Rights of narrow")).to_be_focused()
    await page.get_by_role("button", name="Disable narrow").press("Enter")
    await expect(row).to_contain_text("disabled")
    await expect(page.get_by_role("button", name="Enable narrow")).to_be_focused()
    assert await called("gpt-4.1") == 401
    await page.get_by_role("button", name="Enable narrow").click()
    await expect(row).to_contain_text("usable")
    await page.get_by_role("button", name="Limits of narrow").click()
    await dialog.get_by_label("Calls at once").fill("3")
    await dialog.get_by_role("button", name="Set").click()
    await row.get_by_text("Details of narrow").click()
    await expect(row).to_contain_text("At once")
    assert (await called("gpt-4.1"), await called("gemini-2.5-flash")) == (200, 403)


async def test_an_account_is_tried_and_serves_again_at_once(visitor: Person) -> None:
    page, router = visitor.page, visitor.router
    await visitor.open("accounts")
    await page.get_by_role("button", name="Let anthropic/1 serve again at once").click()
    row = page.get_by_role("row").filter(has_text="anthropic/1")
    await expect(row).not_to_contain_text("rests")
    await page.get_by_role("button", name="Try gemini/1").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Model").fill("gemini-2.5-flash")
    await dialog.get_by_role("button", name="Try it").click()
    await expect(dialog).to_contain_text("gemini/1 answered with gemini-2.5-flash")
    router.upstream.script(status(403, message="<i>no</i>"), model="gemini-2.5-flash")
    await dialog.get_by_role("button", name="Try it").click()
    await expect(dialog.locator(".note.bad")).to_be_visible()


async def test_a_key_of_the_settings_is_changed_in_their_file(visitor: Person) -> None:
    page, router = visitor.page, visitor.router
    before = router.config.read_text()
    await visitor.open("accounts")
    await page.get_by_role("button", name="Change openai/1").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Never these models").fill("gpt-4*\n")
    await dialog.get_by_label("Names of its own").fill("quick = gpt-5")
    await dialog.get_by_label("Thinking at most").fill("low")
    await dialog.get_by_role("button", name="Set").click()
    await dialog.wait_for(state="detached")
    text = router.config.read_text()
    assert "excluded: [gpt-4*]" in text and "quick: gpt-5" in text and "max: low" in text
    await page.get_by_role("button", name="Disable openai/1").click()
    await page.get_by_role("button", name="Enable openai/1").wait_for()
    assert "disabled: true" in router.config.read_text()
    versions = (await manage(router, "GET", "/config/history")).json["versions"]
    digest = (await manage(router, "GET", "/config")).json["digest"]
    await manage(router, "POST", "/config/rollback", {"id": versions[1]["id"], "digest": digest})
    assert router.config.read_text() == before


async def test_settings_are_planned_applied_and_taken_back(visitor: Person) -> None:
    page, gateway = visitor.page, visitor.router.router._gateway
    await visitor.open("settings")
    text = page.get_by_label("Settings as YAML")
    await expect(text).to_be_enabled()
    apply = page.get_by_role("button", name="Put in force")
    before = await text.input_value()
    assert "canary" not in before
    await text.fill(before + "retry:\n  no_such_setting: 7\n")
    await page.get_by_role("button", name="Show what would change").click()
    await expect(page.get_by_role("alert")).to_contain_text("no_such_setting")
    await expect(apply).to_be_disabled()
    await text.fill(before + "observe:\n  level: warning\n")
    await page.get_by_role("button", name="Show what would change").click()
    await visitor.open("logs")
    await visitor.open("settings")
    await expect(page.get_by_text("Your changes from before are still here")).to_be_visible()
    await page.get_by_role("button", name="Show what would change").click()
    await expect(page.get_by_text('observe.level changes from "info" to "warning", at once.')).to_be_visible()
    await expect(page.get_by_text("Client keys", exact=True)).to_have_count(0)
    await text.fill(before + "observe:\n  level: warning\nmodels:\n  aliases: {quick: gpt-4.1}\n")
    await page.get_by_role("button", name="Show what would change").click()
    await expect(page.get_by_text("The key tester gains quick.")).to_be_visible()
    await apply.click()
    await expect(page.get_by_role("status").filter(has_text="In force.")).to_be_visible()
    assert gateway.current.settings.observe.level == "warning"
    assert gateway.current.settings.auth.keys[0].name == "tester"
    await page.get_by_role("button", name="Go back to the file of").click()
    await page.get_by_role("button", name="Go back", exact=True).click()
    await expect(page.get_by_role("status").filter(has_text="earlier file is in force")).to_be_visible()
    assert gateway.current.settings.observe.level == "info"


async def test_the_playground_speaks_every_dialect_and_keeps_no_key(visitor: Person) -> None:
    page = visitor.page
    await visitor.open("playground")
    await page.get_by_label("Client key").fill(KEY)
    await page.get_by_label("Model", exact=True).fill("gpt-4.1")
    for streamed in (True, False):
        await page.get_by_label("streamed").set_checked(streamed)
        for dialect in DIALECTS:
            await page.get_by_role("button", name="Start anew").click()
            await page.get_by_label("Dialect").select_option(dialect)
            await page.get_by_label("Message").fill(f"Ahoy {dialect}")
            await page.get_by_role("button", name="Send").click()
            await expect(page.get_by_text("Status 200")).to_be_visible()
            await expect(page.locator(".talk li").last).to_contain_text(f"Ahoy {dialect}")
            await expect(page.get_by_role("region", name="Raw events")).to_contain_text("Ahoy")
    kept = json.dumps(await page.evaluate("[{...localStorage}, {...sessionStorage}]"))
    assert KEY not in kept
    await page.get_by_label("Model", exact=True).fill("demo/error-429")
    await page.get_by_label("Message").fill("Ahoy")
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_text("It failed:")).to_be_visible()
    visitor.troubles[:] = [each for each in visitor.troubles if "429" not in each]


async def test_the_calls_of_a_conversation_are_shown_together_with_their_costs(visitor: Person) -> None:
    page, router = visitor.page, visitor.router
    await router.until(lambda: router.router._recent.loaded)
    thread = {"session-id": "thread-7"}
    for model in ("gpt-4.1", "gemini-2.5-flash"):
        called = await router.ask("chat", model, headers=thread)
    await router.router._gateway.ledger.move()
    await visitor.open(f"requests/{called.headers['x-switchyard-request-id']}")
    await page.get_by_role("link", name="Show this conversation's calls").click()
    together = page.get_by_role("note").filter(has_text="This conversation: 2 calls, $0.0")
    await expect(together).to_contain_text("openai/gpt-4.1")
    await expect(together).to_contain_text("gemini/gemini-2.5-flash")
    await expect(page.locator("tbody tr")).to_have_count(2)
    await page.get_by_label("Conversation").fill("")
    await expect(together).to_have_count(0)
    await expect(page.locator("tbody tr").nth(2)).to_be_visible()
    await visitor.open("usage")
    await page.get_by_label("By").select_option("session")
    await page.get_by_role("table").get_by_role("link").first.click()
    await expect(together).to_be_visible()


async def test_the_playground_shows_both_sides_of_a_call(visitor: Person) -> None:
    page, router = visitor.page, visitor.router
    assert router.router._settings().observe.request_log == "off"
    await visitor.open("playground")
    await page.get_by_label("Client key").fill(KEY)
    await page.get_by_label("Dialect").select_option("messages")
    await page.get_by_label("Model", exact=True).fill("gpt-4.1")
    sent, came = (
        page.get_by_role("region", name=name) for name in ("Request to the provider", "Answer of the provider")
    )
    before = len(router.upstream.requests)
    await page.get_by_label("Message").fill("Ahoy provider")
    await page.get_by_role("button", name="Send").click()
    await expect(sent).to_contain_text("Ahoy provider")
    assert json.loads(await sent.inner_text()) == router.upstream.requests[before].body
    await expect(page.get_by_role("region", name="Request of the client")).to_contain_text('"max_tokens": 4096')
    await expect(page.get_by_role("region", name="Raw events")).to_contain_text("event: message_start")
    await expect(came).to_contain_text('"object":"chat.completion.chunk"')
    note = page.get_by_role("note").filter(has_text="another dialect")
    await expect(note).to_be_visible()
    shown = await page.locator("main").inner_text()
    assert "/v1/chat/completions" in shown and not [key for key in (KEY, *OPENAI_KEYS) if key in shown]
    router.upstream.script(status(500), model="gpt-4.1")
    await page.get_by_label("Message").fill("Again")
    await page.get_by_role("button", name="Send").click()
    attempts = page.get_by_label("Request to a provider")
    await attempts.select_option("1")
    await expect(page.get_by_text("HTTP 500", exact=True)).to_be_visible()
    await page.get_by_label("with the provider's side").uncheck()
    await page.get_by_role("button", name="Start anew").click()
    await page.get_by_label("Message").fill("Unrecorded")
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_text("Not asked for.").first).to_be_visible()
    manages = {"authorization": f"Bearer {MANAGEMENT}"}
    kept = (await router.send("/v0/management/records", headers=manages)).json["records"]
    assert [each["status"] for each in kept] == [200, 200]


async def test_names_are_tried_and_logs_come_as_they_are_written(visitor: Person) -> None:
    page = visitor.page
    await visitor.open("models")
    await page.get_by_label("Model", exact=True).fill("gemini-2.5-flash")
    await page.get_by_role("button", name="Show the plan").click()
    await expect(page.get_by_text("gemini/gemini-2.5-flash would answer")).to_be_visible()
    narrow = {"name": "narrow", "rights": {"providers": ["openai"]}}
    manages = {"authorization": f"Bearer {MANAGEMENT}"}
    assert (await visitor.router.send("/v0/management/keys", narrow, headers=manages)).status == 200
    await page.reload()
    await page.get_by_label("With the key").select_option("narrow")
    await page.get_by_label("Model", exact=True).fill("gemini-2.5-flash")
    await page.get_by_role("button", name="Show the plan").click()
    await expect(
        page.get_by_text("The call would be refused: The key 'narrow' may not use the providers")
    ).to_be_visible()
    await expect(page.get_by_role("table", name="What this key loses")).to_contain_text(
        "the key may not use the provider 'gemini' (rights.providers of the key in the database)"
    )
    await page.get_by_label("Model", exact=True).fill("gpt-4.1")
    await page.get_by_role("button", name="Show the plan").click()
    await expect(page.get_by_text("The key narrow loses no candidate.")).to_be_visible()
    await page.get_by_label("Search").fill("error-5")
    await expect(page.get_by_text("5 models", exact=True)).to_be_visible()
    await page.get_by_label("Kind").select_option("embedding")
    await expect(page.get_by_text("No model fits.")).to_be_visible()
    await visitor.open("logs")
    await expect(page.get_by_role("status").filter(has_text="live")).to_be_visible()
    await visitor.router.ask("chat", "no-such-thing-at-all")
    await expect(page.get_by_role("listitem").filter(has_text="no-such-thing-at-all")).to_be_visible()
    changes = page.get_by_role("table", name="Changes, the newest first")
    await expect(changes.get_by_role("row").filter(has_text="key_create")).to_contain_text("narrow")
    await page.get_by_label("Entries with").fill("nothing-like-it")
    await expect(page.get_by_text("Nothing like that stands in the audit log.")).to_be_visible()
    await page.get_by_label("Entries with").fill("NARROW")
    await expect(changes.get_by_role("row").filter(has_text="narrow")).to_have_count(1)


async def test_routes_in_force_are_shown_and_a_name_of_them_is_tried(visitor: Person) -> None:
    page, router = visitor.page, visitor.router
    rules = [{"pattern": "^gpt", "providers": ["openai"]}]
    chain = {"targets": ["gpt-4.1", "claude-sonnet-4-5"], "strategy": "round_robin"}
    await router.reloaded({"models": {"combos": {"smart": chain}, "routing": rules}})
    await visitor.open("models")
    card = page.get_by_role("region", name="Routes, as a name is looked up")
    await expect(card.get_by_role("table", name="Routes")).to_contain_text("^gpt")
    await expect(card.get_by_role("table", name="Combos")).to_contain_text("in turn")
    await card.get_by_role("button", name="Try smart").click()
    await expect(
        page.get_by_text(re.compile(r"(openai/gpt-4.1|anthropic/claude-sonnet-4-5) would answer"))
    ).to_be_visible()


async def test_a_newer_price_table_is_put_in_force_and_taken_back(visitor: Person) -> None:
    page = visitor.page
    await visitor.open("usage")
    card = page.get_by_role("region", name="Prices")
    await expect(card).to_contain_text("shipped with this version")
    text = "version: 2099-01-01\nvendors: {a: {source: x, as_of: '2099', models: {m: {input: 1, output: 2}}}}"
    await card.get_by_label("A newer table").set_input_files(
        {"name": "new.yaml", "mimeType": "text/yaml", "buffer": text.encode()}
    )
    await card.get_by_role("button", name="Put it in force").click()
    await expect(card).to_contain_text("The table is of 2099-01-01, 0 days old")
    await card.get_by_role("button", name="Go back to it").click()
    await page.get_by_role("dialog").get_by_role("button", name="Go back").click()
    await expect(card).to_contain_text("shipped with this version")
    await expect(card.get_by_role("row").filter(has_text="the shipped table")).to_be_visible()


async def test_usage_is_drawn_and_stands_in_tables_too(visitor: Person) -> None:
    page = visitor.page
    await visitor.open("usage")
    await page.get_by_label("Time", exact=True).select_option("month")
    drawing = page.get_by_role("img", name=re.compile("Requests, each day: highest"))
    await expect(drawing).to_be_visible()
    await expect(drawing.locator("rect").nth(30)).to_be_attached()
    await page.get_by_text("As a table").first.click()
    await expect(page.get_by_role("table", name="Requests, each day")).to_be_visible()
    await page.get_by_label("By").select_option("key")
    await expect(page.get_by_role("row").filter(has_text="nightly")).to_contain_text("unknown")
    async with page.expect_download() as taken:
        await page.get_by_role("link", name="CSV for spreadsheets").click()
    download = await taken.value
    assert re.fullmatch(r"switchyard-usage-[\d-]+-to-[\d-]+\.csv", download.suggested_filename)
    rows = list(csv.DictReader((await download.path()).read_text().splitlines()))
    assert "nightly" in {row["key_name"] for row in rows}


async def test_whoever_may_only_look_is_offered_nothing_else(lived: Running, browser: Any) -> None:
    made = await lived.send(
        "/v0/management/keys", {"name": "watcher", "scope": "viewer"}, headers={"authorization": f"Bearer {MANAGEMENT}"}
    )
    async with person(lived, browser) as one:
        await one.sign_in(made.json["key"])
        await one.open("playground")
        assert await one.page.get_by_label("with the provider's side").count() == 0
        links = one.page.get_by_role("navigation").get_by_role("link")
        assert await links.all_inner_texts() == ["Overview", "Requests", "Accounts", "Models", "Usage", "Playground"]
        await one.open("accounts")
        await expect(one.page.get_by_role("table").first).to_be_visible()
        assert await one.page.get_by_role("button", name="Sign in to").count() == 0


async def test_whoever_may_only_look_sees_what_it_cost_against_the_budgets(lived: Running, browser: Any) -> None:
    manages = {"authorization": f"Bearer {MANAGEMENT}"}
    made = await lived.send("/v0/management/keys", {"name": "watcher", "scope": "viewer"}, headers=manages)
    async with person(lived, browser) as one:
        await one.sign_in(made.json["key"])
        costs = one.page.get_by_role("region", name="What did it cost today?")
        await expect(costs).to_contain_text("No key has a budget.")
        assert await costs.get_by_role("link", name="Set one").count() == 0
        saved = {"name": "spender", "limits": {"usd_per_day": 2.5, "tokens_per_month": 1000}}
        spender = await lived.send("/v0/management/keys", saved, headers=manages)
        await lived.ask("chat", "gpt-4.1", headers={"authorization": f"Bearer {spender.json['key']}"})
        await one.page.reload()
        await expect(costs).to_contain_text("spender")
        await expect(costs).to_contain_text("of $2.50 today (UTC)")
        await expect(costs).to_contain_text("of 1,000 tokens this month (UTC)")
        await expect(costs).to_contain_text("since midnight")
        assert await one.page.get_by_role("button", name="Limits of").count() == 0


async def test_somebody_elses_change_is_not_overwritten(visitor: Person) -> None:
    page, router = visitor.page, visitor.router
    await visitor.open("settings")
    text = page.get_by_label("Settings as YAML")
    await expect(text).to_be_enabled()
    await text.fill(await text.input_value() + "observe:\n  level: warning\n")
    await page.get_by_role("button", name="Show what would change").click()
    with router.config.open("a") as file:
        file.write("retry:\n  max_attempts: 7\n")
    await router.until(lambda: router.router._gateway.current.settings.retry.max_attempts == 7)
    await page.get_by_role("button", name="Put in force").click()
    await expect(page.get_by_role("status").filter(has_text="changed meanwhile")).to_be_visible()
    assert "409" in visitor.troubles.pop()
    await page.get_by_role("button", name="Discard my changes").click()
    await expect(text).to_have_value(re.compile("max_attempts: 7"))


async def test_a_backup_is_made_verified_taken_away_and_removed(visitor: Person) -> None:
    page, words = visitor.page, "correct horse battery"
    await visitor.open("settings")
    part = page.get_by_role("region", name="Backup", exact=True)
    await expect(part).to_contain_text("None was made from here yet.")
    await part.get_by_label("Passphrase", exact=True).fill(words)
    await part.get_by_label("Once more").fill("another passphrase")
    await part.get_by_role("button", name="Make a backup").click()
    await expect(page.get_by_text("The two passphrases are not the same.")).to_be_visible()
    await part.get_by_label("Once more").fill(words)
    await part.get_by_role("button", name="Make a backup").click()
    await expect(part).to_contain_text("signed in as you everywhere")
    async with page.expect_download() as taken:
        await part.get_by_role("link", name="Download the backup of").click()
    download = await taken.value
    assert re.fullmatch(r"switchyard-[\d-]+\.backup", download.suggested_filename)
    (kept,) = (visitor.router.state / "backups").glob("*.backup")
    assert (await download.path()).read_bytes() == kept.read_bytes()
    await part.get_by_role("button", name="Verify the backup of").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Its passphrase").fill("another passphrase")
    await dialog.get_by_role("button", name="Verify it").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("passphrase is another one")
    await dialog.get_by_label("Its passphrase").fill(words)
    await dialog.get_by_role("button", name="Verify it").click()
    await expect(dialog).to_contain_text("It is whole")
    await dialog.get_by_role("button", name="Close").click()
    await part.get_by_role("button", name="Remove the backup of").click()
    await page.get_by_role("button", name="Remove it").click()
    await expect(part).to_contain_text("None was made from here yet.")
    assert words not in await page.content()


async def test_a_session_ends_with_its_key(lived: Running, browser: Any) -> None:
    manages = {"authorization": f"Bearer {MANAGEMENT}"}
    made = await lived.send("/v0/management/keys", {"name": "guest", "scope": "viewer"}, headers=manages)
    async with person(lived, browser) as one:
        await one.sign_in(made.json["key"])
        await lived.send(f"/v0/management/keys/{made.json['id']}", method="DELETE", headers=manages)
        await one.page.get_by_role("link", name="Models").click()
        await expect(one.page.get_by_text("The session is over. Sign in again.")).to_be_visible()
        one.troubles[:] = [each for each in one.troubles if "401" not in each]


async def test_a_router_that_is_gone_is_told_in_words(visitor: Person) -> None:
    page = visitor.page
    await visitor.router.stop()
    await visitor.open("keys")
    await expect(page.get_by_role("alert")).to_contain_text("make status")
    visitor.troubles.clear()  # of connections that are refused
