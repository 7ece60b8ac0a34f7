"""What the command line changes, in the audit log of this installation: the same lines as for the management API."""

from __future__ import annotations

import os
import pwd
import sys
from pathlib import Path

from router.accounts.audit import Audit
from router.clock import SystemClock


def operator() -> str:
    """Whoever runs this process, as the audit log names them: not by a variable, which anybody can set."""
    number = os.getuid()
    try:
        return f"cli ({pwd.getpwuid(number).pw_name})"
    except KeyError:  # in containers users may have no name
        return f"cli (user {number})"


def note(state_dir: Path, action: str, which: str, details: str = "") -> None:
    """Write down what was just done. action: as the operation of the management API is called. which: a name, never a
    secret. Where it cannot be written that is said, since the change has been made."""
    audit = Audit(state_dir, SystemClock())
    audit.record(operator(), "managed", which, f"{action} {details}".rstrip())
    try:
        audit.flush(everything=True)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        print(f"this does not stand in the audit log: {audit.path} cannot be written: {reason}", file=sys.stderr)
