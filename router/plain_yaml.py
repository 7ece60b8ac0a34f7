"""Reads the YAML that we ship, and tables of its form.

libyaml does it where PyYAML was built with it, about six times as fast as Python; a start reads twenty such files. What
people write is read by `router.settings.document`, whose messages and limits are for them.
"""

from __future__ import annotations

from typing import Any

import yaml

LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load(text: str) -> Any:
    """Its values: mappings, lists, texts, numbers, truths, dates, None. Raises `yaml.YAMLError`, `RecursionError`."""
    return yaml.load(text, Loader=LOADER)  # noqa: S506  both are safe ones
