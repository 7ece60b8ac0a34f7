"""Simulators of the four upstream dialects: as strict as the real servers, and misbehaving on demand.

They import nothing of the router, so that they cannot share its mistakes. `server.Upstream` is the way in.
"""

from tests.simulators.faulty import Misbehaviour
from tests.simulators.server import Upstream

__all__ = ["Misbehaviour", "Upstream"]
