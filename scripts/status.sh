#!/bin/sh
# A table of all processes and what is wrong; exit 1 if something is, 3 if nothing runs. --json for machines.
set -eu
ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$ROOT/scripts/environment.sh"
[ -x "$VENV/bin/python" ] || { say "Nothing runs: there is no virtual environment here. Start with: make up"; exit 3; }
exec "$VENV/bin/python" -m router status "$@"
