# Sourced by install-service.sh: whose the files of a checkout are, and what root may take from it. POSIX sh.
# Expects ROOT, and say and fail of environment.sh. With DESTDIR nothing is changed, only told.

owner_of() { stat -c %U -- "$1"; }

# Run a command as somebody: root runs nothing that another user could have written.
as_user() { # user, command ...
    as=$1
    shift
    if [ "$(id -u)" = 0 ] && [ "$as" != root ]; then runuser -u "$as" -- "$@"; else "$@"; fi
}

# git as the owner of the repository, whose settings may name programs; with none of our variables.
git_() { as_user "$(owner_of "$ROOT/.git")" env -i "PATH=$PATH" git -C "$ROOT" "$@"; }

# What root runs and installs must be what was committed: the service may write to folders of the checkout, and whoever
# owns it to all of it. TRUST=1 says that somebody has looked.
as_committed() { # files below ROOT
    [ -z "${TRUST:-}" ] || return 0
    if [ ! -e "$ROOT/.git" ] || ! git_ rev-parse --quiet --verify HEAD >/dev/null 2>&1; then
        fail "There is no commit to compare with what root would run and install from here ($*).
Read these files, then: sudo make install-service TRUST=1"
    fi
    changed=
    for file in "$@"; do
        if ! git_ cat-file -e "HEAD:./$file" 2>/dev/null; then
            say "$file is in no commit."
            changed="$changed $file"
        elif ! git_ show "HEAD:./$file" | cmp -s - "$ROOT/$file"; then
            git_ show "HEAD:./$file" | diff -u --label "$file, as committed" --label "$file, as it is" - "$ROOT/$file" >&2 || :
            changed="$changed $file"
        fi
    done
    [ -z "$changed" ] || fail "Not as committed:$changed. Root installs nothing of that.
Put it back: git checkout HEAD --$changed; or, where the change above is yours: sudo make install-service TRUST=1"
}

committed() { # file: its text in the commit that was compared, or as it is where it is trusted
    if [ -n "${TRUST:-}" ]; then cat "$ROOT/$1"; else git_ show "HEAD:./$1"; fi
}

# Give over what belongs to somebody else, such as what `make up` of root has left. Never through a link: neither
# a symbolic one nor one of the names of a file that has several.
give() { # user, group, paths
    to=$1 group=$2
    shift 2
    for path in "$@"; do
        if [ -L "$path" ] || [ ! -e "$path" ]; then continue; fi
        set -- "$path" ! -user "$to" '(' ! -type f -o -links 1 ')'
        number=$(find -P "$@" -print | wc -l)
        [ "$number" -gt 0 ] || continue
        what="$path to $to: $number of its files and folders belong to $(owner_of "$(find -P "$@" -print -quit)")"
        if [ -n "$DESTDIR" ]; then
            say "would give $what"
        else
            say "Gives $what."
            find -P "$@" -execdir chown -h "$to:$group" '{}' +
        fi
    done
}

# Fails where root would run programs that somebody else has written.
written_by_root() { # path
    [ -e "$1" ] || return 0
    other=$(find -P "$1" ! -user root -print -quit)
    [ -z "$other" ] || fail "$other belongs to $(owner_of "$other"), and root would run it. It is made anew after: sudo rm -rf $1"
}

# Fails where a user cannot write all of a path, with the command that helps.
writable() { # user, group, paths
    to=$1 group=$2
    shift 2
    for path in "$@"; do
        stuck=$(as_user "$to" find "$path/" ! -type l ! -writable -print -quit 2>/dev/null) || stuck=${stuck:-$path}
        [ -z "$stuck" ] || fail "$to cannot write $stuck. Is it meant to? Then: sudo chown -R $to:$group $(readlink -f "$path")"
    done
}

# Fails where a supervisord of this checkout runs already, such as that of `make up`: the two would fight for the port.
nobody_runs() {
    read -r pid 2>/dev/null <"$ROOT/state/run/supervisord.pid" || return 0
    case $pid in '' | *[!0-9]*) return 0 ;; esac
    grep -qa supervisord "/proc/$pid/cmdline" 2>/dev/null || return 0
    ! systemctl is-active --quiet switchyard.service 2>/dev/null || return 0
    fail "Switchyard runs here already, and not under systemd (process $pid of $(owner_of "/proc/$pid")). As that user: make down"
}
