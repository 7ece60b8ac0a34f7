"""pydantic's errors as mistakes: in words of the product, with the nearest valid name."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from router.settings.document import Document
from router.settings.mistakes import Mistake, Path, dotted, nearest
from router.settings.presets import Preset
from router.settings.provider_blocks import OpenAICompatible, Providers
from router.settings.schema import Settings

_TEXTS: Mapping[str, str] = {
    "missing": "is missing",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be a text",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "has characters that are not allowed there",
    "too_short": "must not be empty",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
}
_BOUNDS: Mapping[str, tuple[str, str]] = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}
_REMEDIES: Mapping[str, str] = {"string_type": "Put it in quotes if it looks like a number, a date or true/false."}


def mistakes_of(
    error: ValidationError,
    document: Document,
    origins: Mapping[Path, str],
    presets: Mapping[str, Preset],
    original: Callable[[Path], Path] = lambda path: path,
) -> Iterator[Mistake]:
    """One mistake for each error of the schema. original: from a place in the values to the place in the file."""
    for found in error.errors(include_url=False):
        path = original(tuple(found["loc"]))
        problem, near = describe(found, path, presets)
        source = next((origins[path[:end]] for end in range(len(path), 0, -1) if path[:end] in origins), None)
        yield Mistake(
            path=dotted(path),
            problem=problem,
            nearest=near,
            line=None if source else document.line(path),
            source=source,
            remedy=_REMEDIES.get(found["type"]),
        )


def describe(found: Any, path: Path, presets: Mapping[str, Preset]) -> tuple[str, str | None]:
    """What is wrong, of one of pydantic's errors, and the valid name that was probably meant."""
    kind, context = found["type"], found.get("ctx", {})
    if kind == "extra_forbidden":
        return "is no setting", suggestion(path, presets)
    if kind in _BOUNDS:
        words, name = _BOUNDS[kind]
        return f"must be {words} {context[name]}", None
    if kind == "literal_error":
        options = _options(path)
        given = found["input"]
        return f"must be one of {', '.join(options)}", nearest(given, options) if isinstance(given, str) else None
    if kind == "value_error":
        return str(context["error"]), None
    return _TEXTS.get(kind) or str(found["msg"]), None


def suggestion(path: Path, presets: Mapping[str, Preset] | None = None) -> str | None:
    """For an unknown key: the nearest of its neighbours, else the place where a setting of such a name belongs."""
    name = str(path[-1])
    block = block_at(path[:-1])
    if block is None:
        return None
    valid = list(block.model_fields)
    if block is Providers and presets is not None:
        valid += presets
    near = nearest(name, valid)
    if near is not None:
        return near
    leaves: dict[str, str] = {}
    for place in _places():
        leaves.setdefault(place.rsplit(".", 1)[-1], place)
    found = nearest(name, leaves)
    return leaves[found] if found is not None else None


def block_at(path: Path) -> type[BaseModel] | None:
    """The block that holds the keys at `path`, None where the schema has none there."""
    at: Any = Settings
    for step in path:
        at = _below(at, step)
        if at is None:
            return None
    return at if isinstance(at, type) and issubclass(at, BaseModel) else None


def _below(annotation: Any, step: str | int) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        field = annotation.model_fields.get(str(step))
        if field is not None:
            return inner(field.annotation)
        return OpenAICompatible if annotation is Providers else None
    arguments = get_args(annotation)
    if get_origin(annotation) is dict:
        return inner(arguments[1])
    if get_origin(annotation) is tuple and isinstance(step, int):
        return inner(arguments[0] if arguments[-1] is ... else arguments[step])
    return None


def inner(annotation: Any) -> Any:
    """The type inside ``Annotated`` and ``| None``."""
    if get_origin(annotation) is Annotated:
        return inner(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        kept = [option for option in get_args(annotation) if option is not type(None)]
        return inner(kept[0]) if len(kept) == 1 else annotation
    return annotation


def _options(path: Path) -> tuple[str, ...]:
    at: Any = Settings
    for step in path:
        at = _below(at, step)
    return tuple(str(option) for option in get_args(at)) if get_origin(at) is Literal else ()


def _places(block: type[BaseModel] = Settings, above: str = "") -> Iterator[str]:
    for name, field in block.model_fields.items():
        if above or block is not Settings:
            yield above + name
        kind = inner(field.annotation)
        if isinstance(kind, type) and issubclass(kind, BaseModel) and kind is not Providers:
            yield from _places(kind, f"{above}{name}.")
