"""Models of one's own on the screen Models: added, refused beside the field, changed, removed, and who answers then."""

from __future__ import annotations

from typing import Any

from tests.router.dashboard.browser import Person, needs_browser
from tests.router.dashboard.test_accessible import violations

pytestmark = needs_browser
NAME = "deepseek-reasoner"
"""OpenAI's simulator has it, and no list says so."""


def expect(thing: Any) -> Any:
    from playwright.async_api import expect as expecting

    return expecting(thing)


async def test_a_model_is_added_changed_and_removed(visitor: Person) -> None:
    page, router = visitor.page, visitor.router

    async def called(model: str) -> int:
        return (await router.ask("chat", model)).status

    assert await called(NAME) == 404
    await visitor.open("models")
    own, dialog = page.get_by_role("region", name="Models of your own"), page.get_by_role("dialog")
    await expect(own).to_contain_text("None yet.")
    await own.get_by_role("button", name="Add a model").press("Enter")
    await dialog.get_by_label("Provider", exact=True).select_option("openai")
    await dialog.get_by_label("Name at the provider").fill("deepseek reasoner")
    await dialog.get_by_label("Longest answer in tokens").fill("0")
    await dialog.get_by_role("button", name="Add it").click()
    await beside(dialog, "Name at the provider", "cannot stand here", visitor)
    await dialog.get_by_label("Name at the provider").fill(NAME)
    await expect(dialog.get_by_role("alert")).to_have_count(0)
    await dialog.get_by_role("button", name="Add it").click()
    await beside(dialog, "Longest answer in tokens", ">= 1", visitor)
    await dialog.get_by_label("Longest answer in tokens").fill("700")
    await dialog.get_by_label("Other names").fill("house")
    await dialog.get_by_text("What it can do").click()
    await dialog.get_by_label("Takes images").select_option("no")
    await dialog.get_by_label("Other facts").fill("thinking none")
    await dialog.get_by_role("button", name="Add it").click()
    await beside(dialog, "Other facts", "must be name: value", None)
    await dialog.get_by_label("Other facts").fill("thinking: none\nmax_stop: 2")
    assert await violations(page) == []
    await dialog.get_by_role("button", name="Add it").click()
    await beside(dialog, "Other facts", "max_stop", visitor)
    await dialog.get_by_label("Other facts").fill("thinking: none\nmax_stops: 2")
    await dialog.get_by_role("button", name="Add it").click()
    await dialog.wait_for(state="detached")
    await expect(own.get_by_role("row").filter(has_text="house")).to_contain_text("images: false")
    models = page.get_by_role("region", name="All models")
    await page.get_by_label("Show").select_option("custom")
    await expect(models.get_by_role("row").filter(has_text="house")).to_contain_text("openai (added)")
    assert await called("house") == 200 and router.upstream.requests[-1].body["model"] == NAME
    told = (await router.management("models/custom"))["models"]
    assert told[0]["capabilities"] == {"thinking": "none", "max_stops": 2, "images": False}
    await own.get_by_role("button", name=f"Change {NAME} of openai").press("Enter")
    await expect(dialog.get_by_label("Other names")).to_have_value("house")
    await expect(dialog.get_by_label("Takes images")).to_have_value("false")
    await dialog.get_by_label("Other names").fill("home")
    await dialog.get_by_role("button", name="Change it").click()
    await dialog.wait_for(state="detached")
    await expect(own.get_by_role("button", name=f"Change {NAME} of openai")).to_be_focused()
    assert (await called("house"), await called("home")) == (404, 200)
    await own.get_by_role("button", name=f"Remove {NAME} of openai").click()
    await page.get_by_role("button", name="Remove it").click()
    await expect(own).to_contain_text("None yet.")
    assert await called("home") == 404


async def beside(dialog: Any, label: str, words: str, visitor: Person | None) -> None:
    """The mistake stands with its field, which has the focus and tells it to those who hear."""
    control = dialog.get_by_label(label)
    await expect(control).to_be_focused()
    await expect(control).to_have_attribute("aria-invalid", "true")
    described = str(await control.get_attribute("aria-describedby")).split(" ")[0]
    await expect(dialog.locator(f"#{described}")).to_contain_text(words)
    if visitor is not None:
        assert "400" in visitor.troubles.pop()  # the browser itself notes a refused request
