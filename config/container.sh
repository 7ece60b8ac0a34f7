#!/bin/sh
# Everything in one container: supervisord in the foreground, and the programs that the settings want.
set -eu
mkdir -p /var/lib/switchyard/state/run /var/lib/switchyard/logs /var/lib/switchyard/conf.d
rm -f state/run/supervisor.sock state/run/supervisord.pid
.venv/bin/python -m router up --prepare-only
( # once supervisord answers, start what is wanted
    while [ ! -S state/run/supervisor.sock ]; do sleep 0.1; done
    .venv/bin/python -m router up
) &
exec .venv/bin/python -m supervisor.supervisord --nodaemon --configuration supervisor.conf
