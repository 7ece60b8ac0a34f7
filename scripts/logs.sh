#!/bin/sh
# Show the end of the logs: logs.sh [name] [-f]. Names: those of logs/*.log, `router` unless told otherwise; `all`.
set -eu
ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$ROOT/scripts/environment.sh"
name=router
follow=
for word in "$@"; do
    case $word in
    -f | --follow) follow=-f ;;
    -*) fail "logs.sh [name] [-f]: it does not know $word" ;;
    *) name=$word ;;
    esac
done
cd "$ROOT/logs" 2>/dev/null || fail "There are no logs yet. Start with: make up"
if [ "$name" = all ]; then
    set -- *.log
else
    set -- "$name.log"
fi
[ -f "$1" ] || fail "There is no log of $name; there are: $(ls ./*.log 2>/dev/null | sed 's|^\./||; s|\.log$||' | tr '\n' ' ')"
exec tail -n "${LINES_SHOWN:-100}" ${follow:+"$follow"} -- "$@"
