"""What `doctor` looks at. Each check gives findings: what, why it matters, the exact fix."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from router import places
from router.cli.account_findings import accounts
from router.cli.aistudio_findings import aistudio
from router.cli.credential_findings import credentials, quotas
from router.cli.effect_findings import effects
from router.cli.finding import Finding
from router.cli.first_files import KEYS
from router.cli.live_findings import dialects
from router.cli.network_findings import network
from router.cli.pair_findings import pairs
from router.cli.price_findings import prices
from router.cli.program_findings import programs
from router.cli.talk import Place, Unreachable, fetch, url
from router.cli.webai_findings import webai
from router.providers.resolve import resolve
from router.server.listen import connection_limit, port_holder, raise_descriptor_limit
from router.settings.checks import is_loopback, upstreams
from router.settings.environment import pick_up
from router.settings.presets import shipped_presets
from router.version import NAME, VERSION

STREAMS_WANTED = 4000
CERTIFICATE_DAYS = 14


def configuration(place: Place, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Whether the settings can be read, and what in them was perhaps not meant."""
    if place.problem is not None:
        why = "The router does not start with these settings, and a running one keeps its old ones."
        yield Finding(
            "error", "config", place.problem, why, f"Correct {place.config}, then run: switchyard config check"
        )
        return
    yield Finding("ok", "config", f"{place.config} is valid" if place.config.exists() else "defaults, no file")
    from router.server.product import read_settings

    for warning in read_settings(place.config, environ).warnings:
        yield Finding("warning", "config", warning, "It works, but perhaps not as meant.", f"Edit {place.config}")


def keys(place: Place, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Whether the generated keys are there and private."""
    for name in KEYS:
        path = places.key_file(place.state_dir, name)
        if not path.exists():
            given = {str(key.scope) for key in place.settings.auth.keys}
            if name not in given and not (name == "management" and place.key(name)):
                why = f"Without a {name} key nobody can use what it opens."
                yield Finding("warning", "keys", f"there is no {name} key at {path}", why, "make up")
            continue
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            why = "Other users of this machine can read it."
            yield Finding("error", "keys", f"{path} is readable by others", why, f"chmod 600 '{path}'")
        else:
            yield Finding("ok", "keys", f"{name} key at {path}")


def folders(place: Place, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Whether the state folder can be written by us and read by nobody else."""
    folder = place.state_dir
    if not folder.exists():
        yield Finding("warning", "state", f"{folder} does not exist yet", "The first start makes it.", "make up")
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        why = "The database, keys and sockets cannot be written."
        yield Finding("error", "state", f"{folder} is not writable", why, f"sudo chown -R \"$(id -un)\" '{folder}'")
    elif stat.S_IMODE((folder / "keys").stat().st_mode if (folder / "keys").exists() else 0) & 0o077:
        why = "Other users of this machine can list the keys."
        yield Finding("error", "state", f"{folder}/keys is open to others", why, f"chmod 700 '{folder}/keys'")
    else:
        yield Finding("ok", "state", f"{folder} is writable")
    from router.cli.config_commands import DATABASE
    from router.state.migrate import revision

    revision(folder / DATABASE)  # raises where it is damaged


def process(place: Place, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Whether what answers at our address is this gateway, in this version, and ready."""
    scheme, host, port = place.address()
    address = url(scheme, host, port)
    holder = port_holder(port)
    try:
        _, identity = fetch(place, "/")
        status, answer = fetch(place, "/readyz")
    except Unreachable:
        if holder is not None:
            fix = f"Stop it, or choose another port: make up PORT={port + 1}"
            yield Finding("error", "process", f"port {port} is held by {holder}", "It is no gateway that answers.", fix)
        else:
            yield Finding("error", "process", f"nothing answers at {address}", "Clients cannot connect.", "make up")
        return
    if not isinstance(identity, dict) or identity.get("name") != NAME:
        fix = f"Stop {holder or 'that program'}, or choose another port: make up PORT={port + 1}"
        yield Finding(
            "error", "process", f"something else answers at {address}", "Clients talk to the wrong server.", fix
        )
        return
    if place.process is None:
        why = f"Clients reach another installation ({holder or 'of another user'}), with other keys and settings."
        yield Finding(
            "warning", "process", f"the gateway at {address} was not started from here", why, "make up PORT=…"
        )
    if identity.get("version") != VERSION:
        what = f"version {identity.get('version')} runs, {VERSION} is installed"
        yield Finding("warning", "process", what, "The update is not in force.", "switchyard reload-process")
    if status != 200:
        from router.cli.processes import causes

        why = "Calls may be refused."
        yield Finding("error", "process", f"not ready: {causes(answer)}", why, "scripts/logs.sh router")
    else:
        yield Finding("ok", "process", f"ready at {address}")
        for each in answer.get("causes", ()) if isinstance(answer, dict) else ():
            if each.get("cause") == "ledger":
                fix = "scripts/logs.sh router says why; docs/operations.md, Backup and restore, for a damaged file"
                yield Finding("error", "ledger", each["text"], "Budgets do not hold.", fix)


def providers(place: Place, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Who answers: providers with a key, servers that need none, sign-ins. The services have checks of their own."""
    picked, _ = pick_up(environ, shipped_presets(), place.settings.server.port)
    found = {name: f"key of {one.variable}" for name, one in picked.items()}
    for name, _, block in upstreams(place.settings):
        entries: Any = getattr(block, "api_keys", ())
        if block.enabled and (entries or name == "vertex"):
            found[name] = f"{len(entries)} in the settings" if entries else "a service account in the settings"
    for provider in resolve(place.settings, environ):
        if provider.kind != "demo" and provider.accounts:
            found.setdefault(provider.id, "needs no key")
    for name, where in sorted(found.items()):
        yield Finding("ok", "providers", f"{name}: {where}")
    folder = places.in_checkout(place.settings.auth.dir)
    if signed_in := len(list(folder.glob("*.json"))):
        yield Finding("ok", "providers", f"sign-ins: {signed_in} in {folder}")
    services = (place.settings.providers.aistudio, place.settings.providers.webai)
    if not found and not signed_in and not any(block is not None and block.enabled for block in services):
        why = "Only the demo provider answers."
        fix = (
            f"switchyard login PROVIDER; or put a key under providers in {place.config}; or set OPENAI_API_KEY "
            "(or another) before: make up"
        )
        yield Finding("warning", "providers", "there is no key and no sign-in of a provider", why, fix)


def machine(place: Place, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Clock and descriptors."""
    newest = max(path.stat().st_mtime for path in (places.ROOT / "router").glob("*.py"))
    if time.time() < newest - 86_400:
        why = "Certificates and keys seem expired or not valid yet, and limits count wrong days."
        yield Finding("error", "clock", f"the clock says {time.ctime()}, which is before this version was written", why,
                      "sudo timedatectl set-ntp true")  # fmt: skip
    else:
        yield Finding("ok", "clock", time.strftime("%Y-%m-%d %H:%M:%S %Z"))
    limit = raise_descriptor_limit()
    if connection_limit(limit) < STREAMS_WANTED:
        what = f"{limit} open files allowed: {connection_limit(limit)} connections at once"
        yield Finding("warning", "descriptors", what, "More clients get 503.", "ulimit -n 65536, or LimitNOFILE=65536")
    else:
        yield Finding("ok", "descriptors", f"{limit} open files allowed")


def certificate(place: Place, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Whether the TLS files can be used, and for how long."""
    tls = place.settings.server.tls
    if tls.cert is None or tls.key is None:
        host = place.settings.server.host
        if not is_loopback(host):
            why = "Keys and prompts cross the network in the clear."
            yield Finding(
                "warning", "tls", f"{host} is open without TLS", why, "Set server.tls, or put a TLS proxy before it"
            )
        return
    from router.server.tls import BadCertificate, Certificate

    cert = places.in_checkout(tls.cert)
    try:
        Certificate(cert, places.in_checkout(tls.key))
    except BadCertificate as error:
        yield Finding("error", "tls", str(error), "The router cannot serve https.", "Correct server.tls.cert and .key")
        return
    days = _days_left(cert)
    if days < CERTIFICATE_DAYS:
        what = f"{cert} expires in {days:.0f} days" if days > 0 else f"{cert} has expired"
        yield Finding("warning" if days > 0 else "error", "tls", what, "Clients refuse to connect.", "Renew it")
    else:
        yield Finding("ok", "tls", f"{cert} is valid for {days:.0f} days")


def _days_left(cert: Path) -> float:
    from cryptography import x509

    until = x509.load_pem_x509_certificates(cert.read_bytes())[0].not_valid_after_utc
    return (until.timestamp() - time.time()) / 86_400


Check = Callable[[Place, Mapping[str, str]], Iterator[Finding]]
CHECKS: tuple[Check, ...] = (
    configuration,
    effects,
    keys,
    folders,
    process,
    programs,
    dialects,
    pairs,
    providers,
    network,
    accounts,
    credentials,
    quotas,
    prices,
    aistudio,
    webai,
    machine,
    certificate,
)
ASKING: tuple[Check, ...] = (network, credentials)
"""Those that ask providers; left out with `--offline`."""
