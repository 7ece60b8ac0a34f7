"""The program of the service with a stand-in of gemini-webapi, which answers with the prompt."""

from __future__ import annotations

import sys

from services.webai import __main__ as program
from services.webai import extras
from tests.services.webai.running import HERE, FakePackage

if __name__ == "__main__":
    program.Package = FakePackage  # type: ignore[assignment,misc]
    extras.installed = lambda: HERE
    sys.exit(program.main())
