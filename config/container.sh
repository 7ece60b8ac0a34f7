#!/bin/sh
# Everything in one container: supervisord in the foreground, and the programs that the settings want.
# With DEPLOY=cloud the router waits for its settings, and the other programs for the router.
set -eu
mkdir -p "$HOME/state/run" "$HOME/logs" "$HOME/conf.d" # the volume
rm -f state/run/supervisor.sock state/run/supervisord.pid state/run/router.json
.venv/bin/python -m router up --prepare-only
( # once supervisord answers, start what is wanted
    while [ ! -S state/run/supervisor.sock ]; do sleep 0.1; done
    .venv/bin/python -m router.cli.cloud
    .venv/bin/python -m router up
) &
exec .venv/bin/python -m supervisor.supervisord --nodaemon --configuration supervisor.conf
