#!/bin/sh
# Run a program with the variables of a file, one NAME=value a line: with-environment.sh FILE program ...
# Read by the service's own user, not by systemd: who may write the folder could have root read another file there.
set -eu
file=$1
shift
if [ -f "$file" ]; then
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in '' | \#* | \;*) continue ;; esac
        name=${line%%=*} value=${line#*=}
        case $name in
        '' | [0-9]* | *[!A-Za-z0-9_]* | "$line")
            printf '%s\n' "$file: a line is no NAME=value and is passed over" >&2
            continue
            ;;
        esac
        case $value in
        \"*\") value=${value#\"} value=${value%\"} ;;
        \'*\') value=${value#\'} value=${value%\'} ;;
        esac
        export "$name=$value"
    done <"$file"
fi
exec "$@"
