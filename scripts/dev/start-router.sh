#!/bin/sh
# Run the router in the foreground, without supervisord, with readable logs; Ctrl-C drains and ends it.
set -eu
ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
. "$ROOT/scripts/environment.sh"
cd "$ROOT"
make_environment router
"$VENV/bin/python" -m router up --prepare-only
export SWITCHYARD__OBSERVE__LEVEL="${SWITCHYARD__OBSERVE__LEVEL:-debug}"
exec "$VENV/bin/python" -m router serve "$@"
