"""The table of file formats: how each is read and changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from router.cli.setup import json_text, line_text, toml_text, yaml_text
from router.cli.setup.splices import Splice
from router.cli.setup.values import Keys


class Format(Struct, frozen=True):
    """One format. All functions are pure and raise `CannotEdit`.

    read(text): the value. write(value): a value as its text. raw(text, keys): what stands at a place, None without.
    put(text, keys, raw): set it. drop(text, keys, new_from): take it out, with what was made for it from that depth on.
    """

    read: Callable[[str], Any]
    write: Callable[[Any], str]
    raw: Callable[[str, Keys], str | None]
    put: Callable[[str, Keys, str], list[Splice]]
    drop: Callable[[str, Keys, int], list[Splice]]


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "json": Format(json_text.read, json_text.write, json_text.raw, json_text.put, json_text.drop),
        "toml": Format(toml_text.read, toml_text.write, toml_text.raw, toml_text.put, toml_text.drop),
        "yaml": Format(yaml_text.read, yaml_text.write, yaml_text.raw, yaml_text.put, yaml_text.drop),
        "env": Format(
            line_text.read_variables,
            line_text.write_variable,
            line_text.raw_variable,
            line_text.put_variable,
            line_text.drop_variable,
        ),
        "shell": Format(
            line_text.read_blocks, line_text.write_block, line_text.raw_block, line_text.put_block, line_text.drop_block
        ),
    }
)
