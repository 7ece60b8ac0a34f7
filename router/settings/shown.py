"""Settings for a person: path, value and origin of each, secrets masked. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from router.settings.load import plain_value

USER_INFO = re.compile(r"//[^/@\s]*@")


def rows(block: BaseModel, provenance: Mapping[str, str], at: str = "") -> Iterator[tuple[str, Any, str]]:
    """Path, value and origin of every setting; a list is one row."""
    values = {name: getattr(block, name) for name in type(block).model_fields}
    values |= {
        name: value if isinstance(value, BaseModel) else "***" for name, value in (block.model_extra or {}).items()
    }
    for name, value in values.items():
        here = f"{at}.{name}" if at else name
        if isinstance(value, BaseModel):
            yield from rows(value, provenance, here)
            continue
        below = (f"{here}.", f"{here}[")
        origins = [origin for place, origin in provenance.items() if place == here or place.startswith(below)]
        yield here, shown(name, value), ", ".join(dict.fromkeys(origins)) or "default"


def shown(name: str, value: Any) -> Any:
    """A value for a person: secrets, header values and passwords in addresses masked; blocks as what was given."""
    if isinstance(value, BaseModel):
        return {field: shown(field, getattr(value, field)) for field in sorted(value.model_fields_set)}
    if isinstance(value, (list, tuple)):
        return [shown(name, item) for item in value]
    if name == "headers" and isinstance(value, dict):
        return dict.fromkeys(value, "***")
    if isinstance(value, dict):
        return {str(key): shown(str(key), item) for key, item in value.items()}
    if isinstance(value, str):
        return USER_INFO.sub("//***@", value)
    return plain_value(value)
