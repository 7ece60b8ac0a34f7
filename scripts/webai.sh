#!/bin/sh
# Install what the WebAI service needs, in .venvs/webai. Arguments choose the packages that it asks providers with, which
# are under licences of their own: gemini (AGPL-3.0), g4f (GPL-3.0), browser (LGPL-3.0). What was chosen once stays chosen.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }

python=.venvs/webai/bin/python
chosen=.venvs/webai.chosen
for name in "$@"; do
    case "$name" in
    gemini | g4f | browser) ;;
    *)
        say "There is no extra \"$name\". There are: gemini g4f browser"
        exit 2
        ;;
    esac
done
mkdir -p .venvs
touch "$chosen"
for name in "$@"; do
    grep -qx "$name" "$chosen" || printf '%s\n' "$name" >>"$chosen"
done

sh scripts/dev/make-sdk-venvs.sh webai

while read -r name; do
    case "$name" in
    gemini) say "gemini-webapi, under the AGPL-3.0: asks Gemini's web page with your own cookies." ;;
    g4f) say "g4f (gpt4free), under the GPL-3.0: asks other people's free servers, which read what you send." ;;
    browser) say "browser-cookie3, under the LGPL-3.0: reads cookies out of a browser of this machine, when asked." ;;
    esac
    "$python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "requirements/webai-$name.txt"
done <"$chosen"

say "The WebAI service is installed in .venvs/webai."
for name in gemini g4f browser; do
    grep -qx "$name" "$chosen" || say "  not chosen: $name (make webai EXTRAS=$name)"
done
say "Licences, and whether such use is allowed to you: docs/webai.md"
