"""A router before simulated upstreams, as the tests of the API have it."""

from tests.router.api.conftest import router, upstream

__all__ = ["router", "upstream"]
