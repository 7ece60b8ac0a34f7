"""A request that an operator writes, aimed at the origin of one account with its credential. Pure.

The origin and the headers come from the account's executor, as for every other call: only the path, the method and the
body are the operator's.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from router.accounts.record import Access, Account
from router.faults import Fault
from router.net.message import HttpRequest
from router.providers.config import ProviderConfig
from router.providers.executor import EXECUTORS
from router.providers.protocol import Outgoing
from router.version import USER_AGENT

PATH = r"^/[!-\"$-\[\]-~]*$"
"""What a path may be made of, a query included: printable, without blanks, backslashes and fragments."""
_PATH = re.compile(PATH)


def aimed(
    provider: ProviderConfig, account: Account, access: Access, method: str, path: str, body: bytes
) -> HttpRequest:
    """The request. Raises `Fault` bad_request for a path that is none, unavailable where the provider has no origin
    that can be asked like this."""
    if not _PATH.fullmatch(path) or not path.isprintable():
        raise Fault("bad_request", "The path must begin with / and have no blanks, backslashes or #.")
    executor = EXECUTORS.get(provider.kind)
    if executor is None or provider.kind == "aistudio" or not provider.base_urls:
        raise Fault("unavailable", f"The provider {provider.id} is not asked over HTTP, so there is no origin to call.")
    outgoing = Outgoing(
        operation="generate",
        dialect=provider.dialects[0],
        model="none",
        stream=False,
        body=b"{}",
        base_url=provider.base_urls[0],
        credential=access.secret,
        facts=access.facts,
    )
    url, headers = executor(provider, outgoing)
    at = urlsplit(url)
    headers |= {"accept": "application/json", "accept-encoding": "identity", "user-agent": USER_AGENT}
    if body:
        headers["content-type"] = "application/json"
    headers |= {name.lower(): value for name, value in provider.headers.items()}
    return HttpRequest(method, f"{at.scheme}://{at.netloc}{path}", headers, body, account.proxy or provider.proxy)
