"""Stands in for `services.webai.free_worker`: speaks its lines without the package. The model says how to answer."""

from __future__ import annotations

import json
import sys
from typing import Any


def tell(number: int, told: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"id": number, **told}) + "\n")
    sys.stdout.flush()


for line in sys.stdin:
    given = json.loads(line)
    number, mood = given["id"], given.get("model", "")
    if given["op"] == "cancel":
        sys.stderr.write(f"cancelled {number}\n")
        tell(0, {"cancelled": number})
    elif given["op"] == "ping":
        tell(number, {"pong": True})
    elif mood == "die":
        sys.exit(3)
    elif mood == "silent":
        pass
    elif mood.startswith("fail-"):
        tell(number, {"error": mood.removeprefix("fail-"), "message": "as asked"})
    elif mood == "flood":
        for _ in range(6000):
            tell(number, {"text": "word "})
    elif mood == "hold":
        tell(number, {"text": "Held"})
    elif mood == "key":
        tell(number, {"text": given["api_key"] or "no key"})
        tell(number, {"end": True})
    elif mood == "cut":
        tell(number, {"text": "Hel"})
        tell(number, {"error": "upstream_broken", "message": "cut"})
    else:
        tell(number, {"thinking": "Hm. "})
        for word in given["messages"][-1]["content"].split():
            tell(number, {"text": f"{word} "})
        tell(number, {"text": given["provider"]})
        tell(number, {"end": True})
