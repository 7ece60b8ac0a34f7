"""Settings, the page map, engines, the line before the pages, notices, tiers, answers, addresses."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from router.faults import Fault
from services.aistudio import display, engines, memory, notices, selectors
from services.aistudio import settings as settings_module
from services.aistudio.answer import AnswerWriter, fold
from services.aistudio.handler import addressed
from services.aistudio.notices import Notice
from services.aistudio.page.studio import model_titles
from services.aistudio.pieces import Call, Finish, Text, Thought, Usage
from services.aistudio.selfcheck import BY_MODEL, TRANSIENT
from services.aistudio.settings import Browser, SettingsError
from services.aistudio.tiers.memory import FAILURES, REST, TierMemory
from services.aistudio.waiting import Slots


def test_settings_take_the_routers_block_and_the_older_name_of_the_engine() -> None:
    block = {"enabled": True, "service": {"command": "x"}, "browser": {"type": "chromium", "max_instances": "2"}}
    settings = settings_module.read(block)
    assert (settings.browser.engine, settings.browser.max_instances) == ("chromium", 2)


@pytest.mark.parametrize(
    ("browser", "engine"),
    [
        ({"type": "camoufox"}, "auto"),
        ({"type": "firefox"}, "firefox"),
        ({"type": "firefox", "engine": "chromium"}, "chromium"),
        ({"type": "chromium", "engine": None}, "chromium"),
        ({"engine": "camoufox"}, "camoufox"),
        ({}, "auto"),
    ],
)
def test_the_engine_wins_over_the_type_where_camoufox_is_a_preference(browser: dict[str, Any], engine: str) -> None:
    assert settings_module.read({"browser": browser, "login": None}).browser.engine == engine


def test_a_preferred_browser_that_is_missing_gives_way_and_says_so(tmp_path: Path) -> None:
    binary = tmp_path / "chromium"
    binary.touch(mode=0o755)
    here = {"HOME": str(tmp_path), "PATH": str(tmp_path)}
    named = {"executable_path": str(binary)}
    found = engines.choose(settings_module.read({"browser": {"type": "camoufox", **named}}).browser, here)
    assert found.engine == "chromium"
    assert "chromium is used instead" in found.note and "camoufox fetch" in found.note
    assert engines.choose(settings_module.read({"browser": named}).browser, here).note == ""
    with pytest.raises(engines.NoEngine, match="Camoufox"):
        engines.choose(settings_module.read({"browser": {"engine": "camoufox", **named}}).browser, here)


@pytest.mark.parametrize(
    ("block", "says"),
    [
        ({"browser": {"type": "lynx"}}, "lynx"),
        ({"browser": {"max_instances": 0}}, "at least 1"),
        ({"tiers": []}, "at least one"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_settings_that_cannot_be_are_named(block: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        settings_module.read(block)


def test_the_page_map_knows_every_control_that_the_check_calls_transient() -> None:
    known = set(selectors.load().controls)
    assert known >= TRANSIENT | BY_MODEL
    assert set(selectors.load().required) == {"prompt", "run", "new_chat"}


def test_a_users_page_map_lies_over_ours_control_by_control(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("version: mine\ncontrols: {run: {candidates: [{css: button, text: Go}]}}\n")
    found = selectors.load(file)
    assert (found.version, found.overridden) == ("mine", ("run",))
    assert found.controls["run"] == (selectors.Candidate("button", "go"),)
    assert "run" in found.required
    assert found.controls["prompt"] == selectors.load().controls["prompt"]


@pytest.mark.parametrize(
    "text", ["controls: {nothing: {candidates: [x]}}", "controls: {run: {candidates: 3}}", "- x", "{"]
)
def test_a_users_page_map_that_cannot_be_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(selectors.SelectorsError, match=r"mine\.yaml"):
        selectors.load(file)


def test_an_engine_that_is_missing_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(engines.NoEngine, match="attach_url"):
        engines.choose(Browser(engine="attach"), {})
    with pytest.raises(engines.NoEngine, match="apt-get install chromium"):
        engines.choose(Browser(engine="chromium", executable_path=str(tmp_path / "none")), {})
    with pytest.raises(engines.NoEngine, match="Camoufox"):
        engines.choose(Browser(engine="camoufox"), {"HOME": str(tmp_path)})


def test_a_named_binary_is_taken_and_attaching_needs_none(tmp_path: Path) -> None:
    binary = tmp_path / "chromium"
    binary.touch(mode=0o755)
    found = engines.choose(Browser(engine="chromium", executable_path=str(binary)), {})
    assert (found.path, found.cdp) == (str(binary), True)
    assert engines.choose(Browser(engine="attach", attach_url="http://127.0.0.1:9222"), {}).cdp


def test_a_cookie_that_cannot_be_read_is_said_with_the_way_to_make_one(tmp_path: Path) -> None:
    cookie = tmp_path / "cookie"
    here = {"DISPLAY": ":0", "XAUTHORITY": str(cookie)}
    assert "cannot be read" in display.cookie_problem(here) and "docs/containers.md" in display.cookie_problem(here)
    cookie.touch()
    assert "is empty" in display.cookie_problem(here)
    cookie.write_bytes(b"x")
    assert display.cookie_problem(here) == ""
    assert display.cookie_problem({"DISPLAY": ":0"}) == display.cookie_problem({"XAUTHORITY": "none"}) == ""


def test_memory_is_proportional_and_of_all_descendants(tmp_path: Path) -> None:
    for pid, parent in ((10, 1), (11, 10), (12, 11), (13, 1)):
        folder = tmp_path / str(pid)
        folder.mkdir()
        (folder / "stat").write_text(f"{pid} (a (b) c) S {parent} 0 0")
        (folder / "smaps_rollup").write_text("x\nRss: 900 kB\nPss: 100 kB\nPss_Anon: 50 kB\n")
    assert sorted(memory.descendants(10, tmp_path)) == [11, 12]
    assert memory.proportional([11, 12, 99], tmp_path) == 200 * 1024
    assert memory.proportional([os.getpid()]) > 0


async def test_the_line_is_fair_bounded_and_has_a_deadline() -> None:
    now = 0.0
    slots = Slots(1, 2, 0.05, lambda: now)
    await slots.enter()
    order: list[str] = []

    async def wait(name: str) -> None:
        await slots.enter()
        order.append(name)

    loop = asyncio.get_running_loop()
    one, two = loop.create_task(wait("one")), loop.create_task(wait("two"))
    while slots.waiting < 2:
        await asyncio.sleep(0)
    with pytest.raises(Fault, match="wait for a page") as caught:
        await slots.enter()
    assert caught.value.http_status == 429
    assert (caught.value.retry_after or 0) >= 1
    slots.leave(2.0)
    await one
    slots.leave(2.0)
    await two
    assert order == ["one", "two"]
    with pytest.raises(Fault, match="became free"):
        await slots.enter()
    slots.leave(None)
    assert (slots.busy, slots.waiting) == (0, 0)


async def test_who_leaves_the_line_takes_no_place_with_them() -> None:
    slots = Slots(1, 5, 10, lambda: 0.0)
    await slots.enter()
    task = asyncio.get_running_loop().create_task(slots.enter())
    while not slots.waiting:
        await asyncio.sleep(0)
    slots.leave(None)  # the place is given, and in the same moment its owner goes
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert slots.busy == 0
    await slots.enter()
    slots.hold()
    waiting = asyncio.get_running_loop().create_task(slots.enter())
    while not slots.waiting:
        await asyncio.sleep(0)
    slots.leave(None)
    assert slots.busy == 0
    slots.resume()
    await waiting


@pytest.mark.parametrize(
    ("words", "level", "status", "kind"),
    [
        ("user has exceeded quota", "error", None, "quota_spent"),
        ("You are out of free generations", "warning", None, "quota_spent"),
        ("The input token count exceeds the maximum", "error", 400, "too_long"),
        ("Permission denied", "error", 403, "refused"),
        ("Request had invalid authentication credentials", "error", 401, "upstream_auth"),
        ("The model is overloaded", "error", 503, "overloaded"),
        ("", "error", 429, "rate_limited"),
        ("Something odd", "error", None, "upstream_broken"),
        ("Something odd", "warning", None, None),
    ],
)
def test_notices_have_a_meaning(words: str, level: Any, status: int | None, kind: str | None) -> None:
    found = notices.fault(Notice(place="toast", words=words, level=level, status=status))
    assert (found.kind if found else None) == kind


def test_a_way_of_reading_that_fails_rests_and_is_tried_again() -> None:
    memory_ = TierMemory(("network", "dom", "final"))
    for _ in range(FAILURES):
        assert memory_.best(0.0) == "network"
        memory_.learn("network", "dom", False, 0.0)
    assert memory_.best(0.0) == "dom"
    assert memory_.choose(("network", "final"), 0.0) == "final"
    assert memory_.best(REST) == "network"
    memory_.learn("network", "network", True, REST)
    memory_.learn("network", "dom", False, REST)
    assert memory_.best(REST) == "network"


def test_an_answer_in_pieces_folds_into_one() -> None:
    writer = AnswerWriter("id", "gemini", thoughts=True)
    written = [
        writer.write([Thought("a"), Thought("b"), Text("c")]),
        writer.write([Usage(1, 2, 5)]),
        writer.write([Text("d"), Call("f", {"x": 1}), Finish("MAX_TOKENS")]),
        writer.end("prompt"),
    ]
    folded = fold([each for each in written if each is not None])
    candidate = folded["candidates"][0]
    assert candidate["content"]["parts"] == [
        {"text": "ab", "thought": True},
        {"text": "cd"},
        {"functionCall": {"id": "id-1", "name": "f", "args": {"x": 1}}},
    ]
    assert candidate["finishReason"] == "MAX_TOKENS"
    counted = {"promptTokenCount": 1, "candidatesTokenCount": 2, "totalTokenCount": 5, "thoughtsTokenCount": 2}
    assert folded["usageMetadata"] == counted


def test_addresses_of_googles_api_name_model_and_method() -> None:
    url = "https://x/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    assert addressed(url) == ("gemini-2.5-flash", "streamGenerateContent")
    with pytest.raises(Fault, match="names no model"):
        addressed("https://x/v1/files")


def test_the_pages_list_of_models_is_read() -> None:
    rows = '[["models/gemini-b",null,1,"Gemini B"],["models/gemini-a"],["models/gemini-embedding-1"],[3]]'
    assert model_titles(f")]}}'\n[{rows}]") == {"gemini-b": "Gemini B", "gemini-a": ""}
    assert model_titles("<html>") == {}
