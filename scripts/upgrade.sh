#!/bin/sh
# Go to the newest commit of this branch without losing a call, or back: scripts/upgrade.sh [back]
# WITHIN: seconds that the new process gets, 60 unless given.
# The commit before is remembered in state/upgraded-from. Where the new one does not become ready, the old one comes back.
set -eu
ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$ROOT/scripts/environment.sh"
cd "$ROOT"
REMEMBERED=state/upgraded-from

commit() { git rev-parse --short HEAD; }

apply() { # the environments and the running processes for what is checked out now
    make_environment router
    for service in aistudio webai; do
        [ ! -x ".venvs/$service/bin/python" ] || sh scripts/dev/make-sdk-venvs.sh "$service"
    done
    "$VENV/bin/python" -m router up --prepare-only
    if running; then
        "$VENV/bin/python" -m router reload-process --within "${WITHIN:-60}"
        restart_services
    fi
}

restart_services() { # what runs of ours beside the router would go on with the code that it was started with
    names=$("$VENV/bin/python" -m router status --json 2>/dev/null | "$VENV/bin/python" -c '
import json, sys
ours = ("aistudio", "webai", "healthwatch")
print(*(row["name"] for row in json.load(sys.stdin)["processes"] if row["name"] in ours and row["pid"]))
') || say "Which services run is not known; start them anew where they do: make restart NAME=aistudio (webai, healthwatch)"
    for name in $names; do
        say "Starting $name anew, with the code of this commit ..."
        "$VENV/bin/python" -m router restart "$name" || say "$name is not well; see make status and logs/$name.log"
    done
}

running() { # whether supervisord answers: after a power cut its socket is there, and nobody behind it
    [ -S state/run/supervisor.sock ] && "$VENV/bin/python" -c '
import socket, sys
with socket.socket(socket.AF_UNIX) as sock:
    try:
        sock.connect("state/run/supervisor.sock")
    except (ConnectionRefusedError, FileNotFoundError):
        sys.exit(1)
    except OSError:
        pass  # somebody is there
'
}

told() { # commit, what else to say
    if running; then say "Commit $1 serves.$2"; else say "Commit $1 is installed. Nothing runs here; start it: make up.$2"; fi
}

attempt() { # `apply` in a shell of its own, so that its first failed step ends it: `set -e` is off inside a condition
    set +e
    (
        set -e
        apply
    )
    code=$?
    set -e
}

[ -z "$(git status --porcelain --untracked-files=no)" ] ||
    fail "Files of the checkout were changed; put them away first (git stash), or upgrade by hand: git status"
mkdir -p state

if [ "${1:-}" = back ]; then
    [ -f "$REMEMBERED" ] || fail "No upgrade was made here: there is nothing to go back to."
    old=$(cat "$REMEMBERED")
    now=$(commit)
    git merge-base --is-ancestor HEAD '@{upstream}' 2>/dev/null ||
        fail "This branch has commits of its own, which would be lost; go back by hand: git checkout $old && make up && make reload"
    git reset -q --hard "$old"
    rm -f "$REMEMBERED"
    attempt
    [ "$code" = 0 ] || fail "Commit $old does not become ready; see make status and the logs."
    told "$old" ""
    say "Back from $now to $old. A database of the newer version is refused by the older one: then restore a backup."
    exit 0
fi

upstream=$(git rev-parse --abbrev-ref --symbolic-full-name '@{upstream}' 2>/dev/null) ||
    fail "This checkout follows no remote branch. Change to one (git checkout main), or fetch what you want by hand and run: make up && make reload"
old=$(commit)
git fetch -q "${upstream%%/*}"
git merge -q --ff-only "$upstream" || fail "This branch has commits of its own; merge $upstream by hand, then: make up && make reload"
new=$(commit)
if [ "$old" = "$new" ]; then
    say "Commit $new is the newest already."
    exit 0
fi
before=$(cat "$REMEMBERED" 2>/dev/null || :)
git rev-parse "$old" >"$REMEMBERED"
say "From $old to $new:"
git log --oneline --no-decorate "$old..$new" | head -n 20 >&2
attempt
if [ "$code" = 0 ]; then
    told "$new" " Back: make rollback"
else
    say "Commit $new does not become ready; going back to $old."
    git reset -q --hard "$old"
    if [ -n "$before" ]; then printf '%s\n' "$before" >"$REMEMBERED"; else rm -f "$REMEMBERED"; fi
    attempt
    [ "$code" = 0 ] || fail "The old commit does not become ready either; see make status and the logs."
    fail "Nothing was upgraded: commit $old serves."
fi
