"""The program of the service with a stand-in of gemini-webapi; an answer of it begins and never ends."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from services.webai import __main__ as program
from services.webai import extras
from tests.services.webai.running import HERE, FakeClient, FakePackage


class Endless(FakePackage):
    """Whatever is asked."""

    def client(self, *given: Any) -> FakeClient:
        self.answers = [["One two three", asyncio.Event()]]
        return super().client(*given)


if __name__ == "__main__":
    program.Package = Endless  # type: ignore[assignment,misc]
    extras.installed = lambda: HERE
    sys.exit(program.main())
