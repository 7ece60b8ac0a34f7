#!/bin/sh
# Build the environments in which the official SDKs are driven against the router: one for the current majors and one
# for the majors before. With names those: of the services (aistudio, webai) and their tests, of `make fuzz` (fuzz), of the
# terminal's screens (tui, tui-test).
# Running it again does nothing until a lock changes: a stamp holds the digest of lock and Python.
set -eu
cd "$(dirname "$0")/../.."

PYTHON="${PYTHON:-}"
if [ -z "$PYTHON" ]; then
    if [ -x .venv/bin/python ]; then PYTHON=.venv/bin/python; else PYTHON=python3; fi
fi

# One build at a time for each environment: whoever comes later waits, and finds it done.
with_lock() {
    lock_folder=".venvs/.$1.lock"
    mkdir -p .venvs
    waited=0
    until mkdir "$lock_folder" 2>/dev/null; do
        owner="$(cat "$lock_folder/pid" 2>/dev/null || true)"
        if [ -n "$owner" ] && ! kill -0 "$owner" 2>/dev/null; then
            rm -rf "$lock_folder" # of one that was killed
            continue
        fi
        if [ "$waited" -ge 900 ]; then
            echo "Another build of .venvs/$1 (process ${owner:-unknown}) has not ended for 15 minutes; if there is none, remove $lock_folder" >&2
            exit 1
        fi
        [ "$waited" -gt 0 ] || echo "waiting for another build of .venvs/$1"
        waited=$((waited + 1))
        sleep 1
    done
    trap 'rm -rf "$lock_folder"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    echo "$$" >"$lock_folder/pid"
    make_environment "$1"
    trap - EXIT INT TERM # the next lock may be somebody else's
    rm -rf "$lock_folder"
}

make_environment() {
    name="$1"
    lock="requirements/$name.txt"
    target=".venvs/$name"
    stamp="$target/.stamp"
    wanted="$("$PYTHON" -c 'import hashlib, pathlib, sys
print(hashlib.sha256(pathlib.Path(sys.argv[1]).read_bytes()).hexdigest(), sys.version_info[:2])' "$lock")"
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && [ -x "$target/bin/python" ]; then
        echo "$target is up to date"
        return
    fi
    echo "building $target from $lock"
    rm -rf "$target"
    mkdir -p .venvs
    "$PYTHON" -m venv "$target"
    "$target/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"
    printf '%s\n' "$wanted" >"$stamp"
}

# Without arguments both; with arguments only the named ones.
[ "$#" -gt 0 ] || set -- sdk-current sdk-previous
for name in "$@"; do
    with_lock "$name"
done
