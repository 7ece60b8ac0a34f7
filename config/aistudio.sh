#!/bin/sh
# The AI Studio service in its container: a small supervisord in the foreground, which has the service, the window of a
# sign-in and healthwatch. It writes into the volume and below /tmp alone.
set -eu
python=.venvs/aistudio/bin/python
RUN="${TMPDIR:-/tmp}/switchyard" # its socket, which belongs to this container and not to the volume
mkdir -p "$HOME/logs"
mkdir -p -m 0700 "$RUN"
mkdir -p -m 1777 /tmp/.X11-unix 2>/dev/null || : # an X server that is not root's does not make it everywhere
rm -f "$RUN"/*
# The logs go to this container's output. Where that cannot be opened a second time (a socket; a pipe of another user),
# they go through a pipe of our own, which ends with supervisord, since this shell becomes it.
OUTPUT=/dev/fd/1
if ! (: >>"$OUTPUT") 2>/dev/null; then
    OUTPUT="$RUN/output"
    mkfifo -m 0600 "$OUTPUT"
    "$python" -I -S services/aistudio/leash.py $$ cat <>"$OUTPUT" &
fi
HEALTHWATCH=true
"$python" -m services.healthwatch --wanted || HEALTHWATCH=false
export RUN OUTPUT HEALTHWATCH
exec "$python" -m supervisor.supervisord --nodaemon --configuration config/aistudio.supervisor.conf
