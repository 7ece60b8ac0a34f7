"""The messages of the Gemini interface as a table, and a reader that takes proto JSON as strictly as Google does."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from tests.simulators.refusal import Json, gemini

# Field -> type: a message name, or str, bytes, int, float, bool, any, struct; "*" before it: repeated; "map:" a map.
_COMMON_SCHEMA = {
    "type": "str",
    "format": "str",
    "title": "str",
    "description": "str",
    "nullable": "bool",
    "enum": "*str",
    "maxItems": "any",
    "minItems": "any",
    "properties": "map:Schema",
    "required": "*str",
    "minProperties": "any",
    "maxProperties": "any",
    "minLength": "any",
    "maxLength": "any",
    "pattern": "str",
    "example": "any",
    "anyOf": "*Schema",
    "propertyOrdering": "*str",
    "default": "any",
    "items": "Schema",
    "minimum": "float",
    "maximum": "float",
}
MESSAGES: dict[str, dict[str, str]] = {
    "GenerateContentRequest": {
        "contents": "*Content",
        "systemInstruction": "Content",
        "tools": "*Tool",
        "toolConfig": "ToolConfig",
        "safetySettings": "*SafetySetting",
        "generationConfig": "GenerationConfig",
        "cachedContent": "str",
        "serviceTier": "str",
        "labels": "struct",
        "store": "bool",
    },
    "CountTokensRequest": {
        "contents": "*Content",
        "generateContentRequest": "Counted",
        "systemInstruction": "Content",
        "tools": "*Tool",
        "generationConfig": "GenerationConfig",
    },
    "EmbedContentRequest": {
        "content": "Content",
        "model": "str",
        "taskType": "str",
        "title": "str",
        "outputDimensionality": "int",
    },
    "BatchEmbedContentsRequest": {"requests": "*EmbedContentRequest"},
    "PredictRequest": {"instances": "any", "parameters": "struct"},
    "Content": {"parts": "*Part", "role": "str"},
    "Part": {
        "text": "str",
        "inlineData": "Blob",
        "fileData": "FileData",
        "functionCall": "FunctionCall",
        "functionResponse": "FunctionResponse",
        "executableCode": "struct",
        "codeExecutionResult": "struct",
        "toolCall": "struct",
        "toolResponse": "struct",
        "thought": "bool",
        "thoughtSignature": "bytes",
        "videoMetadata": "struct",
        "partMetadata": "struct",
        "mediaResolution": "struct",
    },
    "Blob": {"mimeType": "str", "data": "bytes", "displayName": "str"},
    "FileData": {"mimeType": "str", "fileUri": "str", "displayName": "str"},
    "FunctionCall": {"id": "str", "name": "str", "args": "struct"},
    "FunctionResponse": {
        "id": "str",
        "name": "str",
        "response": "struct",
        "parts": "*ResponsePart",
        "willContinue": "bool",
        "scheduling": "str",
    },
    "ResponsePart": {"inlineData": "Blob", "fileData": "FileData"},
    "Tool": {
        "functionDeclarations": "*FunctionDeclaration",
        "googleSearch": "struct",
        "urlContext": "struct",
        "codeExecution": "struct",
        "googleSearchRetrieval": "struct",
        "googleMaps": "struct",
        "fileSearch": "struct",
        "computerUse": "struct",
        "mcpServers": "any",
    },
    "FunctionDeclaration": {
        "name": "str",
        "description": "str",
        "parameters": "Schema",
        "response": "Schema",
        "parametersJsonSchema": "any",
        "responseJsonSchema": "any",
        "behavior": "str",
    },
    "Schema": _COMMON_SCHEMA,
    "ToolConfig": {
        "functionCallingConfig": "FunctionCallingConfig",
        "retrievalConfig": "struct",
        "includeServerSideToolInvocations": "bool",
    },
    "FunctionCallingConfig": {"mode": "str", "allowedFunctionNames": "*str", "streamFunctionCallArguments": "bool"},
    "SafetySetting": {"category": "str", "threshold": "str"},
    "GenerationConfig": {
        "candidateCount": "int",
        "stopSequences": "*str",
        "maxOutputTokens": "int",
        "temperature": "float",
        "topP": "float",
        "topK": "float",
        "seed": "int",
        "presencePenalty": "float",
        "frequencyPenalty": "float",
        "responseLogprobs": "bool",
        "logprobs": "int",
        "responseMimeType": "str",
        "responseSchema": "Schema",
        "responseJsonSchema": "any",
        "responseModalities": "*str",
        "speechConfig": "struct",
        "thinkingConfig": "ThinkingConfig",
        "imageConfig": "struct",
        "mediaResolution": "str",
        "enableEnhancedCivicAnswers": "bool",
    },
    "ThinkingConfig": {"includeThoughts": "bool", "thinkingBudget": "int", "thinkingLevel": "str"},
}
MESSAGES["Counted"] = {**MESSAGES["GenerateContentRequest"], "model": "str"}
# "_responseJsonSchema" is an older spelling that the service still takes.
_OLD = {"_responseJsonSchema": "responseJsonSchema"}


def snake(name: str) -> str:
    """The proto name of a field."""
    return re.sub(r"([A-Z])", lambda found: "_" + found.group(1).lower(), name)


def camel(name: str) -> str:
    """The JSON name of a field, from either spelling."""
    return _OLD.get(name) or re.sub(r"_([a-z])", lambda found: found.group(1).upper(), name)


def bad(message: str, path: str) -> Exception:
    """A payload that is not this message."""
    violation: Json = {"field": path, "description": message}
    details = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}]
    return gemini(message, details=details)


def read(value: Any, message: str, path: str = "") -> Json:
    """`value` as `message`, with camel-case keys at the places where keys are fields. Raises `Refusal`."""
    if not isinstance(value, dict):
        raise bad(
            f"Invalid value at '{path}' (type.googleapis.com/google.ai.generativelanguage.v1beta.{message}), "
            f"{_shown(value)}",
            path,
        )
    fields = MESSAGES[message]
    out: Json = {}
    for key, inner in value.items():
        name = camel(key)
        if name not in fields:
            where = f" at '{path}'" if path else ""
            raise bad(f'Invalid JSON payload received. Unknown name "{key}"{where}: Cannot find field.', path)
        if name in out:
            raise bad(f"Invalid JSON payload received. Field '{name}' is set twice.", path)
        if inner is None:
            continue
        out[name] = _field(inner, fields[name], f"{path}.{snake(name)}" if path else snake(name))
    return out


def _field(value: Any, kind: str, path: str) -> Any:
    if kind.startswith("*"):
        items = value if isinstance(value, list) else [value]
        return [_field(item, kind[1:], f"{path}[{number}]") for number, item in enumerate(items)]
    if isinstance(value, list) and kind != "any":
        raise bad(
            f'Invalid JSON payload received. Unknown name "{path.rsplit(".", 1)[-1]}" at '
            f"'{path.rpartition('.')[0]}': Proto field is not repeating, cannot start list.",
            path,
        )
    if kind.startswith("map:"):
        if not isinstance(value, dict):
            raise bad(f"Invalid value at '{path}' (Map), {_shown(value)}", path)
        return {
            name: _field(item, kind[4:], f"{path}[{number}].value") for number, (name, item) in enumerate(value.items())
        }
    if kind in MESSAGES:
        return read(value, kind, path)
    return _scalar(value, kind, path)


def _scalar(value: Any, kind: str, path: str) -> Any:
    if kind == "str" and not isinstance(value, str):
        raise bad(f"Invalid value at '{path}' (TYPE_STRING), {_shown(value)}", path)
    if kind == "bool" and not isinstance(value, bool):
        raise bad(f"Invalid value at '{path}' (TYPE_BOOL), {_shown(value)}", path)
    if kind == "int" and not _int32(value):
        raise bad(f"Invalid value at '{path}' (TYPE_INT32), {_shown(value)}", path)
    if kind == "float" and (not isinstance(value, (int, float)) or isinstance(value, bool)):
        raise bad(f"Invalid value at '{path}' (TYPE_FLOAT), {_shown(value)}", path)
    if kind == "struct" and not isinstance(value, dict):
        raise bad(f"Invalid value at '{path}' (type.googleapis.com/google.protobuf.Struct), {_shown(value)}", path)
    if kind == "bytes" and not _base64(value):
        raise bad(f"Invalid value at '{path}' (TYPE_BYTES), Base64 decoding failed for {_shown(value)}", path)
    return value


def _int32(value: Any) -> bool:
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and value == int(value)
        and (-(2**31) <= value < 2**31)
    )


def _base64(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:  # proto JSON takes both alphabets, with or without padding
        plain = value.replace("-", "+").replace("_", "/").rstrip("=")
        base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _shown(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
