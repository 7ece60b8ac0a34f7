#!/bin/sh
# Run the AI Studio service in the foreground, without supervisord, with readable logs; Ctrl-C ends it.
# It dials the router of this checkout unless providers.aistudio.relay.urls says otherwise.
set -eu
cd "$(dirname "$0")/../.."
[ -x .venvs/aistudio/bin/python ] || sh scripts/browser.sh
exec .venvs/aistudio/bin/python -m services.aistudio --log-level debug "$@"
