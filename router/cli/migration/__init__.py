"""``switchyard import config``: configurations of other gateways as settings of ours, and what of them has no place."""
