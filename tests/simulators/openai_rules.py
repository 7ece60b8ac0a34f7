"""Rules that Chat Completions and Responses share, in OpenAI's words."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from tests.simulators import media, schemas
from tests.simulators.models import Model
from tests.simulators.refusal import openai

NAME = re.compile(r"^[a-zA-Z0-9_-]+$")
IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
DOCUMENTS = ("application/pdf", "text/", "application/json", "application/vnd.openxmlformats-officedocument")
SAMPLING = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "logit_bias")


def known(value: Any, allowed: Collection[str], path: str) -> Mapping[str, Any]:
    """An object with only `allowed` keys."""
    if not isinstance(value, dict):
        raise openai(
            f"Invalid type for '{path}': expected an object, but got {_kind(value)} instead.", path, "invalid_type"
        )
    for key in value:
        if key not in allowed:
            where = f"{path}.{key}" if path else key
            raise openai(f"Unknown parameter: '{where}'.", where, "unknown_parameter")
    return value


def typed(value: Any, kinds: type | tuple[type, ...], path: str, word: str) -> Any:
    """A value of the right JSON type."""
    if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not bool):
        raise openai(
            f"Invalid type for '{path}': expected {word}, but got {_kind(value)} instead.", path, "invalid_type"
        )
    return value


def _kind(value: Any) -> str:
    names = {
        dict: "an object",
        list: "an array",
        str: "a string",
        int: "an integer",
        float: "a decimal",
        bool: "a boolean",
        type(None): "null",
    }
    return names[type(value)]


def required(value: Mapping[str, Any], key: str, path: str) -> Any:
    """A key that must be there."""
    if key not in value:
        where = f"{path}.{key}" if path else key
        raise openai(f"Missing required parameter: '{where}'.", where, "missing_required_parameter")
    return value[key]


def one_of(value: Any, allowed: Collection[str], path: str) -> Any:
    """One of a closed set of words."""
    if not isinstance(value, str) or value not in allowed:
        words = [f"'{word}'" for word in allowed]
        listed = ", ".join(words[:-1]) + f", and {words[-1]}" if len(words) > 1 else words[0]
        raise openai(f"Invalid value: '{value}'. Supported values are: {listed}.", path, "invalid_value")
    return value


def short(value: str, limit: int, path: str) -> None:
    """A string of at most `limit` characters."""
    if len(value) > limit:
        raise openai(
            f"Invalid '{path}': string too long. Expected a string with maximum length {limit}, but got a string "
            f"with length {len(value)} instead.",
            path,
            "string_above_max_length",
        )


def named(value: Any, path: str) -> str:
    """A name of a function or of a schema."""
    typed(value, str, path, "a string")
    if value == "":
        raise openai(
            f"Invalid '{path}': empty string. Expected a string with minimum length 1, but got an empty "
            "string instead.",
            path,
            "empty_string",
        )
    if not NAME.match(value):
        raise openai(
            f"Invalid '{path}': string does not match pattern. Expected a string that matches the pattern "
            "'^[a-zA-Z0-9_-]+$'.",
            path,
            "invalid_value",
        )
    short(value, 64, path)
    return str(value)


def between(value: Any, low: float, high: float, path: str) -> None:
    """A number in a range, None allowed."""
    if value is None:
        return
    typed(value, (int, float), path, "a decimal")
    if value < low:
        word = "integer" if isinstance(value, int) else "decimal"
        raise openai(
            f"Invalid '{path}': {word} below minimum value. Expected a value >= {low}, but got {value} instead.",
            path,
            f"{word}_below_min_value",
        )
    if value > high:
        word = "integer" if isinstance(value, int) else "decimal"
        raise openai(
            f"Invalid '{path}': {word} above maximum value. Expected a value <= {high}, but got {value} instead.",
            path,
            f"{word}_above_max_value",
        )


def sampling(body: Mapping[str, Any], facts: Model, effort: Any) -> None:
    """Ranges, and the refusal of sampling by reasoning models."""
    between(body.get("temperature"), 0, 2, "temperature")
    between(body.get("top_p"), 0, 1, "top_p")
    between(body.get("presence_penalty"), -2, 2, "presence_penalty")
    between(body.get("frequency_penalty"), -2, 2, "frequency_penalty")
    between(body.get("top_logprobs"), 0, 20, "top_logprobs")
    if facts.sampling or effort == "none" or (effort is None and "none" in facts.efforts):  # none is their default
        return
    for key in SAMPLING:
        if body.get(key) is None:
            continue
        if key == "temperature":
            if body[key] != 1:
                raise openai(
                    f"Unsupported value: 'temperature' does not support {body[key]} with this model. Only "
                    "the default (1) value is supported.",
                    key,
                    "unsupported_value",
                )
        elif key != "top_p" or body[key] != 1:
            raise openai(
                f"Unsupported parameter: '{key}' is not supported with this model.", key, "unsupported_parameter"
            )


def effort_known(effort: Any, facts: Model, path: str) -> None:
    """An effort that the model has."""
    if effort is None:
        return
    if not facts.efforts:
        raise openai(
            f"Unsupported parameter: '{path}' is not supported with this model.", path, "unsupported_parameter"
        )
    if effort not in facts.efforts:
        words = ", ".join(f"'{word}'" for word in facts.efforts)
        raise openai(
            f"Unsupported value: '{effort}' is not supported with this model. Supported values are: {words}.",
            path,
            "unsupported_value",
        )


def function(declared: Mapping[str, Any], path: str, *, strict: bool) -> tuple[str, Any]:
    """Name and schema of a function, both checked."""
    name = named(required(declared, "name", path), f"{path}.name")
    schema = declared.get("parameters")
    if declared.get("description") is not None:
        typed(declared["description"], str, f"{path}.description", "a string")
    if schema is not None:
        fault = schemas.openai_strict(schema) if strict else schemas.openai_loose(schema)
        if fault is not None:
            raise openai(
                f"Invalid schema for function '{name}': {fault}", f"{path}.parameters", "invalid_function_parameters"
            )
    return name, schema


def unique(names: list[str], path: str) -> None:
    """No two tools of one name, at most 128 of them, at least one."""
    if not names:
        raise openai(
            f"Invalid '{path}': empty array. Expected an array with minimum length 1, but got an empty array instead.",
            path,
            "empty_array",
        )
    if len(names) > 128:
        raise openai(
            f"Invalid '{path}': array too long. Expected an array with maximum length 128, but got an array "
            f"with length {len(names)} instead.",
            path,
            "array_above_max_length",
        )
    for name in names:
        if names.count(name) > 1:
            raise openai(f"Invalid '{path}': duplicate tool name '{name}'.", path, "invalid_value")


def output_schema(form: Mapping[str, Any], path: str) -> Any:
    """The schema of a structured output."""
    named(required(form, "name", path), f"{path}.name")
    schema = form.get("schema")
    if form.get("strict") is True and (fault := schemas.openai_strict(schema)) is not None:
        raise openai(f"Invalid schema for response_format '{form['name']}': {fault}", path)
    return schema if schema is not None else {}


def image(url: Any, path: str) -> str:
    """An image by URL or data URL; a short description of it."""
    typed(url, str, path, "a string")
    if url.startswith(("http://", "https://")):
        return f"image at {url}"
    found = media.data_url(url)
    if found is None:
        raise openai(
            f"Invalid '{path}'. Expected a valid URL, but got a value with an invalid format.", path, "invalid_value"
        )
    declared, raw = found
    if raw is None:
        raise openai(
            f"Invalid '{path}'. Expected a base64-encoded data URL with an image MIME type.", path, "invalid_base64"
        )
    if declared not in IMAGES or media.kind(raw) not in IMAGES:
        raise openai(
            "You uploaded an unsupported image. Please make sure your image has of one the following "
            "formats: ['png', 'jpeg', 'gif', 'webp'].",
            None,
            "invalid_image_format",
        )
    return f"{declared} of {len(raw)} bytes"


def document(data: Any, path: str) -> str:
    """A PDF as a data URL; a short description of it."""
    typed(data, str, path, "a string")
    found = media.data_url(data)
    if found is None or found[1] is None or not found[0].startswith(DOCUMENTS):
        raise openai(
            f"Invalid '{path}'. Expected a base64-encoded data URL with an application/pdf MIME type (e.g. "
            "'data:application/pdf;base64,aW1nIGJ5dGVzIGhlcmU='), but got unsupported MIME type.",
            path,
            "invalid_value",
        )
    return f"{found[0]} of {len(found[1])} bytes"


def metadata(value: Any) -> None:
    """At most 16 short pairs of strings."""
    if value is None:
        return
    typed(value, dict, "metadata", "an object")
    if len(value) > 16:
        raise openai(
            "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, but got "
            f"an object with {len(value)} properties instead.",
            "metadata",
            "object_above_max_properties",
        )
    for key, text in value.items():
        short(key, 64, "metadata")
        short(typed(text, str, f"metadata.{key}", "a string"), 512, f"metadata.{key}")


def served(tier: Any) -> str:
    """The service tier in which an answer is given, and charged for."""
    return str(tier) if tier in ("flex", "priority") else "default"
