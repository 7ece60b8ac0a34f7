#!/bin/sh
# Stop everything that start.sh started, after running calls have finished (at most server.timeouts.drain).
set -eu
ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$ROOT/scripts/environment.sh"
[ -x "$VENV/bin/python" ] || { say "Nothing runs: there is no virtual environment here."; exit 0; }
exec "$VENV/bin/python" -m router down "$@"
