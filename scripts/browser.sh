#!/bin/sh
# Install what the AI Studio service needs: its environment in .venvs/aistudio, and a browser where that can be done.
# CAMOUFOX=1 adds Camoufox and lets its own tool fetch its browser; else, or where that fails, the system's Chromium.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }

have() { command -v "$1" >/dev/null 2>&1; }

find_chromium() {
    for name in chromium chromium-browser google-chrome google-chrome-stable microsoft-edge; do
        if have "$name"; then
            command -v "$name"
            return 0
        fi
    done
    return 1
}

sh scripts/dev/make-sdk-venvs.sh aistudio
python=.venvs/aistudio/bin/python

if [ "${CAMOUFOX:-}" = 1 ]; then
    say "Installing Camoufox, which fetches its browser from its own releases (hundreds of megabytes) ..."
    if "$python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/aistudio-camoufox.txt &&
        "$python" -m camoufox fetch; then
        say "Camoufox is there."
        exit 0
    fi
    say "Camoufox could not be installed; Chromium does as well."
fi

if path=$(find_chromium); then
    say "Chromium is there: $path"
    exit 0
fi
if have apt-get && [ "$(id -u)" = 0 ]; then
    say "Installing Chromium, and what a sign-in on a server needs ..."
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium xvfb x11vnc novnc websockify >&2
    say "Chromium is there: $(find_chromium)"
    exit 0
fi
say "There is no Chromium here. Debian and Ubuntu: apt-get install chromium
To sign in on a server without a display: apt-get install xvfb x11vnc novnc websockify
Or name a browser: providers.aistudio.browser.executable_path"
exit 1
