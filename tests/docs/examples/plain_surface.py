"""The plain dialect at POST /v1/plain, in a router of its own: ``python -m tests.docs.examples.plain_surface``."""

from __future__ import annotations

import sys

from router.api.edge import Edge
from router.api.exchange import Exchange
from router.api.generation import generate
from router.api.surfaces import POSTS
from router.api.understand import Addressed, Surface
from router.server import child
from tests.docs.examples.plain_dialect import SPEC

PLAIN = Surface(name="plain", spec=SPEC, raw=False)


async def serve(edge: Edge, exchange: Exchange, addressed: Addressed) -> None:
    """One request."""
    await generate(edge, exchange, PLAIN, addressed)


if __name__ == "__main__":
    POSTS["plain"] = (PLAIN, serve)
    sys.exit(child.main(sys.argv[1:]))
