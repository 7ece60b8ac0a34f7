"""The product's name and version, said in one place."""

from __future__ import annotations

NAME = "switchyard"
VERSION = "0.1.0"
USER_AGENT = f"{NAME}/{VERSION}"
