#!/bin/sh
# Run the WebAI service in the foreground, without supervisord, with readable logs; Ctrl-C ends it.
# It announces itself at the router of this checkout unless providers.webai.relay.urls says otherwise.
set -eu
cd "$(dirname "$0")/../.."
[ -x .venvs/webai/bin/python ] || sh scripts/webai.sh
exec .venvs/webai/bin/python -m services.webai --log-level debug "$@"
