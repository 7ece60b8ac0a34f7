"""The small pure modules of the dashboard, asked in the browser that runs them."""

from __future__ import annotations

import ast
import hashlib
import json
import shlex
import tomllib
from typing import Any

import pytest

from tests.router.api.harness import Running
from tests.router.dashboard.browser import needs_browser, person

pytestmark = needs_browser


async def results(router: Running, browser: Any, module: str, *expressions: str) -> list[Any]:
    """What expressions with the names of a module come to."""
    async with person(router, browser, timezone_id="UTC", locale="en-US") as one:
        await one.page.goto(f"{router.url}/dashboard/")
        names = f"({{{', '.join(_NAMES[module])}}})"
        code = f"import('./{module}').then({names} => [{', '.join(expressions)}])"
        return list(await one.page.evaluate(code))


_NAMES = {
    "forecast.js": ("forecast", "lengthOf"),
    "format.js": ("money", "span", "short", "percent", "many"),
    "chart.js": ("ceiling",),
    "connect.js": ("snippets",),
    "dialects.js": ("reader", "errorOf", "DIALECTS"),
    "qr.js": ("qr",),
    "rights.js": ("fields",),
    "words.js": ("sentences", "told", "outcome"),
}
DIGESTS = ["d75b9f907243", "059eb6af8062", "25eec0bf2bd2"]
HALF_USED = "{window: '5h', used: 0.5, resets_at: 9000}"  # began at -9000


async def test_forecasts(looked_at: Running, browser: Any) -> None:
    found = await results(
        looked_at, browser, "forecast.js",
        f"forecast({HALF_USED}, 0)",  # half of it in half of the time: just enough
        "forecast({window: '5h', used: 0.75, resets_at: 9000}, 0)",
        "forecast({window: '7d_opus', used: 0.1, resets_at: 302400}, 0).left",
        "forecast({window: 'primary', used: 0.4, resets_at: 1000}, 600, [{at: 0, used: 0.1}])",
        "forecast({window: 'primary', used: 0.4, resets_at: 1000}, 600, [{at: 590, used: 0.1}])",
        "forecast({window: '5h', used: 1, resets_at: 9000}, 50)",
        "forecast({window: '5h', used: 0.5, resets_at: null}, 0)",
        "forecast({window: '5h', used: 0.01, resets_at: 17990}, 0)",
        "lengthOf('requests')", "lengthOf('30m')",
    )  # fmt: skip
    assert found[0] == {"full_at": 9000}
    assert found[1] == {"full_at": 3000}
    assert found[2] == pytest.approx(0.8)
    assert found[3] == {"left": pytest.approx(0.4)}
    assert found[4:] == [None, {"full_at": 50}, None, None, None, 1800]


async def test_numbers_for_people(looked_at: Running, browser: Any) -> None:
    assert await results(
        looked_at, browser, "format.js",
        "money(0)", "money(0, 3)", "money(7)", "money(1500)", "money(12_345_678)", "money(1_000_000, 1)",
        "span(0.0123)", "span(3.21)", "span(59)", "span(600)", "span(7800)", "span(200_000)", "span(null)",
        "short(12_345)", "percent(0.426)", "many(1, 'call')", "many(2000, 'call')",
    ) == [
        "$0.00", "unknown", "<$0.0001", "$0.0015", "$12.35", "$1.00 + ?",
        "12 ms", "3.2 s", "59 s", "10 min", "2 h 10 min", "2 d 8 h", "–",
        "12.3K", "43 %", "1 call", "2,000 calls",
    ]  # fmt: skip
    assert await results(looked_at, browser, "chart.js", "[0, 0.3, 1, 7, 12, 26, 1001].map(ceiling)") == [
        [1, 0.5, 1, 10, 20, 50, 2000]
    ]


async def test_streams_are_cut_wherever_they_come_in_pieces(looked_at: Running, browser: Any) -> None:
    whole = r"'event: a\r\ndata: {\"x\":1}\r\n\r\n: alive\n\ndata: one\ndata: two\n\n'"
    pieces = f"(() => {{ const read = reader(); return [...{whole}].flatMap((piece) => read(piece)); }})()"
    error = "errorOf({type: 'error', error: {message: 'too long'}})"
    found = await results(looked_at, browser, "dialects.js", pieces, error, "errorOf({error: null})", "errorOf({})")
    assert found == [['{"x":1}', "one\ntwo"], "too long", "", ""]


async def test_errors_come_with_advice(looked_at: Running, browser: Any) -> None:
    found = await results(
        looked_at, browser, "words.js",
        "sentences('one', '', 'two.')", "told({status: 0, message: 'It is gone', more: {}})",
        "told({status: 429, message: 'Too many.', more: {wait: 3}})", "outcome('rate_limited')", "outcome('new-kind')",
    )  # fmt: skip
    assert found[0] == "one. two." and "make status" in found[1] and found[2] == "Too many. Wait 3 seconds."
    assert found[3:] == ["A rate limit was reached", "new-kind"]


async def test_qr_codes_are_those_that_another_program_read(looked_at: Running, browser: Any) -> None:
    """The digests are of codes that OpenCV's reader gave back as they went in: versions 1, 5 and 10."""
    texts = ("HELLO", "https://example.org/" + "abcDEF123-_~" * 7, "https://example.org/" + "abcDEF123-_~" * 20)
    codes = [f"qr('{text}').map((row) => row.map(Number).join('')).join(' ')" for text in texts]
    *drawn, longest, too_long = await results(
        looked_at, browser, "qr.js", *codes, "qr('x'.repeat(271)).length", "qr('x'.repeat(272))"
    )
    assert [len(code.split()) for code in drawn] == [21, 37, 57] and (longest, too_long) == (57, None)
    assert [hashlib.sha256(code.encode()).hexdigest()[:12] for code in drawn] == DIGESTS


async def test_a_models_name_stays_one_word_in_what_is_to_be_typed(looked_at: Running, browser: Any) -> None:
    odd = 'o\'dd $(id) "m"'
    all_of_them = f"snippets('http://h', 'k', {json.dumps(odd)}).map(([id, , text]) => [id, text])"
    (shown,) = await results(looked_at, browser, "connect.js", all_of_them)
    text = dict(shown)
    assert json.loads(shlex.split(text["curl"])[-1])["model"] == odd
    assert f"ANTHROPIC_MODEL={odd}" in shlex.split(text["claude"])
    assert shlex.split(text["gemini"])[-1] == odd
    assert tomllib.loads(text["codex"])["model"] == odd
    assert odd in [each.value for each in ast.walk(ast.parse(text["python"])) if isinstance(each, ast.Constant)]
    assert f"model: {json.dumps(odd)}," in text["node"]


async def test_an_amount_of_thinking_counts_without_a_mode(looked_at: Running, browser: Any) -> None:
    assert await results(
        looked_at, browser, "rights.js",
        "fields({thinking: {max: 'low'}}).read().thinking", "fields(null).read().thinking",
        """(() => { const made = fields(null); const inputs = made.elements.querySelectorAll('input');
        inputs[1].value = 'high'; return made.read().thinking; })()""",
    ) == [
        {"mode": "passthrough", "default": None, "max": "low"}, None,
        {"mode": "passthrough", "default": None, "max": "high"},
    ]  # fmt: skip


async def test_recording_is_a_word_or_none(looked_at: Running, browser: Any) -> None:
    assert await results(
        looked_at, browser, "rights.js",
        "[undefined, null, true, false].map((request_log) => fields({request_log}).read().request_log)",
    ) == [[None, None, True, False]]  # fmt: skip
