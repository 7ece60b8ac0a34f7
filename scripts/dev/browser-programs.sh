#!/bin/sh
# Print the packages (as Debian and Ubuntu call them) that the tests with a real browser lack here, one a line.
have() { command -v "$1" >/dev/null 2>&1; }

have chromium || have google-chrome || echo chromium
have firefox-esr || have firefox || echo firefox-esr
have Xvfb || echo xvfb
have x11vnc || echo x11vnc
have websockify || echo websockify
have xdotool || echo xdotool
[ -f /usr/share/novnc/vnc.html ] || echo novnc
