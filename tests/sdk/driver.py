"""Drive one official SDK through its cases; runs inside an environment that holds only the SDKs.

`python driver.py --dialect chat --base-url URL --key KEY --model NAME [--think-model NAME] [--embed-model NAME]
[--upstream chat|responses|messages|gemini|demo] [--cases=text,stream | --cases=-midstream]` prints one JSON line for
each case: `{"run", "case", "ok", "detail", "ms"}`, where ok is true, false, or null for a case that does not apply.
`--runs JSON` takes a list of such options instead, so that the SDK is imported once for all of them.
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
    "aistudio": "drive_aistudio",  # all of them before the AI Studio service
}


OPTIONS = ("dialect", "base_url", "key", "model", "think_model", "embed_model", "upstream", "cases")


def _arguments() -> list[dict[str, str]]:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in OPTIONS:
        parser.add_argument(f"--{name.replace('_', '-')}", default="")
    parser.add_argument("--runs", default="", help="several runs as JSON, with the options' names as keys")
    chosen = vars(parser.parse_args())
    runs = json.loads(chosen.pop("runs") or "[]") or [chosen]
    return [dict.fromkeys(OPTIONS, "") | run for run in runs]


def _run(number: int, name: str, case: Callable[[], str | None]) -> bool:
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
    line = {"run": number, "case": name, "ok": ok, "detail": detail, "ms": taken}
    print(json.dumps(line, ensure_ascii=False), flush=True)
    return ok is not False


def _all(number: int, options: dict[str, str]) -> bool:
    chosen, dialect = options.pop("cases"), options.pop("dialect")
    options["think_model"] = options["think_model"] or options["model"]
    options["upstream"] = options["upstream"] or dialect
    cases: dict[str, Callable[[], str | None]] = importlib.import_module(MODULES[dialect]).cases(Setup(**options))
    named = [name for name in chosen.split(",") if name and not name.startswith("-")]
    left_out = [name[1:] for name in chosen.split(",") if name.startswith("-")]
    wanted = [name for name in named or list(cases) if name not in left_out]
    results = [_run(number, name, cases[name]) for name in wanted]  # every one runs, whatever came of the others
    return all(results)


def main() -> int:
    """Run the cases; 0 when none failed."""
    warnings.simplefilter("ignore")
    good = [_all(number, options) for number, options in enumerate(_arguments())]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
