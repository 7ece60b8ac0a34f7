"""The two environments of the SDKs, and one run of the driver inside one of them."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GENERATIONS = ("current", "previous")
DRIVER = Path(__file__).parent / "driver.py"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One case. ok is None where it does not apply."""

    case: str
    ok: bool | None
    detail: str
    ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What to drive: the options of `driver.py`, by their names."""

    dialect: str
    base_url: str
    key: str
    model: str
    think_model: str = ""
    embed_model: str = ""
    upstream: str = ""
    cases: str = ""


def python_of(generation: str) -> Path:
    """The interpreter with the SDKs of a generation; skips the test, with the remedy, where it was not built."""
    python = ROOT / ".venvs" / f"sdk-{generation}" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"{python} is missing: run scripts/dev/make-sdk-venvs.sh")
    return python


async def drive(generation: str, *runs: Run, within: float = 200) -> list[list[Outcome]]:
    """Run the driver once and read its lines, grouped by run. Raises `AssertionError` when it did not get to the end.

    within: seconds for all runs together.
    """
    process = await asyncio.create_subprocess_exec(
        str(python_of(generation)),
        str(DRIVER),
        f"--runs={json.dumps([asdict(run) for run in runs])}",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(within):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    lines = [json.loads(line) for line in out.decode().splitlines() if line.startswith("{")]
    assert process.returncode in (0, 1), err.decode()[-2000:]
    outcomes: list[list[Outcome]] = [[] for _ in runs]
    for line in lines:
        outcomes[line["run"]].append(Outcome(line["case"], line["ok"], line["detail"], line["ms"]))
    assert all(outcomes), err.decode()[-2000:]
    return outcomes


def failures(outcomes: list[Outcome]) -> str:
    """The failed cases, one per line; "" when all are good."""
    return "\n".join(f"{one.case}: {one.detail}" for one in outcomes if one.ok is False)
