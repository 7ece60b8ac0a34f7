#!/bin/sh
# Run Switchyard at boot: write the systemd unit for this checkout, enable it and start it. As root.
#   make install-service [RUN_AS=name]     make uninstall-service
# DESTDIR=folder writes below that folder and touches nothing else: a dry run.
set -eu
ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$ROOT/scripts/environment.sh"
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
    if [ -z "$DESTDIR" ]; then
        make_environment router
        for folder in "$ROOT/state" "$ROOT/logs" "$accounts"; do
            mkdir -p "$folder"
            chown -R "$user:$group" "$folder"
        done
        chown "$user:$group" "$ROOT/config"
    fi
    mkdir -p "$(dirname "$UNIT")"
    sed -e "s|@ROOT@|$ROOT|g" -e "s|@USER@|$user|g" -e "s|@GROUP@|$group|g" -e "s|@HOME@|$home|g" \
        -e "s|@ACCOUNTS@|$accounts|g" "$ROOT/config/systemd/switchyard.service" >"$UNIT.new"
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
