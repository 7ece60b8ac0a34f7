"""The relay's protocol, shared by the router and its services: frames, payloads, and both sides as state machines.

Pure: values in, values out. Services import this, `router.wire` and `router.faults`, and nothing else of the router.
"""
