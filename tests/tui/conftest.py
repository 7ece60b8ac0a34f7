"""The screens are tried in the environment that has Textual (`make test-tui`)."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore = [] if find_spec("textual") else ["test_screens.py"]
