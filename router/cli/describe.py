"""``docs/cli.md``, made from the command line itself: ``python -m router.cli.describe``. A test compares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from router import places
from router.cli import main as verbs

HEAD = """# The command line

This page is generated from the program by `make docs`; do not edit it.

`switchyard VERB` (`.venv/bin/switchyard` in a checkout, from any folder) is the same as `python -m router VERB`.
Data goes to stdout, talk to stderr. Every listing has `--json`.

| Exit code | Meaning |
|---|---|
| 0 | ok |
| 1 | failed; the reason is on stderr |
| 2 | wrong usage |
| 3 | no gateway answers |
"""


def page() -> str:
    """The whole page."""
    for group in verbs.GROUPS:
        verbs.add_group(group)
    command = typer.main.get_command(verbs.app)
    return HEAD + "".join(_verbs(command, "switchyard"))


def _verbs(group: Any, path: str) -> Iterator[str]:
    for name, command in group.commands.items():
        group = hasattr(command, "commands")
        if not group or command.invoke_without_command:
            yield from _verb(command, name, path)
        if group:
            yield from _verbs(command, f"{path} {name}")


def _verb(command: Any, name: str, path: str) -> Iterator[str]:
    yield f"\n## `{path} {_usage(name, command)}`\n\n{_text(command.help)}\n"
    options = [parameter for parameter in command.params if parameter.param_type_name == "option"]
    if options:
        yield "\n"
    for option in options:
        yield f"- `{', '.join(option.opts)}`: {_text(option.help) or 'see above.'}\n"


def _usage(name: str, command: Any) -> str:
    words = [name]
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            word = parameter.name.upper()
            words.append(word if parameter.required else f"[{word}]")
    return " ".join(words)


def _text(text: str | None) -> str:
    return " ".join((text or "").split())


if __name__ == "__main__":
    (places.ROOT / "docs" / "cli.md").write_text(page(), encoding="utf-8")
