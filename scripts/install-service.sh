#!/bin/sh
# Run Switchyard at boot: write the systemd unit for this checkout, enable it and start it. As root.
#   make install-service [RUN_AS=name] [TRUST=1]     make uninstall-service
# DESTDIR=folder writes below that folder and touches nothing else: a dry run.
# Only what was committed is run and installed, and what changes in the unit is shown; TRUST=1 takes the files as they are.
set -eu
ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$ROOT/scripts/environment.sh"
. "$ROOT/scripts/ownership.sh"
TEMPLATE=scripts/systemd/switchyard.service
DESTDIR=${DESTDIR:-}
UNIT="$DESTDIR/etc/systemd/system/switchyard.service"

systemctl_() {
    if [ -z "$DESTDIR" ]; then systemctl "$@"; else say "would run: systemctl $*"; fi
}

[ -n "$DESTDIR" ] || [ "$(id -u)" = 0 ] || fail "Installing a service needs root: sudo make $1-service"
[ -n "$DESTDIR" ] || command -v systemctl >/dev/null 2>&1 ||
    fail "There is no systemd here. Start at boot by other means: scripts/start.sh"

case "${1:-}" in
install)
    as_committed Makefile scripts/install-service.sh scripts/environment.sh scripts/ownership.sh \
        scripts/with-environment.sh "$TEMPLATE"
    nobody_runs
    # The owner of the checkout, who has its accounts already; a user of its own where that is root.
    user=${RUN_AS:-$(stat -c %U "$ROOT")}
    if [ "$user" = root ] && [ -z "${RUN_AS:-}" ]; then user=switchyard; fi
    if ! id "$user" >/dev/null 2>&1; then
        [ "$user" = switchyard ] || fail "There is no user $user."
        if [ -z "$DESTDIR" ]; then
            say "Making the user switchyard ..."
            useradd --system --create-home --home-dir /var/lib/switchyard --shell /usr/sbin/nologin switchyard
        else
            say "would make the user switchyard"
        fi
    fi
    home=$(getent passwd "$user" | cut -d: -f6)
    home=${home:-/var/lib/switchyard}
    group=$(id -gn "$user" 2>/dev/null || echo "$user")
    accounts=${ACCOUNTS:-$home/.cli-proxy-api}
    case "$ROOT$home$accounts" in *[\ \|\&\\%]*) fail "systemd cannot take a path with a blank, %, |, & or \\: $ROOT" ;; esac
    owner=$(owner_of "$ROOT")
    # Root's `make up` may have left its own files: the environments are for who owns the checkout, the rest for the service.
    if [ "$owner" = root ]; then
        written_by_root "$ROOT/.venv"
    else
        give "$owner" "$(id -gn "$owner")" "$ROOT/.venv" "$ROOT/.venvs"
    fi
    if [ -z "$DESTDIR" ]; then
        as_user "$owner" sh -euc 'ROOT=$1; . "$ROOT/scripts/environment.sh"; make_environment router' - "$ROOT"
        as_user "$owner" mkdir -p "$ROOT/state" "$ROOT/logs"
        [ -d "$accounts" ] || as_user "$user" mkdir -p "$accounts" ||
            fail "$user cannot make the folder of its accounts: sudo install -d -m 0700 -o $user -g $group $accounts"
        as_user "$user" "$VENV/bin/python" -c 'import router' 2>/dev/null ||
            fail "$user cannot run $VENV/bin/python, which is $(readlink -f "$VENV/bin/python"), or read $ROOT.
Have both where it can, such as /opt/switchyard and the Python of the system: make install-service PYTHON=/usr/bin/python3"
    fi
    give "$user" "$group" "$ROOT/state" "$ROOT/logs" "$accounts" "$ROOT/config/conf.d"
    for name in config.yaml aistudio.yaml webai.yaml environment; do
        give "$user" "$group" "$ROOT/config/$name"
    done
    if [ -z "$DESTDIR" ]; then
        chown -h "$user:$group" "$ROOT/config" # the folder alone: settings are replaced in it
        writable "$user" "$group" "$ROOT/state" "$ROOT/logs" "$accounts"
    fi
    mkdir -p "$(dirname "$UNIT")"
    committed "$TEMPLATE" | sed -e "s|@WITH@|/bin/sh @ROOT@/scripts/with-environment.sh @ROOT@/config/environment|" \
        -e "s|@ROOT@|$ROOT|g" -e "s|@USER@|$user|g" -e "s|@GROUP@|$group|g" -e "s|@HOME@|$home|g" \
        -e "s|@ACCOUNTS@|$accounts|g" >"$UNIT.new"
    before=$UNIT
    [ -f "$UNIT" ] || before=/dev/null
    diff -u --label before --label "$UNIT" "$before" "$UNIT.new" >&2 || :
    mv "$UNIT.new" "$UNIT"
    say "Wrote $UNIT; it runs as $user."
    systemctl_ daemon-reload
    systemctl_ enable --now switchyard.service
    say "systemctl status switchyard; journalctl -u switchyard; make status"
    ;;
uninstall)
    systemctl_ disable --now switchyard.service || say "It was not enabled."
    rm -f "$UNIT"
    systemctl_ daemon-reload
    say "Removed $UNIT. Settings, state and accounts stay."
    ;;
*) fail "usage: scripts/install-service.sh install|uninstall" ;;
esac
