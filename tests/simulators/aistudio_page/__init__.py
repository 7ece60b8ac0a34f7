"""A stand-in for the Google AI Studio page: its own small web application on loopback, for a real browser to open.

`server.Studio` is the way in. Structure, states and wire follow what is publicly known of the page; markup, scripts and
words are our own. The words of the prompt direct the answer (`behaviour.py`), `Studio.faults` breaks the page.
"""

from tests.simulators.aistudio_page.server import Studio

__all__ = ["Studio"]
