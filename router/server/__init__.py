"""The web server around the application: the process that owns the socket, the process that serves, and the drain.

Nothing is imported here, so that the parent process stays small. Hypercorn is known to `run`, `connection` and
`config` alone.
"""
