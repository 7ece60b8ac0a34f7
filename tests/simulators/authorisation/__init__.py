"""A simulated authorisation server for every sign-in: strict in what it takes, and able to misbehave.

async with AuthorisationServer() as server:
    facts = server.facts("claude-oauth")           # or `server.overrides(...)` for the settings
    redirected = server.visit(authorize_url)       # the person consents
    granted = server.seed("chatgpt-oauth")         # or: somebody has signed in already
    server.script(faulty.lost(), endpoint="token") # the next answer is lost after the rotation
    assert server.grants.most_in_flight == 1 and not server.grants.reused
"""

from tests.simulators.authorisation.grants import Granted
from tests.simulators.authorisation.server import AuthorisationServer

__all__ = ["AuthorisationServer", "Granted"]
