"""What a service takes over from the router that it stands beside: where that is, its accounts, its key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from router.vault.keys import AccountVault, WrongKey, account_vault
from services.link.settings import RelaySettings, SettingsMistake, load_block

ROOT = Path(__file__).resolve().parents[2]
_ANY_HOST: Mapping[str, str] = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104  compared only


class Neighbour(Struct, frozen=True):
    """The router beside a service. server: its block. accounts: the folder of the accounts. vault: encrypts profiles
    with their key. given: the service's own block, with its own file and variables over it."""

    server: Mapping[str, Any]
    accounts: Path
    vault: AccountVault
    given: Mapping[str, Any]


def router_file(named: Path | None, environ: Mapping[str, str], root: Path = ROOT) -> Path:
    """The router's settings file."""
    return named or root / Path(environ.get("SWITCHYARD_CONFIG") or "config/config.yaml").expanduser()


def neighbour(
    place: tuple[str, ...], router_config: Path | None, own: Path | None, environ: Mapping[str, str]
) -> Neighbour:
    """place: of the service's block in the router's file, whose last part names the service's own file too. Raises
    `SettingsMistake`."""
    if own is not None and not own.is_file():
        raise SettingsMistake(f"{own} is not there")
    file = router_file(router_config, environ)

    def block(*at: str, over: Path | None = None) -> dict[str, Any]:
        return load_block(at, environ, router_file=file, own_file=over)

    accounts = ROOT / Path(str(block("auth").get("dir", "~/.cli-proxy-api"))).expanduser()
    given = block(*place, over=own or ROOT / "config" / f"{place[-1]}.yaml")
    try:
        vault = account_vault(accounts, environ)
    except WrongKey as error:
        raise SettingsMistake(str(error)) from None
    return Neighbour(block("server"), accounts, vault, given)


def address(server: Mapping[str, Any]) -> str:
    """Host and port at which a program is reached from its own machine. server: its block, like the router's."""
    host = str(server.get("host", "127.0.0.1")).strip("[]")
    host = _ANY_HOST.get(host, host)
    return f"{f'[{host}]' if ':' in host else host}:{server.get('port', 8317)}"


def certificate(server: Mapping[str, Any]) -> str | None:
    """The file of the router's certificate, None where it speaks plain HTTP."""
    tls = server.get("tls")
    found = tls.get("cert") if isinstance(tls, Mapping) else None
    return str(found) if found else None


def relay_defaults(server: Mapping[str, Any]) -> dict[str, Any]:
    """The block `relay` as it follows from the router's block `server`."""
    keys = Path(str(server.get("state_dir", "state"))).expanduser() / "keys"
    checked = certificate(server)
    url = f"{'wss' if checked else 'ws'}://{address(server)}/v1/ws"
    relay: dict[str, Any] = {"urls": [url], "key_file": str(keys / "service.key")}
    return {**relay, "ca": checked} if checked else relay


def placed(relay: RelaySettings) -> RelaySettings:
    """With every path made whole: relative ones start at the checkout, whatever the current folder is."""
    return replace(
        relay,
        key_file=str(ROOT / Path(relay.key_file).expanduser()),
        ca=str(ROOT / Path(relay.ca).expanduser()) if relay.ca else None,
    )
