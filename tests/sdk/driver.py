"""Drive one official SDK through its cases; runs inside an environment that holds only the SDKs.

`python driver.py --dialect chat --base-url URL --key KEY --model NAME [--think-model NAME] [--embed-model NAME]
[--upstream chat|responses|messages|gemini|demo] [--cases=text,stream | --cases=-midstream]` prints one JSON line for
each case: `{"case", "ok", "detail", "ms"}`, where ok is true, false, or null for a case that does not apply.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
import traceback
import warnings
from collections.abc import Callable

from driven import Setup, Skipped

MODULES = {
    "chat": "drive_chat",
    "responses": "drive_responses",
    "messages": "drive_messages",
    "gemini": "drive_gemini",
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dialect", required=True, choices=MODULES)
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--think-model", default="")
    parser.add_argument("--embed-model", default="")
    parser.add_argument("--upstream", default="", choices=["", "chat", "responses", "messages", "gemini", "demo"])
    parser.add_argument("--cases", default="")
    return parser.parse_args()


def _run(name: str, case: Callable[[], str | None]) -> bool:
    started = time.monotonic()
    ok: bool | None = True
    try:
        detail = case() or ""
    except Skipped as skipped:
        ok, detail = None, str(skipped)
    except Exception as error:  # a case may fail in any way, and the others still run
        place = traceback.extract_tb(error.__traceback__)
        own = next((frame for frame in reversed(place) if "drive" in frame.filename), place[-1])
        ok, detail = False, f"{type(error).__name__} at line {own.lineno} `{own.line}`: {error}"[:600]
    taken = round((time.monotonic() - started) * 1000)
    print(json.dumps({"case": name, "ok": ok, "detail": detail, "ms": taken}, ensure_ascii=False), flush=True)
    return ok is not False


def main() -> int:
    """Run the cases; 0 when none failed."""
    warnings.simplefilter("ignore")
    chosen = _arguments()
    setup = Setup(
        base_url=chosen.base_url,
        key=chosen.key,
        model=chosen.model,
        think_model=chosen.think_model or chosen.model,
        embed_model=chosen.embed_model,
        upstream=chosen.upstream or chosen.dialect,
    )
    cases: dict[str, Callable[[], str | None]] = importlib.import_module(MODULES[chosen.dialect]).cases(setup)
    named = [name for name in chosen.cases.split(",") if name and not name.startswith("-")]
    left_out = [name[1:] for name in chosen.cases.split(",") if name.startswith("-")]
    wanted = [name for name in named or list(cases) if name not in left_out]
    results = [_run(name, cases[name]) for name in wanted]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
