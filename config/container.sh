#!/bin/sh
# Everything in one container: supervisord in the foreground, and the programs that the settings want.
# With DEPLOY=cloud the router waits for its settings, and the other programs for the router.
set -eu
mkdir -p "$HOME/state/run" "$HOME/logs" "$HOME/conf.d" # the volume
rm -f state/run/supervisor.sock state/run/supervisord.pid state/run/router.json
.venv/bin/python -m router up --prepare-only
( # once supervisord answers, start what is wanted: as often as it takes, while supervisord ($$, below) is there
    .venv/bin/python -m router.cli.cloud
    until .venv/bin/python -m router up --join; do
        kill -0 $$ 2>/dev/null || exit 0
        echo "The router is not ready; looking again in 10 s, and starting what does not run." >&2
        sleep 10
    done
) &
exec .venv/bin/python -m supervisor.supervisord --nodaemon --configuration supervisor.conf
