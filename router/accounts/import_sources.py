"""Programs whose sign-ins can be taken over, and where each keeps them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct

from router.accounts.labels import DEFAULT


def find_cliproxyapi(folder: Path) -> list[Path]:
    """The files of CLIProxyAPI's folder that may be accounts. Ours may lie among them."""
    return sorted(path for path in folder.glob("*.json") if not path.name.startswith("."))


def find_llmux(folder: Path) -> list[Path]:
    """LLMux's two token files."""
    return [path for path in (folder / "tokens.json", folder / "chatgpt" / "tokens.json") if path.exists()]


def find_codex(folder: Path) -> list[Path]:
    """The sign-in of Codex."""
    return [path for path in (folder / "auth.json",) if path.exists()]


def find_claude_code(folder: Path) -> list[Path]:
    """The sign-in of Claude Code, where it keeps it in a file."""
    return [path for path in (folder / ".credentials.json",) if path.exists()]


def find_ctonew(folder: Path) -> list[Path]:
    """The sign-in of cto.new's own program."""
    return [path for path in (folder / "credentials",) if path.exists()]


class Source(Struct, frozen=True):
    """A program whose files can be imported. what: of it. folder: below the home folder. called: what a file is to be
    called, where neither its name nor its content tells whose it is."""

    title: str
    what: str
    folder: str
    find: Callable[[Path], list[Path]]
    called: str = ""


SOURCES: Mapping[str, Source] = {
    "cliproxyapi": Source("CLIProxyAPI", "The account files", ".cli-proxy-api", find_cliproxyapi),
    "llmux": Source("LLMux", "The token files", ".llmux", find_llmux),
    "codex": Source("Codex", "The sign-in", ".codex", find_codex),
    "claude-code": Source("Claude Code", "The sign-in", ".claude", find_claude_code),
    "ctonew": Source("cto.new's own program", "The sign-in", ".cto", find_ctonew, f"ctonew-{DEFAULT}.json"),
}
