"""`python -m tests.simulators --port 9100`: the simulated upstreams as a program."""

from __future__ import annotations

import argparse
import asyncio
import json

from tests.simulators.server import BASES, Upstream


async def _serve(address: str, port: int) -> None:
    async with Upstream(port, address=address) as upstream:
        print(json.dumps({host: upstream.base_url(host) for host in BASES}), flush=True)
        await asyncio.Event().wait()


def main() -> None:
    """Serve until interrupted; the first line of output is the base URLs as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9100)
    chosen = parser.parse_args()
    try:
        asyncio.run(_serve(chosen.host, chosen.port))
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
