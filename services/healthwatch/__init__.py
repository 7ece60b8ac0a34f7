"""Asks every program whether it works, and has started anew through supervisord what does not."""
