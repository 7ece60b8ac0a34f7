"""``python -m router.cli.follow_programs CONFIG``: what `make reload` does for programs, for a router whose settings
file was edited. Says on stdout what was done, and on stderr what could not be (then it ends with 1)."""

from __future__ import annotations

import os
import sys
import xmlrpc.client

from router import places
from router.cli import services, supervision
from router.cli.talk import find_place

_DONE = ("has been started.", "the settings turn it off.", "the settings have it no more.")
_FAILED = 1


def main(config: str) -> int:
    """Start and stop programs as the settings of this file want."""
    os.chdir(places.ROOT)
    place = find_place(config)
    if place.problem is not None:
        sys.stderr.write(f"{place.problem}\n")
        return _FAILED
    try:
        with supervision.supervisor() as rpc:
            told = services.follow_all(rpc, place) if rpc is not None else []
    except (OSError, xmlrpc.client.Error) as error:
        sys.stderr.write(f"supervisord: {error}\n")
        return _FAILED
    for sentence in told:
        (sys.stdout if sentence.endswith(_DONE) else sys.stderr).write(f"{sentence}\n")
    return 0 if all(sentence.endswith(_DONE) for sentence in told) else _FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
