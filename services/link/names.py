"""What a service calls itself where the settings give no name."""

from __future__ import annotations

import socket


def host_name(otherwise: str) -> str:
    """This machine's name as a session's name. otherwise: where nothing of it can be used."""
    kept = "".join(each if each.isalnum() or each in "-_." else "-" for each in socket.gethostname().lower())
    return kept.lstrip("-_.")[:63] or otherwise
