#!/bin/sh
# Start everything: environment, settings, keys, supervisord. Safe to run again.
# Any setting can be given by environment: SWITCHYARD__SERVER__PORT=9000 scripts/start.sh
set -eu
ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$ROOT/scripts/environment.sh"
cd "$ROOT"
make_environment router
exec "$VENV/bin/python" -m router up "$@"
