"""The commands and programs of the documents work as they are printed, against the demo."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.docs.checks import documents
from tests.docs.conftest import KEY, MANAGEMENT, ROOT, Running

_RUNS = re.compile(r"<!-- runs: (.+?) -->\n```(\w+)\n(.*?)^```$", re.M | re.S)
ADDRESS = "http://127.0.0.1:8317"
Block = tuple[Path, str, str, str]


def blocks(language: str) -> list[Block]:
    """Page, what the output must hold, language, text."""
    return [
        (path, expected, kind, body)
        for path in documents()
        for expected, kind, body in _RUNS.findall(path.read_text(encoding="utf-8"))
        if kind == language
    ]


def name(block: Block) -> str:
    return f"{block[0].stem}: {block[1]}"


def run(words: list[str], router: Running) -> str:
    environ = router.environ | {"SWITCHYARD_KEY": KEY, "SWITCHYARD_MANAGEMENT_KEY": MANAGEMENT}
    done = subprocess.run(
        words, env=environ, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_there_are_commands_to_run() -> None:
    assert {block[0].name for block in blocks("sh")} >= {"quickstart.md", "curl.md", "routing.md", "translation.md"}
    assert {block[0].name for block in blocks("python")} == {"openai-sdk.md", "anthropic-sdk.md", "google-genai.md"}


@pytest.mark.parametrize("block", blocks("sh"), ids=name)
def test_a_printed_command_works(block: Block, router: Running) -> None:
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    _, expected, _, body = block
    assert expected in run(["bash", "-c", body.replace(ADDRESS, router.address)], router)


@pytest.mark.sdk
@pytest.mark.parametrize("environment", ["sdk-current", "sdk-previous"])
@pytest.mark.parametrize("block", blocks("python"), ids=name)
def test_a_printed_program_works(block: Block, environment: str, router: Running) -> None:
    python = ROOT / ".venvs" / environment / "bin" / "python"
    if not python.exists():
        pytest.skip(f"needs {python.relative_to(ROOT)} (scripts/dev/make-sdk-venvs.sh)")
    _, expected, _, body = block
    assert expected in run([str(python), "-c", body.replace(ADDRESS, router.address)], router)
