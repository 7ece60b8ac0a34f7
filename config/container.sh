#!/bin/sh
# Everything in one container: supervisord in the foreground, and the programs that the settings want.
# With DEPLOY=cloud the router waits for its settings, and the other programs for the router.
set -eu
mkdir -p "$HOME/state/run" "$HOME/logs" "$HOME/conf.d" # the volume
rm -f state/run/supervisor.sock state/run/supervisord.pid state/run/router.json
.venv/bin/python -m router up --prepare-only
.venv/bin/python -m supervisor.supervisord --nodaemon --configuration supervisor.conf &
supervisord=$!
# To end, all programs are told at once; supervisord itself would end one after another, longer than anybody waits.
told=
# One that does not answer yet is "nothing runs" there, so that it is told in any case.
trap 'told=yes; .venv/bin/python -m router down || :; kill "$supervisord" 2>/dev/null || :' TERM INT
( # once supervisord answers, start what is wanted: as often as it takes, while supervisord is there
    trap - TERM INT
    .venv/bin/python -m router.cli.cloud
    until .venv/bin/python -m router up --join; do
        kill -0 "$supervisord" 2>/dev/null || exit 0
        echo "The router is not ready; looking again in 10 s, and starting what does not run." >&2
        sleep 10
    done
) &
status=0
wait "$supervisord" || status=$?
while [ -n "$told" ]; do # a signal has ended the waiting
    told= status=0
    wait "$supervisord" || status=$?
done
exit "$status"
