"""Money is whole micro-dollars everywhere inside; people read and write dollars."""

from __future__ import annotations

MICRO = 1_000_000
"""Micro-dollars of a US dollar."""
