"""The sign-ins as the settings have them: shipped facts, what a block changes of them, and whether it is turned on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from router.settings.mistakes import Path
from router.settings.provider_blocks import Providers, Subscription
from router.settings.provider_names import SIGN_INS
from router.settings.sign_ins import SignIn, overridden, shipped_sign_ins


def blocks_of(providers: Providers, sign_in: str) -> Iterator[tuple[Path, Subscription]]:
    """The blocks that are written for one sign-in, with their places: one, or none, or two by mistake."""
    for place in SIGN_INS[sign_in].blocks:
        block: Any = providers
        for step in place.split("."):
            block = getattr(block, step, None)
        if block is not None:
            yield ("providers", *place.split(".")), block


def block_of(providers: Providers, sign_in: str) -> Subscription:
    """The block of one sign-in; the defaults where none is written."""
    return next((block for _, block in blocks_of(providers, sign_in)), Subscription())


def turned_on(block: Subscription, accepted: bool) -> bool:
    """Whether the executor may be used: the settings' word, else whether the caveat was accepted at a sign-in."""
    return block.enabled if "enabled" in block.model_fields_set else accepted


def facts_of(providers: Providers, sign_in: str) -> SignIn:
    """The facts in force. Raises `msgspec.ValidationError` for a change that fits nothing."""
    block = block_of(providers, sign_in)
    facts = overridden(shipped_sign_ins()[sign_in], block.sign_in)
    if block.client_secret is not None:
        facts = replace(facts, client_secret=block.client_secret.reveal())
    if block.addresses:  # the operator's word, which no answer of the vendor replaces
        extra = {name: value for name, value in facts.upstream.extra.items() if name != "domains"}
        facts = replace(facts, upstream=replace(facts.upstream, base_urls=block.addresses, extra=extra))
    return facts


def sign_ins(providers: Providers) -> Mapping[str, SignIn]:
    """All of them by id. Raises `msgspec.ValidationError`."""
    return {name: facts_of(providers, name) for name in SIGN_INS}


def mistakes(providers: Providers) -> Iterator[tuple[Path, str, str]]:
    """Place, problem and remedy of what is wrong with the blocks."""
    for name in SIGN_INS:
        written = list(blocks_of(providers, name))
        for place, _ in written[1:]:
            yield place, "is a second block for the same provider", "Keep one of the two."
        if written and "client_secret" in written[0][1].sign_in:
            remedy = "Write it beside sign_in: as client_secret, best as `${VARIABLE}`, or as client_secret_file."
            yield (*written[0][0], "sign_in", "client_secret"), "is a secret, which would be shown here", remedy
        elif written:
            try:
                facts_of(providers, name)
            except msgspec.ValidationError as error:
                text = f"does not fit: {str(error).split(' - ')[0]}"
                yield (*written[0][0], "sign_in"), text, f"The facts are those of config/sign-ins/{name}.yaml."
