#!/bin/sh
# Run Switchyard at boot: write the systemd unit for this checkout, enable it and start it. As root.
#   make install-service [RUN_AS=name] [TRUST=1] [ACCOUNTS=folder]     make uninstall-service
# What the unit may write to comes from the settings: run it again when auth.dir or server.state_dir has changed.
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

# The folders that the settings name, as the user of the service sees them: `setting path`, one a line.
folders_of_settings() { # user, home
    (
        cd "$ROOT"
        as_user "$1" env -i "PATH=$PATH" "HOME=$2" sh "$ROOT/scripts/with-environment.sh" "$ROOT/config/environment" \
            "$VENV/bin/python" -m router config folders
    )
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
    case "$ROOT$home" in *[\ \|\&\\%]*) fail "systemd cannot take a path with a blank, %, |, & or \\: $ROOT" ;; esac
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
        as_user "$user" "$VENV/bin/python" -c 'import router' 2>/dev/null ||
            fail "$user cannot run $VENV/bin/python, which is $(readlink -f "$VENV/bin/python"), or read $ROOT.
Have both where it can, such as /opt/switchyard and the Python of the system: make install-service PYTHON=/usr/bin/python3"
    fi
    for name in config.yaml aistudio.yaml webai.yaml environment; do
        give "$user" "$group" "$ROOT/config/$name"
    done
    default=$home/.cli-proxy-api
    asked="auth.dir $default"
    if [ -z "$DESTDIR" ]; then
        asked=$(folders_of_settings "$user" "$home") ||
            fail "The settings cannot be read, so it is not known where the service must be able to write."
    elif [ -x "$VENV/bin/python" ]; then
        asked=$(folders_of_settings "$owner" "$home") || fail "The settings cannot be read."
    else
        say "would ask the settings for the folders that are written to"
    fi
    accounts=${ACCOUNTS:-$(printf '%s\n' "$asked" | sed -n 's/^auth\.dir //p')}
    folders=$(printf '%s\n' "$accounts" "$asked" | sed -e '/^auth\.dir /d' -e 's/^[a-z_.]* //' | grep -vxF "$ROOT/state" || :)
    case "$folders" in *[\ \|\&\\%]*) fail "systemd cannot take a path with a blank, %, |, & or \\: $folders" ;; esac
    give "$user" "$group" "$ROOT/state" "$ROOT/logs" "$ROOT/config/conf.d"
    # The settings are the service's own: root gives away no folder because they name it, only the usual one and its own word.
    case $accounts in "$default" | "${ACCOUNTS:-}") give "$user" "$group" "$accounts" ;; esac
    set -f
    if [ -z "$DESTDIR" ]; then
        chown -h "$user:$group" "$ROOT/config" # the folder alone: settings are replaced in it
        for folder in $folders; do
            [ -d "$folder" ] || as_user "$user" mkdir -p "$folder" ||
                fail "$user cannot make the folder $folder: sudo install -d -m 0700 -o $user -g $group $folder"
        done
        writable "$user" "$group" "$ROOT/state" "$ROOT/logs" $folders
    fi
    folders=$(printf '%s ' $folders)
    mkdir -p "$(dirname "$UNIT")"
    committed "$TEMPLATE" | sed -e "s|@WITH@|/bin/sh @ROOT@/scripts/with-environment.sh @ROOT@/config/environment|" \
        -e "s|@ROOT@|$ROOT|g" -e "s|@USER@|$user|g" -e "s|@GROUP@|$group|g" -e "s|@HOME@|$home|g" \
        -e "s|@FOLDERS@|${folders% }|g" >"$UNIT.new"
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
