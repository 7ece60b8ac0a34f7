"""Whole answers through a real Chromium before the stand-in page, in each of the three ways to read them."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import time
from pathlib import Path
from typing import Any

import pytest

from router.faults import Fault
from services.aistudio import request
from services.aistudio.driver import Drive
from services.aistudio.pieces import Text
from services.aistudio.pool import Wish
from services.aistudio.selfcheck import selfcheck
from services.aistudio.service import Told
from tests.services.aistudio.conftest import Start, ask, body, calls, needs_browser, parts, text, told, until
from tests.simulators.aistudio_page import Studio
from tests.simulators.aistudio_page.behaviour import BRACKETS, MARKDOWN
from tests.simulators.aistudio_page.server import MODELS

pytestmark = needs_browser
THOUGHTS = {"generationConfig": {"thinkingConfig": {"includeThoughts": True}}}
CALL = 'TOOLS find {"a": [1, true, null, {"x": "y"}]}'


@pytest.mark.parametrize("tier", ["network", "dom", "final"])
async def test_every_way_of_reading_gives_text_thinking_and_calls(start: Start, tier: str) -> None:
    async with start(tiers=[tier]) as service:
        objects, about = await told(service, body("THINK and say it", **THOUGHTS))
        assert text(objects) == "You said: THINK and say it"
        assert text(objects, thought=True).strip() == "Let me think about this."
        assert about.tier == tier
        assert objects[-1]["candidates"][0]["finishReason"] == "STOP"
        assert objects[-1]["usageMetadata"]["totalTokenCount"] > 0
        assert calls(await ask(service, CALL)) == [("find", {"a": [1, True, None, {"x": "y"}]})]


@pytest.mark.parametrize(("tier", "exact"), [("network", True), ("dom", False), ("final", True)])
async def test_markdown_is_exact_where_the_way_of_reading_allows_it(start: Start, tier: str, exact: bool) -> None:
    async with start(tiers=[tier]) as service:
        objects, about = await told(service, "MARKDOWN please")
        assert (text(objects) == MARKDOWN) is exact
        assert any("Markdown" in note for note in about.notes) is not exact
        assert "bold" in text(objects)
        whole = await service.generate("gemini-2.5-flash", body("MARKDOWN please"), Told())
        assert text([whole]) == MARKDOWN


async def test_awkward_text_and_several_parts_in_one_frame_arrive_whole(start: Start) -> None:
    async with start() as service:
        assert text(await ask(service, "BRACKETS")) == BRACKETS
        objects = await ask(service, body("TWOPARTS", **THOUGHTS))
        assert (text(objects, thought=True), text(objects)) == ("Both at once. ", "Two parts here.")


async def test_thoughts_are_left_out_where_nobody_asked_for_them(start: Start) -> None:
    async with start() as service:
        assert not [part for part in parts(await ask(service, "THINK hard")) if part.get("thought")]


async def test_the_limit_of_the_model_is_told_as_the_reason(start: Start) -> None:
    async with start() as service:
        assert (await ask(service, "LENGTH LONG 5"))[-1]["candidates"][0]["finishReason"] == "MAX_TOKENS"


async def test_a_hidden_network_answer_is_read_from_the_page_and_remembered(start: Start, studio: Studio) -> None:
    studio.faults = {"hidden-wire"}
    async with start(timeouts={"wire": 0.3}) as service:
        for _ in range(2):
            objects, about = await told(service, "LONG 60 GAP 20")
            assert about.tier == "dom"
            assert text(objects) == " ".join(f"word{number}" for number in range(60))
        assert service.status()["tier"] == "dom"


async def test_an_answer_in_unknown_elements_is_read_once_at_the_end(start: Start, studio: Studio) -> None:
    studio.faults = {"hidden-wire", "foreign-nodes"}
    async with start() as service:
        objects, about = await told(service, "MARKDOWN")
        assert (about.tier, text(objects)) == ("final", MARKDOWN)


async def test_nodes_that_are_made_anew_again_and_again_repeat_nothing(start: Start, studio: Studio) -> None:
    studio.faults = {"rewrite"}
    async with start(tiers=["dom"]) as service:
        assert text(await ask(service, "LONG 100 GAP 1")) == " ".join(f"word{number}" for number in range(100))


@pytest.mark.parametrize("fault", ["xhr", "separate-stop", "survey", "welcome"])
async def test_variants_of_the_page_answer_too(start: Start, studio: Studio, fault: str) -> None:
    studio.faults = {fault}
    async with start() as service:
        objects, about = await told(service, "hello")
        assert (about.tier, text(objects)) == ("network", "You said: hello")


async def test_every_setting_reaches_the_page_and_none_reaches_the_next_request(start: Start, studio: Studio) -> None:
    asked = body(
        "hello",
        systemInstruction={"parts": [{"text": "Be brief."}]},
        generationConfig={
            "temperature": 0.3,
            "topP": 0.5,
            "maxOutputTokens": 1234,
            "stopSequences": ["END", "User:"],
            "thinkingConfig": {"thinkingBudget": 2048},
            "responseSchema": {"type": "OBJECT"},
        },
        tools=[{"googleSearch": {}}, {"urlContext": {}}, {"codeExecution": {}}],
    )
    async with start() as service:
        _, about = await told(service, asked)
        await told(service, "plain")
    assert about.notes == []
    one, two = studio.received
    wanted = {
        "system": "Be brief.", "temperature": 0.3, "topP": 0.5, "maxTokens": 1234, "stops": ["END", "User:"],
        "budget": 2048, "thinking": True, "search": True, "url": True, "code": True, "incognito": True,
    }  # fmt: skip
    assert {name: one[name] for name in wanted} == wanted
    assert json.loads(one["schema"]) == {"type": "OBJECT"}
    defaults = {
        "system": "", "temperature": 1, "topP": 0.95, "maxTokens": 65536, "stops": [], "budget": None,
        "thinking": True, "search": False, "url": False, "code": False, "schema": None, "functions": None,
    }  # fmt: skip
    assert {name: two[name] for name in defaults} == defaults
    assert [turn["text"] for turn in two["turns"]] == ["plain"]


async def test_function_declarations_reach_the_page(start: Start, studio: Studio) -> None:
    declared = {"name": "find", "description": "Finds.", "parameters": {"type": "OBJECT", "properties": {}}}
    tools = [{"functionDeclarations": [declared]}]
    forced = {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["find"]}}
    async with start() as service:
        await ask(service, body("with search", tools=[{"googleSearch": {}}]))
        _, about = await told(service, body(CALL, tools=tools, toolConfig=forced))
        await ask(service, body("none", tools=tools, toolConfig={"functionCallingConfig": {"mode": "NONE"}}))
    assert [each["functions"] for each in studio.received] == [None, [declared], None]
    assert studio.received[1]["search"] is False
    assert "find" in studio.received[1]["system"]
    assert about.notes == ["toolConfig"]


@pytest.mark.parametrize(
    ("model", "thinking", "expected"),
    [
        ("gemini-2.5-flash", {"thinkingBudget": 0}, {"thinking": False, "budget": None}),
        ("gemini-3-flash-preview-aistudio", {"thinkingLevel": "low"}, {"level": "Low"}),
        ("ai-studio-gemini-3-flash-preview", {}, {"level": "High"}),
        ("gemini-2.5-pro", {"thinkingBudget": 4096}, {"budget": 4096}),
    ],
)
async def test_models_and_their_kinds_of_thinking_are_chosen(
    start: Start, studio: Studio, model: str, thinking: dict[str, Any], expected: dict[str, Any]
) -> None:
    async with start() as service:
        _, about = await told(service, body("hello", generationConfig={"thinkingConfig": thinking}), model)
    assert {name: studio.received[0][name] for name in expected} == expected
    assert studio.received[0]["model"] in model
    assert about.notes == []


async def test_what_cannot_be_applied_is_told(start: Start, studio: Studio) -> None:
    studio.faults = {"stuck-temperature", "no-structured"}
    config = {
        "temperature": 0.2,
        "maxOutputTokens": 99999,
        "seed": 7,
        "thinkingConfig": {"thinkingBudget": 500},
        "responseSchema": {"type": "OBJECT"},
    }
    async with start() as service:
        _, about = await told(service, body("hello", generationConfig=config), "gemini-2.0-flash")
    told_names = [note.partition(" (")[0] for note in about.notes]
    assert told_names == [
        "generationConfig.seed",
        "generationConfig.temperature",
        "generationConfig.thinkingConfig.thinkingBudget",
        "generationConfig.maxOutputTokens",
        "generationConfig.responseSchema",
    ]
    assert "JSON schema" in studio.received[0]["system"]


async def test_files_reach_the_page_as_they_are(start: Start, studio: Studio) -> None:
    studio.faults = {"copyright"}
    data = bytes(range(256)) * 40
    part = {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(data).decode()}}
    async with start() as service:
        await ask(service, {"contents": [{"role": "user", "parts": [part, {"text": "what is it?"}]}]})
        await ask(service, "and now?")
    file = studio.received[0]["turns"][0]["files"][0]
    assert (file["type"], file["digest"]) == ("image/png", hashlib.sha256(data).hexdigest())
    assert studio.received[1]["turns"][0]["files"] == []


async def test_an_earlier_conversation_is_told_in_a_fresh_chat(start: Start, studio: Studio) -> None:
    contents = [
        {"role": "user", "parts": [{"text": "My name is Ann."}]},
        {"role": "model", "parts": [{"text": "Hello Ann."}]},
        {"role": "user", "parts": [{"text": "Who am I?"}]},
    ]
    async with start() as service:
        assert text(await ask(service, {"contents": contents})) == "You said: Who am I?"
    sent = studio.received[0]["turns"]
    assert len(sent) == 1
    assert "My name is Ann." in sent[0]["text"]
    assert "Hello Ann." in sent[0]["text"]


async def test_a_conversation_goes_on_in_its_own_chat_where_that_is_wanted(start: Start, studio: Studio) -> None:
    first = [{"role": "user", "parts": [{"text": "one"}]}]
    async with start(continue_conversations=True) as service:
        answer = text(await ask(service, {"contents": first}))
        then = [{"role": "model", "parts": [{"text": answer}]}, {"role": "user", "parts": [{"text": "two"}]}]
        await ask(service, {"contents": [*first, *then]})
        await ask(service, "another")
    turns = [[turn["text"] for turn in each["turns"]] for each in studio.received]
    assert turns == [["one"], ["one", "You said: one", "two"], ["another"]]


async def test_a_long_prompt_is_set_in_a_moment(start: Start, studio: Studio) -> None:
    long = "seventeen letters\n" * 6000 + "the end"
    async with start() as service:
        await ask(service, "warm")
        started = time.monotonic()
        assert text(await ask(service, long)) == "You said: the end"
        assert time.monotonic() - started < 5
    assert studio.received[1]["turns"][0]["text"] == long


async def test_a_caller_that_goes_away_stops_the_page_within_a_second(start: Start, studio: Studio) -> None:
    async with start() as service:
        answer = service.stream("gemini-2.5-flash", body("LONG 5000 GAP 20"), Told())
        async with contextlib.aclosing(answer):
            await anext(answer)
        left = time.monotonic()
        await studio.until(lambda: bool(studio.stopped))
        assert studio.stopped[0][1] - left < 1.0
        assert text(await ask(service, "next")) == "You said: next"
        assert service.pool.recycled["page"] == 0


async def test_a_cancelled_task_stops_the_page_too(start: Start, studio: Studio) -> None:
    async with start() as service:
        task = asyncio.get_running_loop().create_task(ask(service, "LONG 5000 GAP 20"))
        await studio.until(lambda: studio.running == 1)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await studio.until(lambda: bool(studio.stopped), within=1.5)


@pytest.mark.parametrize("fault", ["", "xhr"])
async def test_without_devtools_the_page_itself_tells_what_its_call_brings(
    start: Start, studio: Studio, fault: str
) -> None:
    studio.faults = {fault} - {""}
    async with start(browser={"devtools": False}) as service:
        objects, about = await told(service, body("THINK BRACKETS", **THOUGHTS))
        assert (about.tier, text(objects)) == ("network", BRACKETS)
        assert objects[-1]["usageMetadata"]["thoughtsTokenCount"] == 6
        assert calls(await ask(service, CALL)) == [("find", {"a": [1, True, None, {"x": "y"}]})]


async def test_a_browser_on_a_screen_that_nobody_sees_answers_too(start: Start) -> None:
    async with start(browser={"mode": "virtual"}) as service:
        assert text(await ask(service, "hello")) == "You said: hello"


@pytest.mark.parametrize(("tier", "devtools"), [("network", True), ("network", False), ("dom", True)])
async def test_a_piece_reaches_the_caller_soon_after_the_page_has_it(
    start: Start, studio: Studio, tier: str, devtools: bool
) -> None:
    """From the server's write to our object, the page's own share included, most pieces are no more than a few others
    behind: whoever gathered them, or asked the page now and then, would be."""
    async with start(tiers=[tier], browser={"devtools": devtools}) as service:
        await ask(service, "warm")
        studio.sent.clear()
        came, length = [(0.0, 0)], 0
        async for each in service.stream("gemini-2.5-flash", body("LONG 120 GAP 40"), Told()):
            length += len(text([each]))
            came.append((time.monotonic(), length))
        late = sorted(delays(studio.sent, came))
        assert len(late) > 40
        assert late[len(late) // 2] < 3 * 0.040  # bench-aistudio has the figure itself


def delays(sent: list[tuple[float, str]], came: list[tuple[float, int]]) -> list[float]:
    """Seconds from the moment in which a frame was written to that in which its last character came."""
    found, length = [], 0
    for when, frame in sent:
        length += len(json.loads(frame)[0][0][0][0][0][1])
        found.append(next(moment for moment, so_far in came if so_far >= length) - when)
    return found


async def test_selfcheck_names_the_candidate_that_found_each_control(start: Start, studio: Studio) -> None:
    async with start() as service:
        report = await selfcheck(service.pool, service.selectors)
        states = {each.name: each.state for each in report.findings}
        assert report.good
        assert [name for name, state in states.items() if state in ("missing", "fallback")] == []
        assert states["prompt"] == "found"
    studio.faults = {"no-structured"}
    async with start() as service:
        report = await selfcheck(service.pool, service.selectors)
        assert [each.name for each in report.findings if each.state == "missing"] == ["structured", "structured_edit"]


async def test_the_users_own_page_map_repairs_a_control(start: Start, studio: Studio, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(json.dumps({"controls": {"prompt": {"candidates": ["#gone"]}}}))
    async with start(selectors=str(wrong), timeouts={"ready": 1.0}) as service:
        with pytest.raises(Fault, match="does not show prompt") as caught:
            await ask(service, "hello")
        assert caught.value.code == "page_changed"
    right = tmp_path / "right.yaml"
    right.write_text(json.dumps({"controls": {"prompt": {"candidates": ["#gone", "ms-prompt-box textarea"]}}}))
    async with start(selectors=str(right)) as service:
        assert text(await ask(service, "hello")) == "You said: hello"


async def test_the_models_of_the_account_are_read_from_the_page(start: Start) -> None:
    async with start() as service:
        await ask(service, "hello")
        await until(lambda: service.status()["models"])
        assert service.status()["models"] == tuple(sorted(MODELS))


@pytest.mark.parametrize(("words", "answer"), [("FIRST 200 hello", "You said: FIRST 200 hello"), ("QUOTA", None)])
async def test_a_page_that_cannot_report_is_read_when_it_is_idle(start: Start, words: str, answer: str | None) -> None:
    async with start() as service, service.pool.lease(Wish()) as lease:
        lease.page.reports = False
        job = request.read("gemini-2.5-flash", body(words))
        drive = Drive(lease.page, job, "run-1", tier="final", continued=False, whole=False)
        if answer is None:
            with pytest.raises(Fault, match="quota"):
                _ = [piece async for piece in drive.pieces()]
        else:
            assert [piece async for piece in drive.pieces()] == [[Text(answer)]]
