"""cto.new in two halves on one loopback port: Clerk (`clerk.py`) and EngineLabs (`engine.py`), both strict."""

from tests.simulators.ctonew.clerk import Clerk, Person, Trouble
from tests.simulators.ctonew.engine import Engine
from tests.simulators.ctonew.play import Play
from tests.simulators.ctonew.server import CtoNew

__all__ = ["Clerk", "CtoNew", "Engine", "Person", "Play", "Trouble"]
