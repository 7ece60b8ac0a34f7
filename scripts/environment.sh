# Sourced by the other scripts: the checkout's folder, the Python to use, and the virtual environment.
# POSIX sh. Expects ROOT to be set.

VENV="$ROOT/.venv"

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "$*"
    exit 1
}

# The first Python of at least 3.11; PYTHON names another one.
find_python() {
    for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null 2>&1 &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    found=$(python3 --version 2>/dev/null || echo "no python3")
    fail "Switchyard needs Python 3.11 or newer; this machine has $found.
Install one (Debian and Ubuntu: apt-get install python3.12 python3.12-venv; macOS: brew install python)
or name it: make up PYTHON=/path/to/python3.12"
}

make_venv() {
    if [ -x "$VENV/bin/python" ] && "$VENV/bin/python" -c 'import pip' >/dev/null 2>&1; then
        return 0
    fi
    python=$(find_python) || exit 1
    say "Making a virtual environment in .venv with $("$python" --version) ..."
    rm -rf "$VENV"
    "$python" -m venv "$VENV" >&2 ||
        fail "The virtual environment could not be made. On Debian and Ubuntu: apt-get install python3-venv"
}

# Install one lock file unless exactly this file is installed already.
install_lock() { # name
    lock="$ROOT/requirements/$1.txt"
    stamp="$VENV/.installed-$1"
    sum=$(cksum <"$lock")
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$sum" ]; then
        return 0
    fi
    total=$(grep -c '^[A-Za-z0-9]' "$lock")
    say "Installing at most $total packages ($1), each pinned by its hash ..."
    mkdir -p "$ROOT/logs"
    log="$ROOT/logs/install-$1.log"
    rm -f "$VENV/.failed"
    { "$VENV/bin/python" -m pip install --require-hashes --no-input --disable-pip-version-check \
        --no-warn-script-location --progress-bar off -r "$lock" 2>&1 || : >"$VENV/.failed"; } |
        tee "$log" |
        awk -v total="$total" '/^Collecting / { n++; if (n % 10 == 0) printf "  %d of %d: %s\n", n, total, $2 }
                               /^Installing collected/ { print "  unpacking" }' >&2
    if [ -f "$VENV/.failed" ]; then
        rm -f "$VENV/.failed"
        tail -n 15 "$log" >&2
        fail "The packages could not be installed; the whole output is in logs/install-$1.log"
    fi
    printf '%s\n' "$sum" >"$stamp"
}

# Make `python -m router` and `.venv/bin/switchyard` work from every folder, without building a package.
link_checkout() {
    site=$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    printf '%s\n' "$ROOT" >"$site/switchyard-checkout.pth"
    printf '#!/bin/sh\nexec "$(dirname "$0")/python" -m router "$@"\n' >"$VENV/bin/switchyard"
    chmod +x "$VENV/bin/switchyard"
}

make_environment() { # lock names
    make_venv
    for name in "$@"; do
        install_lock "$name"
    done
    link_checkout
}
