"""``docs/configuration.md`` from the schema: ``python -m router.settings.describe [--check]``."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from router.secret import Secret
from router.settings.presets import shipped_presets
from router.settings.schema import Settings
from router.settings.validation import inner

TARGET = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"

_HEAD = """\
# Configuration reference

This page is generated from the schema (`make docs`); do not edit it by hand.

Settings are in `config/config.yaml`. Another file: `--config FILE` or the variable `SWITCHYARD_CONFIG`.
A file is optional: without one, everything is at its default and keys are taken from the environment.

- **Environment.** Every setting can be given as a variable, `SWITCHYARD__SERVER__PORT=9000`. Two underscores separate
  the parts, a number is a place in a list (`SWITCHYARD__AUTH__KEYS__0__KEY`), lists and mappings are JSON.
  A variable wins over the file.
- **Provider keys** are picked up from their usual variables (`OPENAI_API_KEY`, `ANTHROPIC_API_KEY`, `GEMINI_API_KEY` or
  `GOOGLE_API_KEY`, and those of the presets below) where the file gives none for that provider. `OPENAI_BASE_URL`,
  `ANTHROPIC_BASE_URL` and `GOOGLE_GEMINI_BASE_URL` count only beside such a key, and never when they point at this
  gateway: people set them for their clients. A client key of this gateway (`sk-sy-…`) is not taken for a provider's.
- **Secrets.** Wherever a `key` is wanted, `key_file` may name a file and `env` a variable (API keys).
  In any text of the file `${NAME}` stands for a variable, `${NAME:-default}` for it or a default; `$${` is plain `${`.
- **Mistakes.** An unknown or wrong setting stops the start; all mistakes are listed at once, with line and remedy.
  `switchyard config check` looks without starting, `switchyard config show` tells where each value comes from.
- **Changes.** The file is watched. "reload": in force within about two seconds, running calls keep the old settings.
  "restart": at the next start. A file with mistakes changes nothing; the old settings stay in force.
- **Paths.** Relative ones are relative to the folder above `config/`. `~` is the home folder.
"""

_PRESETS_HEAD = """
## Presets

Servers that need no address: `providers: {groq: {api_keys: [...]}}`, or just the variable. Their blocks take the same
settings as `providers.openai`. Local ones need no key and are used as soon as their block is there: `ollama: {}`.

| name | also | variable | address |
|---|---|---|---|
"""


def describe() -> str:
    """The whole page. The same schema gives the same bytes."""
    parts = [_HEAD]
    for name, field in Settings.model_fields.items():
        block, suffix = _below(field)
        if block is None:
            raise TypeError(f"{name} is no block")
        parts.append(
            f"\n## {name}\n\n{field.description}\n\n| setting | default | meaning | applies |\n|---|---|---|---|\n"
        )
        parts += [_row(*found) for found in _walk(block, name + suffix, {})]
    parts.append(_PRESETS_HEAD)
    for name, preset in shipped_presets().items():
        variables = ", ".join(f"`{variable}`" for variable in preset.env) or "none"
        parts.append(f"| `{name}` | {', '.join(preset.names) or '–'} | {variables} | `{preset.base_url}` |\n")
    return "".join(parts)


def _walk(block: type[BaseModel], path: str, seen: dict[type, str]) -> Iterator[tuple[str, FieldInfo, str]]:
    """Every setting of `block` with a remark. What several blocks share is described at the first of them."""
    shared = sorted({seen[owner] for owner in _owners(block) if owner in seen and seen[owner] != path})
    own = [name for name in block.model_fields if _owner(block, name) not in seen]
    seen.update({_owner(block, name): path for name in own})
    if shared:
        yield f"{path}.…", FieldInfo(), f"The settings of `{shared[0]}`" + (", and:" if own else ".")
    for name in own:
        field = block.model_fields[name]
        here = f"{path}.{name}"
        below, suffix = _below(field)
        if suffix or below is None:
            yield here, field, ""
        if below is not None:
            yield from _walk(below, here + suffix, seen)


def _owner(block: type[BaseModel], name: str) -> type:
    """The class that declares a field."""
    return next(owner for owner in block.__mro__ if name in inspect.get_annotations(owner))


def _owners(block: type[BaseModel]) -> set[type]:
    return {_owner(block, name) for name in block.model_fields}


def _below(field: FieldInfo) -> tuple[type[BaseModel] | None, str]:
    kind = inner(field.annotation)
    if get_origin(kind) is tuple and get_args(kind)[-1] is ...:
        entry = inner(get_args(kind)[0])
        return (entry, "[]") if isinstance(entry, type) and issubclass(entry, BaseModel) else (None, "")
    if get_origin(kind) is dict:
        named = inner(get_args(kind)[1])
        return (named, ".NAME") if isinstance(named, type) and issubclass(named, BaseModel) else (None, "")
    return (kind, "") if isinstance(kind, type) and issubclass(kind, BaseModel) else (None, "")


def _row(path: str, field: FieldInfo, remark: str) -> str:
    if remark:
        return f"| `{path}` | | {remark} | |\n"
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    options = _options(field)
    meaning = (field.description or "") + (f" One of {options}." if options else "")
    return f"| `{path}` | {_default(field)} | {meaning.replace('|', chr(92) + '|')} | {extra.get('effect')} |\n"


def _options(field: FieldInfo) -> str:
    kind = inner(field.annotation)
    return ", ".join(f"`{option}`" for option in get_args(kind)) if get_origin(kind) is Literal else ""


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined or field.default is ...:
        return "required"
    value: Any = field.default
    if value is None or isinstance(value, (BaseModel, Secret)):
        return "–"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return f"`{json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)}`"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page; with ``--check`` compare only. 1: it is stale."""
    check = "--check" in (sys.argv[1:] if arguments is None else arguments)
    text = describe()
    current = TARGET.read_text(encoding="utf-8") if TARGET.exists() else ""
    if check:
        if current != text:
            sys.stderr.write(f"{TARGET} is stale; run make docs\n")
        return int(current != text)
    if current != text:
        TARGET.parent.mkdir(exist_ok=True)
        TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
