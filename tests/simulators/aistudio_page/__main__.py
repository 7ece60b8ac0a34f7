"""`python -m tests.simulators.aistudio_page --port 9200`: the stand-in page as a program."""

from __future__ import annotations

import argparse
import asyncio
import json

from tests.simulators.aistudio_page.server import Studio


async def _serve(port: int) -> None:
    async with Studio(port) as studio:
        print(json.dumps({"page": studio.page_url, "control": studio.address + "/control"}), flush=True)
        await asyncio.Event().wait()


def main() -> None:
    """Serve until interrupted; the first line of output says where, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=9200)
    try:
        asyncio.run(_serve(parser.parse_args().port))
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
