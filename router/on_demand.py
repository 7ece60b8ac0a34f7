"""Programs under supervisord that run only while a person signs in: the AI Studio service starts and stops them.

supervisord never starts them by itself, nor do `make up`, `make reload`, the management API or healthwatch; one that
stands still is as it should be.
"""

from __future__ import annotations

NAMES = ("xvfb", "x11vnc", "novnc")
"""In the order of their start: the screen, what shows it to VNC, and the page that speaks VNC."""
SERVICE = "aistudio"
"""Who starts and stops them: the program with this name."""
STATE = "on demand"
"""What is shown instead of supervisord's word where one stands still."""
REFUSAL = "the AI Studio service starts it for a sign-in, and stops it after that"


def rests(name: str, pid: int) -> bool:
    """Whether a program is one of these and stands still. pid: 0 where it has no process."""
    return name in NAMES and not pid
