"""The demo's faults pass through the gateway as real ones do: limits, errors of the dialect, and other targets."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from router.providers.demo.answer import LOREM, LOREM_WORDS
from router.providers.demo.chaos import CHAOS, MOST_WORDS, placed
from router.providers.demo.models import LABEL
from tests.router.api.harness import DIALECTS, Running, error_text, running
from tests.router.api.test_midstream import ends_with_error
from tests.simulators import Upstream

DUMMY = f"{LABEL} {' '.join(LOREM[index % len(LOREM)] for index in range(LOREM_WORDS))}"
IDLE, FIRST = 0.5, 0.6
QUICK: dict[str, Any] = {"server": {"timeouts": {"idle": IDLE, "first_token": FIRST, "slow_first_token": FIRST}}}
MIDDLE = {
    "cut": "as it was asked to",
    "stall": f"sent nothing for {IDLE:g} seconds",
    "malformed": "",
    "no-end": "",
    "error-mid": "failed in the middle",
}


def test_every_fault_in_the_middle_has_a_place() -> None:
    assert {name for name, fault in CHAOS.items() if fault.strikes == "middle"} == set(MIDDLE)
    assert placed("cut") == ("cut", None)
    assert placed("no-end-3") == ("no-end", 3)
    assert placed(f"cut-{MOST_WORDS + 1}") is None
    assert [placed(name) for name in ("hang", "cut-", "cut-x", "slow-5", "error-429")] == [None] * 5


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_fault_in_the_middle_is_told_behind_exactly_so_many_words(
    upstream: Upstream, tmp_path: Path, dialect: str
) -> None:
    async with running(upstream, tmp_path, QUICK) as router:
        names = [name for fault in MIDDLE for name in (fault, f"{fault}-3", f"{fault}-12")]
        answers = await asyncio.gather(*(router.ask(dialect, f"demo/{name}", stream=True) for name in names))
        for name, answer in zip(names, answers, strict=True):
            fault, _, count = name.rpartition("-") if name[-1].isdigit() else (name, "", "")
            assert MIDDLE[fault] in ends_with_error(dialect, answer), name
            usual = f"{LABEL} This answer breaks off in the"
            assert answer.text == (" ".join(DUMMY.split(" ")[: int(count)]) if count else usual), name


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_unstreamed_every_fault_is_an_error_with_a_status(
    upstream: Upstream, tmp_path: Path, dialect: str
) -> None:
    async with running(upstream, tmp_path, QUICK) as router:
        names = (*MIDDLE, "hang", "cut-0")
        for name, answer in zip(
            names, await asyncio.gather(*(router.ask(dialect, f"demo/{name}") for name in names)), strict=True
        ):
            assert answer.status >= 500, name
            assert error_text(dialect, answer.json), name


async def test_a_hang_ends_at_the_limit_for_the_first_token(upstream: Upstream, tmp_path: Path) -> None:
    async with running(upstream, tmp_path, QUICK) as router:
        began = time.monotonic()
        answer = await router.ask("chat", "demo/hang", stream=True)
        assert answer.status == 504
        assert "no first token" in error_text("chat", answer.json)
        assert FIRST <= time.monotonic() - began < 10


async def test_drip_says_all_of_it_one_character_at_a_time(router: Running) -> None:
    answer = await router.ask("chat", "demo/drip", "naïve 👩‍🚀", stream=True)
    assert answer.text == f"{LABEL} You said: naïve 👩‍🚀"
    said = [frame["choices"][0]["delta"].get("content") for _, frame in answer.frames if isinstance(frame, dict)
            and frame.get("choices")]  # fmt: skip
    assert max(len(piece) for piece in said if piece) == 1
    assert answer.frames[-1][1] == "[DONE]"


async def test_flaky_fails_every_second_call_of_a_process(upstream: Upstream, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        async with running(upstream, tmp_path / folder) as router:
            statuses = [(await router.ask(dialect, "demo/flaky")).status for dialect in ("chat", "messages") * 2]
            assert statuses == [200, 529, 200, 529], folder


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_second_target_says_what_is_left(upstream: Upstream, tmp_path: Path, dialect: str) -> None:
    faults = (*(f"{fault}-20" for fault in MIDDLE), "cut-0", "hang", "error-503", "error-429", "error-401")
    aliases = {f"tried-{fault}": [f"demo/{fault}", "demo/lorem"] for fault in faults}
    async with running(upstream, tmp_path, {**QUICK, "models": {"aliases": aliases}}) as router:
        answers = await asyncio.gather(*(router.ask(dialect, name, stream=True) for name in aliases))
        for name, answer in zip(aliases, answers, strict=True):
            assert (answer.status, answer.text) == (200, DUMMY), name
        refused = {"models": {"aliases": {"bad": ["demo/error-400", "demo/lorem"]}}}
        await router.reloaded({**QUICK, **refused})
        assert (await router.ask(dialect, "bad")).status == 400


async def test_an_unknown_place_is_not_found(router: Running) -> None:
    for name in (f"cut-{MOST_WORDS + 1}", "slow-5", "cut-x"):
        assert (await router.ask("chat", f"demo/{name}")).status == 404, name
